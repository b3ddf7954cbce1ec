//! The trials of a search, the best one first.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Judge, Score, State, Trials};
use crate::data::table::write_tsv;
use crate::error::Result;
use crate::options::plain;

/// A trial of a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Its name, which is that of its folder: `trial-003`.
    pub name: String,
    /// How far it is.
    pub state: State,
    /// What was drawn for it, by option.
    pub drawn: Vec<(String, Value)>,
    /// What validation says, where it is finished.
    pub score: Option<Score>,
    /// Why it has no score: the first line of why it failed, or where its metric has no value.
    pub error: Option<String>,
}

impl Trial {
    /// The trial of this name as it stands.
    ///
    /// # Errors
    /// A damaged experiment folder.
    pub fn read(
        trials: &Trials,
        name: &str,
        drawn: Vec<(String, Value)>,
        judge: &Judge,
    ) -> Result<Self> {
        let state = trials.state(name)?;
        let score = match state {
            State::Finished => Some(trials.score(name, judge)?),
            _ => None,
        };
        let error = match &score {
            Some(score) => score.gaps().map(|gaps| format!("{} is {gaps}", judge.metric)),
            None => trials.why(name).filter(|_| state == State::Failed),
        };
        let error = error.map(|text| text.lines().next().unwrap_or_default().to_owned());
        Ok(Self { name: name.to_owned(), state, drawn, score, error })
    }

    /// What they are compared by, where it is known.
    pub fn mean(&self) -> Option<f64> {
        self.score.as_ref()?.mean
    }
}

/// Puts trials in order: those with a mean by it, the best first, then the others; equals stay as they
/// are, so that of trials in the order in which they were drawn the one drawn first comes first.
pub fn rank(trials: &mut [Trial], judge: &Judge) {
    trials.sort_by(|one, other| match (one.mean(), other.mean()) {
        (Some(a), Some(b)) if judge.direction.is_better(a, b) => Ordering::Less,
        (Some(a), Some(b)) if judge.direction.is_better(b, a) => Ordering::Greater,
        (Some(_), Some(_)) | (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    });
}

/// What the trials with one value of an option reached.
#[derive(Debug, Clone, PartialEq)]
pub struct OfValue {
    /// The value, as text.
    pub value: String,
    /// The mean of their means.
    pub mean: f64,
    /// The lowest and the highest of them.
    pub range: [f64; 2],
}

/// What was reached with each value that was drawn for the option at this place, in the order of the
/// values as text; trials without a mean do not count.
pub fn by_value(trials: &[Trial], option: usize) -> Vec<OfValue> {
    let mut reached: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for trial in trials {
        if let (Some((_, value)), Some(mean)) = (trial.drawn.get(option), trial.mean()) {
            reached.entry(plain(value)).or_default().push(mean);
        }
    }
    let of_value = |(value, means): (String, Vec<f64>)| OfValue {
        value,
        mean: means.iter().sum::<f64>() / means.len() as f64,
        range: means
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], x| [a.min(*x), b.max(*x)]),
    };
    reached.into_iter().map(of_value).collect()
}

/// Writes `search.tsv`: a line for each trial, in the order in which they are given. `best_epochs` count
/// from 0, as `epoch` in training.tsv does.
///
/// # Errors
/// What the disk says.
pub fn write_search(trials: &Trials, all: &[Trial], judge: &Judge) -> Result<()> {
    let options = all.first().map_or(&[][..], |first| &first.drawn[..]);
    let metric = &judge.metric;
    let of_metric = [format!("{metric}_mean"), format!("{metric}_sd")];
    let mut columns = vec!["trial", "state"];
    columns.extend(options.iter().map(|(option, _)| option.as_str()));
    columns.extend(of_metric.iter().map(String::as_str));
    columns.extend(["splits", "best_epochs", "error"]);
    let number = |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |v| v.to_string());
    let list = |numbers: &[usize]| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        if numbers.is_empty() { "n/a".to_owned() } else { numbers.join(",") }
    };
    let rows = all.iter().map(|trial| {
        let score = trial.score.clone().unwrap_or_default();
        let mut row = vec![trial.name.clone(), trial.state.name().to_owned()];
        row.extend(trial.drawn.iter().map(|(_, value)| plain(value)));
        row.extend([number(score.mean), number(score.standard_deviation)]);
        row.extend([list(&score.splits), list(&score.best_epochs)]);
        row.push(trial.error.clone().unwrap_or_else(|| "n/a".into()));
        row
    });
    write_tsv(&trials.folder().join("search.tsv"), &columns, rows)
}
