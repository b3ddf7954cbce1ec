//! The tables of an experiment folder, read back.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::data::participants::SINGLE;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::files;
use crate::import::{Prediction, read_predictions};
use crate::task::Task;
use crate::transfer::folder::Folder;

/// A metric with its 95 % interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The metric, or `loss`.
    pub metric: String,
    /// Its value, where it is defined.
    pub value: Option<f64>,
    /// Lower and upper bound, where there are any.
    pub interval: Option<(f64, f64)>,
}

/// A table as it is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The cells; empty ones are empty.
    pub rows: Vec<Vec<String>>,
}

/// Which results a group's are: those by the best models of a metric in a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Whose {
    /// The split; none for an ensemble of all.
    pub split: Option<usize>,
    /// The metric whose best model predicted.
    pub selection_metric: String,
    /// `train`, `validation`, or the name given to `host predict`.
    pub group: String,
}

/// A folder with a group's tables.
pub(crate) struct Found {
    pub(crate) whose: Whose,
    pub(crate) folder: PathBuf,
}

impl Found {
    pub(crate) fn file(&self, level: &str, what: &str) -> PathBuf {
        self.folder.join(format!("{}_{level}_level_{what}.tsv", self.whose.group))
    }

    /// The levels that there are predictions or metrics of, images first.
    pub(crate) fn levels(&self) -> Result<Vec<String>> {
        let before = format!("{}_", self.whose.group);
        let mut levels: Vec<String> = Vec::new();
        for name in files::entries(&self.folder)? {
            let level = name.strip_prefix(&before).and_then(|rest| {
                let after = ["_level_metrics.tsv", "_level_prediction.tsv"];
                after.into_iter().find_map(|after| rest.strip_suffix(after))
            });
            if let Some(level) = level.filter(|level| !levels.iter().any(|known| known == level)) {
                levels.push(level.to_owned());
            }
        }
        levels.sort_by_key(|level| level != "image");
        Ok(levels)
    }
}

/// Every group's folder: split by split, and last those of an ensemble.
pub(crate) fn groups(root: &Path, folder: &Folder) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let splits = folder.splits()?.into_iter().map(|split| (Some(split), folder.split(split)));
    for (split, of_split) in splits.chain([(None, root.join("ensemble"))]) {
        if !of_split.is_dir() {
            continue;
        }
        for best in files::entries(&of_split)? {
            let Some(metric) = best.strip_prefix("best-") else { continue };
            let of_best = of_split.join(&best);
            if !of_best.is_dir() {
                continue;
            }
            for group in files::entries(&of_best)? {
                let whose =
                    Whose { split, selection_metric: metric.to_owned(), group: group.clone() };
                let one = Found { whose, folder: of_best.join(&group) };
                if one.folder.is_dir() && !one.levels()?.is_empty() {
                    found.push(one);
                }
            }
        }
    }
    Ok(found)
}

/// The metrics of a table with a row for the values and one for each bound.
pub(crate) fn scores(file: &Path) -> Result<Vec<Score>> {
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let table = Table::read(file)?;
    let row = |title: &str| (0..table.len()).find(|row| table.text(*row, 0) == Some(title));
    let number = |row: Option<usize>, column| row.map_or(Ok(None), |row| table.number(row, column));
    let values = row("Values").or_else(|| (!table.is_empty()).then_some(0));
    let (lower, upper) = (row("Lower bound CI"), row("Upper bound CI"));
    let columns = table.columns().iter().enumerate().filter(|(at, name)| {
        // pandas writes its index without a name.
        !(*at == 0 && (name.is_empty() || *name == "Metrics"))
    });
    let score = |(at, name): (usize, &String)| {
        let bounds = number(lower, at)?.zip(number(upper, at)?);
        Ok(Score { metric: name.clone(), value: number(values, at)?, interval: bounds })
    };
    columns.map(score).collect()
}

/// A table as it is; nothing where it is not there.
pub(crate) fn sheet(file: &Path) -> Result<Option<Sheet>> {
    if !file.is_file() {
        return Ok(None);
    }
    let table = Table::read(file)?;
    let cell = |row, column| table.text(row, column).unwrap_or_default().to_owned();
    let row = |row| (0..table.columns().len()).map(|column| cell(row, column)).collect();
    Ok(Some(Sheet { columns: table.columns().to_vec(), rows: (0..table.len()).map(row).collect() }))
}

/// The predictions of a group at one level; nothing where they were not kept. Those of a
/// reconstruction have its metrics, which `names` gives, instead of probabilities.
///
/// # Errors
/// Damaged tables; [`Code::BadClasses`] for a code that is none of these `classes`.
pub(crate) fn predictions(
    file: &Path,
    task: Task,
    classes: &[String],
) -> Result<Option<(Vec<Prediction>, Vec<String>)>> {
    if !file.is_file() {
        return Ok(None);
    }
    if task != Task::Reconstruction {
        let rows = read_predictions(file)?;
        if task == Task::Classification {
            check_codes(file, &rows, classes.len())?;
        }
        return Ok(Some((rows, Vec::new())));
    }
    let table = Table::read(file)?;
    let (participant, session) = (table.column("participant_id")?, table.column("session_id")?);
    let cohort = table.find_column("cohort");
    let part = table
        .columns()
        .iter()
        .enumerate()
        .position(|(at, name)| name.ends_with("_id") && at != participant && at != session);
    let apart = [Some(participant), Some(session), cohort, part];
    let metrics: Vec<usize> =
        (0..table.columns().len()).filter(|at| !apart.contains(&Some(*at))).collect();
    let names = metrics.iter().map(|at| table.columns()[*at].clone()).collect();
    let mut rows = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let value = |at: &usize| Ok(table.number(row, *at)?.unwrap_or(f64::NAN));
        rows.push(Prediction {
            cohort: cohort.and_then(|at| table.text(row, at)).map(str::to_owned),
            participant: table.needed_text(row, participant)?.to_owned(),
            session: table.needed_text(row, session)?.to_owned(),
            part: part.map_or(Ok(None), |at| table.number(row, at))?.unwrap_or(0.0) as usize,
            truth: None,
            predicted: f64::NAN,
            probabilities: metrics.iter().map(value).collect::<Result<_>>()?,
        });
    }
    Ok(Some((rows, names)))
}

/// Every code, of what is true and of what was predicted, is that of a class.
fn check_codes(file: &Path, rows: &[Prediction], classes: usize) -> Result<()> {
    for (row, prediction) in rows.iter().enumerate() {
        let known = prediction.truth.map(|code| ("true_label", code));
        for (column, code) in known.into_iter().chain([("predicted_label", prediction.predicted)]) {
            if (0..classes).any(|class| class as f64 == code) {
                continue;
            }
            let message = format!("{code} is the code of no class: there are {classes}, from 0 on");
            // The header is row 1.
            let (file, column) = (file.into(), Some(column.to_owned()));
            return Err(Error::new(Code::BadClasses, message)
                .at(Place::Row { file, row: row + 2, column })
                .help("bring the table back as it was written, or predict the group anew"));
        }
    }
    Ok(())
}

/// Of which image a prediction is, as lists of sessions name it.
pub(crate) fn key(row: &Prediction) -> (String, String, String) {
    let cohort = row.cohort.clone().unwrap_or_else(|| SINGLE.into());
    (cohort, row.participant.clone(), row.session.clone())
}
