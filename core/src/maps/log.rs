//! The logs of a network's training: for people, for programs, and for TensorBoard.

use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Map;

use super::event_file::{EventFile, Scalars};
use super::tables::{TrainingRow, number, write_training};
use crate::data::table::{Table, write_tsv};
use crate::error::Result;
use crate::files;
use crate::records::Measured;
use crate::train::scores::Score;

/// `training.tsv`, `metrics.jsonl` and `times.tsv` of a network, and `tensorboard/`.
pub(crate) struct TrainingLog {
    folder: PathBuf,
    split: usize,
    network: Option<usize>,
    /// When each evaluation was done, as far as that is known.
    times: Vec<Time>,
    since: Instant,
}

/// When an evaluation was done.
#[derive(Clone, Copy, Default)]
struct Time {
    /// Seconds since the one before, or since training was begun or gone on with.
    seconds: Option<f64>,
    done: Option<Timestamp>,
}

impl Time {
    /// Seconds since 1970.
    fn wall(&self) -> f64 {
        self.done.map_or(0.0, |done| done.as_millisecond() as f64 / 1e3)
    }
}

/// The name is always the same, so that a training that goes on goes on in its file.
const EVENTS: &str = "events.out.tfevents.neurhai";
const COLUMNS: [&str; 5] = ["epoch", "iteration", "step", "seconds", "done"];

impl TrainingLog {
    pub(super) fn new(folder: PathBuf, split: usize, network: Option<usize>) -> Self {
        Self { folder, split, network, times: Vec::new(), since: Instant::now() }
    }

    /// Training begins, or goes on after these evaluations: what TensorBoard's files hold beyond them
    /// is cut off, and what they lack is added. The other logs are written anew with the next one.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn begin(&mut self, rows: &[TrainingRow]) -> Result<()> {
        let known = self.known_times();
        let time = |row: &TrainingRow| {
            let key = (row.epoch.to_string(), row.iteration.to_string());
            known.iter().rev().find(|(other, _)| *other == key).map(|(_, time)| *time)
        };
        self.times = rows.iter().map(|row| time(row).unwrap_or_default()).collect();
        self.since = Instant::now();
        let steps: Vec<i64> = steps(rows).into_iter().map(|step| step as i64).collect();
        for group in ["train", "validation"] {
            let file = self.events(group);
            for at in file.keep(&steps)?..rows.len() {
                file.add(&scalars(&rows[at], group, steps[at], self.times[at].wall()))?;
            }
        }
        Ok(())
    }

    /// Writes all logs with these evaluations, the last of which was just done.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn write(&mut self, rows: &[TrainingRow]) -> Result<()> {
        let (seconds, done) = (Some(self.since.elapsed().as_secs_f64()), Some(Timestamp::now()));
        self.since = Instant::now();
        self.times.push(Time { seconds, done });
        write_training(&self.folder.join("training.tsv"), rows)?;
        let steps = steps(rows);
        self.write_metrics(rows, &steps)?;
        self.write_times(rows, &steps)?;
        if let (Some(row), Some(step), Some(time)) = (rows.last(), steps.last(), self.times.last())
        {
            for group in ["train", "validation"] {
                self.events(group).add(&scalars(row, group, *step as i64, time.wall()))?;
            }
        }
        Ok(())
    }

    fn events(&self, group: &str) -> EventFile {
        EventFile::new(self.folder.join("tensorboard").join(group).join(EVENTS))
    }

    fn write_metrics(&self, rows: &[TrainingRow], steps: &[usize]) -> Result<()> {
        let lines = rows.iter().zip(steps).flat_map(|(row, step)| {
            let groups = [("train", row.train.as_ref()), ("validation", Some(&row.validation))];
            groups
                .into_iter()
                .filter_map(|(group, scores)| Some(self.measured(row, *step, group, scores?)))
        });
        files::write_atomic(&self.folder.join("metrics.jsonl"), |out| {
            for line in lines {
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })
    }

    fn measured(&self, row: &TrainingRow, step: usize, group: &str, scores: &[Score]) -> Measured {
        let finite = |score: &Score| score.value.filter(|value| value.is_finite());
        let metrics = scores.iter().map(|score| (score.name.clone(), finite(score).into()));
        Measured {
            split: self.split,
            network: self.network,
            epoch: row.epoch,
            iteration: row.iteration,
            step,
            group: group.into(),
            learning_rate: row.learning_rate,
            metrics: Map::from_iter(metrics),
        }
    }

    fn write_times(&self, rows: &[TrainingRow], steps: &[usize]) -> Result<()> {
        let lines = rows.iter().zip(steps).zip(&self.times).map(|((row, step), time)| {
            let seconds = time.seconds.map_or_else(|| number(None), |s| format!("{s:.3}"));
            let done = time.done.map_or_else(|| number(None), |done| format!("{done:.3}"));
            let [epoch, iteration, step] =
                [row.epoch, row.iteration, *step].map(|count| count.to_string());
            [epoch, iteration, step, seconds, done]
        });
        write_tsv(&self.folder.join("times.tsv"), &COLUMNS, lines)
    }

    /// The times that were written, by epoch and iteration. Without them nothing is wrong.
    fn known_times(&self) -> Vec<((String, String), Time)> {
        let Ok(table) = Table::read(&self.folder.join("times.tsv")) else { return Vec::new() };
        let columns = COLUMNS.map(|name| table.find_column(name));
        let [Some(epoch), Some(iteration), _, Some(seconds), Some(done)] = columns else {
            return Vec::new();
        };
        let time = |row| {
            let text = |column| table.text(row, column);
            let key = (text(epoch)?.to_owned(), text(iteration)?.to_owned());
            let seconds = text(seconds).and_then(|text| text.parse().ok());
            let done = text(done).and_then(|text| text.parse().ok());
            Some((key, Time { seconds, done }))
        };
        (0..table.len()).filter_map(time).collect()
    }
}

/// Batches learned from since training began, at each evaluation: every epoch ends with one, which
/// says how many the epoch had. Where an epoch has `n` batches this is ClinicaDL's
/// `iteration + epoch · n`.
fn steps(rows: &[TrainingRow]) -> Vec<usize> {
    let mut before = 0;
    let step = |(i, row): (usize, &TrainingRow)| {
        if let Some(last) = i.checked_sub(1).map(|last| &rows[last])
            && last.epoch != row.epoch
        {
            before += last.iteration;
        }
        before + row.iteration
    };
    rows.iter().enumerate().map(step).collect()
}

/// What TensorBoard is told of a group: its scores under their names, beside them in the training
/// set the learning rate. What is undefined is left out.
fn scalars(row: &TrainingRow, group: &str, step: i64, time: f64) -> Scalars {
    let scores = if group == "train" { row.train.as_ref() } else { Some(&row.validation) };
    let scores = scores.into_iter().flatten();
    let scores = scores.filter_map(|score| Some((score.name.clone(), score.value?)));
    let rate = (group == "train").then(|| ("learning_rate".to_owned(), row.learning_rate));
    Scalars { step, time, values: scores.chain(rate).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_count_batches_over_epochs_and_within() {
        let row = |(epoch, iteration)| TrainingRow {
            epoch,
            iteration,
            train: None,
            validation: Vec::new(),
            learning_rate: 0.1,
        };
        let rows: Vec<_> = [(0, 2), (0, 5), (1, 2), (1, 5), (2, 4)].map(row).into();
        assert_eq!(steps(&rows), [2, 5, 7, 10, 14]);
        assert!(steps(&[]).is_empty());
    }
}
