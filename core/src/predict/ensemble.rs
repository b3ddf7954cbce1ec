//! What the networks of all splits say together.

use std::collections::BTreeSet;

use serde::Serialize;

use super::group::{DataGroup, Standing};
use super::opened::Opened;
use super::places::Target;
use crate::error::Result;
use crate::task::Task;
use crate::train::LevelScores;
use crate::train::evaluate::{Evaluation, Row};

/// The scores of a group by the mean of what the best networks of all splits say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ensemble {
    /// The splits.
    pub splits: Vec<usize>,
    /// The metric that their networks are the best by.
    pub selection_metric: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// The scores; none where it is not known what is true.
    pub scores: LevelScores,
}

/// The metrics by which the best networks of all splits speak together.
pub(super) struct Together {
    pub(super) metrics: BTreeSet<String>,
    /// Why there are none of the others, where there are others.
    pub(super) why_not: Option<String>,
}

impl Together {
    /// Of the splits and metrics that are `chosen`, whose results go to `targets`.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn of(
        opened: &Opened,
        group: &DataGroup,
        chosen: &[(usize, String)],
        targets: &[Target],
    ) -> Result<Self> {
        let all = opened.standing()?;
        let list = |splits: &mut dyn Iterator<Item = usize>| {
            splits.map(|split| split.to_string()).collect::<Vec<_>>().join(", ")
        };
        let unfinished = list(&mut all.iter().filter(|(_, done)| !done).map(|(split, _)| *split));
        let leaked = group.leaked.len();
        let why = if all.len() < 2 {
            Some("the experiment has one split".into())
        } else if group.standing == Standing::Training {
            Some("the splits' networks learned from each other's groups".into())
        } else if leaked > 0 {
            Some(format!("networks have seen {leaked} participants of the group in training"))
        } else if opened.config.task == Task::Reconstruction {
            Some("the tables of a reconstruction hold no predictions to take the mean of".into())
        } else if !unfinished.is_empty() {
            let all = all.len();
            Some(format!("it takes all {all} splits, and these are not finished: {unfinished}"))
        } else if targets.iter().any(|target| !target.tables) {
            Some("tables that were there already stay as they are".into())
        } else if all.iter().any(|(split, _)| chosen.iter().all(|(asked, _)| asked != split)) {
            Some(format!("it takes all {} splits at once", all.len()))
        } else {
            None
        };
        let mut metrics: BTreeSet<String> =
            chosen.iter().map(|(_, metric)| metric.clone()).collect();
        if why.is_some() {
            metrics.clear();
            return Ok(Self { metrics, why_not: why });
        }
        let mut lacking = Vec::new();
        metrics.retain(|metric| {
            let has = |split: &usize| chosen.iter().any(|(s, m)| s == split && m == metric);
            let without =
                list(&mut all.iter().map(|(split, _)| *split).filter(|split| !has(split)));
            let complete = without.is_empty();
            if !complete {
                lacking.push(format!("no best model by {metric} in these splits: {without}"));
            }
            complete
        });
        Ok(Self { metrics, why_not: (!lacking.is_empty()).then(|| lacking.join("; ")) })
    }
}

/// The mean of probabilities, or of predicted numbers, row by row; none where they are not of the same
/// samples.
pub(super) fn mean(evaluations: &[&Evaluation]) -> Option<Evaluation> {
    let (first, others) = evaluations.split_first()?;
    let n = evaluations.len() as f64;
    let mut rows = first.rows.clone();
    for other in others {
        if other.rows.len() != rows.len() || other.outputs != first.outputs {
            return None;
        }
        for (row, other) in rows.iter_mut().zip(&other.rows) {
            if row.sample != other.sample {
                return None;
            }
            row.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
        }
    }
    let divide = |row: &mut Row| row.values.iter_mut().for_each(|value| *value /= n);
    rows.iter_mut().for_each(divide);
    Some(Evaluation { rows, loss: None, ..**first })
}
