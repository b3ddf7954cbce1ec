//! What validation says of a training.

use std::path::Path;

use serde::Serialize;

use super::{Judge, Trials};
use crate::data::table::Table;
use crate::error::Result;
use crate::files;
use crate::train::Best;
use crate::transfer::folder::Folder;

/// What validation says of a training.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Score {
    /// The splits in which the metric has a value.
    pub splits: Vec<usize>,
    /// Its values there.
    pub values: Vec<f64>,
    /// The splits in which it has none.
    pub undefined: Vec<usize>,
    /// Its mean over all splits; none where it has no value in one: over others it would be no match.
    pub mean: Option<f64>,
    /// The standard deviation over all splits, with n − 1; none for fewer than two, or without a mean.
    pub standard_deviation: Option<f64>,
    /// The epoch, from 0, of the best model of each split; empty where there are several networks.
    pub best_epochs: Vec<usize>,
}

impl Score {
    /// Where the metric has no value: `n/a in splits 1, 2`.
    pub fn gaps(&self) -> Option<String> {
        let splits: Vec<String> = self.undefined.iter().map(usize::to_string).collect();
        let word = if splits.len() == 1 { "split" } else { "splits" };
        (!splits.is_empty()).then(|| format!("n/a in {word} {}", splits.join(", ")))
    }
}

impl Trials {
    /// What validation says of a finished training.
    ///
    /// # Errors
    /// Tables that are missing or damaged.
    pub fn score(&self, name: &str, judge: &Judge) -> Result<Score> {
        let folder = Folder::open(&self.maps(name))?;
        let mut score = Score::default();
        for split in folder.splits()? {
            let best = folder.best(split, &judge.selection_metric).join("validation");
            match value(&best, &judge.metric)? {
                Some(value) => {
                    score.values.push(value);
                    score.splits.push(split);
                }
                None => score.undefined.push(split),
            }
            let log = folder.split(split).join("training_logs/training.tsv");
            if log.is_file() {
                score.best_epochs.extend(best_epoch(&log, judge)?);
            }
        }
        if score.undefined.is_empty() {
            (score.mean, score.standard_deviation) = mean(&score.values);
        }
        Ok(score)
    }
}

/// The mean, and the standard deviation with n − 1, where there are enough values.
pub fn mean(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let deviation = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
    ((!values.is_empty()).then_some(mean), deviation)
}

/// A metric of a group by the tables in its folder: of images, or where these have none of parts.
fn value(folder: &Path, metric: &str) -> Result<Option<f64>> {
    const END: &str = "_level_metrics.tsv";
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut names = files::entries(folder)?;
    names.retain(|name| name.ends_with(END));
    names.sort_by_key(|name| !name.ends_with(&format!("_image{END}")));
    for name in names {
        let table = Table::read(&folder.join(name))?;
        let row = (0..table.len()).find(|row| table.text(*row, 0) == Some("Values"));
        if let (Some(row), Some(column)) = (row, table.find_column(metric)) {
            return table.number(row, column);
        }
    }
    Ok(None)
}

/// The epoch of the best model, by the last evaluation of each.
fn best_epoch(log: &Path, judge: &Judge) -> Result<Option<usize>> {
    let table = Table::read(log)?;
    let epochs = table.column("epoch")?;
    let Some(column) = table.find_column(&format!("{}_valid", judge.selection_metric)) else {
        return Ok(None);
    };
    let mut best = Best::new(&judge.selection_metric, judge.selection);
    for row in 0..table.len() {
        let epoch = table.needed_number(row, epochs)? as usize;
        let within =
            row + 1 < table.len() && table.needed_number(row + 1, epochs)? as usize == epoch;
        if !within {
            best.improves(table.number(row, column)?, epoch);
        }
    }
    Ok(best.record.map(|(_, epoch)| epoch))
}
