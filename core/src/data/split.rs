//! Which sessions train and which validate, read from a folder of split tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::participants::{Session, read_sessions};
use super::table::Table;
use crate::{Code, Error, Place, Problems, Result};

mod classes;
mod folder;

pub use classes::Classes;
pub use folder::SplitFolder;

/// What is learned from a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// Nothing: the image itself is the target.
    #[default]
    None,
    /// One of several classes.
    Class {
        /// The column that holds them.
        column: String,
        /// The classes wanted; rows of others are left out. By default all in the column.
        #[serde(default)]
        classes: Option<Vec<String>>,
    },
    /// A number.
    Number {
        /// The column that holds it.
        column: String,
    },
}

/// Rows to keep, whatever is learned: those with one of `values` in `column`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The column looked at.
    pub column: String,
    /// The values kept.
    pub values: Vec<String>,
}

/// How the tables of a split are read. The defaults are ClinicaDL's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitOptions {
    /// What is learned; by default nothing.
    pub target: Target,
    /// Rows to keep; by default all.
    pub select: Option<Selection>,
    /// Train on the first session of each participant only; by default on all.
    pub baseline: bool,
    /// Validate on all sessions of each participant; by default on the first only.
    pub valid_longitudinal: bool,
    /// Go on where a participant is on both sides; by default this is an error.
    pub allow_leakage: bool,
}

/// The target of one session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Label {
    /// The image itself.
    None,
    /// The position of the class among [`Classes::names`].
    Class(usize),
    /// A number.
    Number(f64),
}

/// A session with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which session of whom, and its row in the table.
    pub session: Session,
    /// What is to be learned of it.
    pub label: Label,
}

/// The two sides of one split, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The split's number; 0 for a single split.
    pub index: usize,
    /// The sessions to train on, in the table's order.
    pub train: Vec<Row>,
    /// The sessions to validate on, in the table's order.
    pub validation: Vec<Row>,
    /// The classes, where classes are learned.
    pub classes: Option<Classes>,
    /// Where the training sessions came from.
    pub train_file: PathBuf,
    /// Where the validation sessions came from.
    pub validation_file: PathBuf,
    /// Participants on both sides; empty unless that was allowed.
    pub leaked: Vec<String>,
}

impl SplitFolder {
    /// Reads and checks one split, telling everything that is wrong with it.
    pub fn read(&self, index: usize, options: &SplitOptions) -> Result<Split> {
        let (train_file, validation_file) = self.files(index, options)?;
        let mut problems = Problems::default();
        let train = problems.take(Side::read(&train_file, options));
        let validation = problems.take(Side::read(&validation_file, options));
        let (Some(mut train), Some(mut validation)) = (train, validation) else {
            return Err(all_of(problems));
        };
        if let Some(Selection { column, values }) = &options.select {
            problems.take(classes::check_wanted([&train, &validation], column, values));
            train.keep(column, values)?;
            validation.keep(column, values)?;
        }
        let classes = match &options.target {
            Target::Class { column, classes: wanted } => {
                let mut known = true;
                if let Some(wanted) = wanted {
                    let sides = [&train, &validation];
                    known = problems.take(classes::check_wanted(sides, column, wanted)).is_some();
                    train.keep(column, wanted)?;
                    validation.keep(column, wanted)?;
                }
                let classes = known.then(|| Classes::of(&train, &validation, column));
                classes.and_then(|classes| problems.take(classes))
            }
            _ => None,
        };
        for side in [&train, &validation] {
            problems.take(side.check_not_empty());
        }
        let leaked = shared(&train, &validation);
        if !leaked.is_empty() && !options.allow_leakage {
            problems.push(leakage(&leaked, &train, &validation));
        }
        let rows = |side: &Side| side.rows(&options.target, classes.as_ref());
        let (train, validation) = (problems.take(rows(&train)), problems.take(rows(&validation)));
        match (train, validation) {
            (Some(train), Some(validation)) if problems.is_empty() => Ok(Split {
                index,
                train,
                validation,
                classes,
                train_file,
                validation_file,
                leaked: leaked.into_iter().map(str::to_owned).collect(),
            }),
            _ => Err(all_of(problems)),
        }
    }

    /// Reads and checks several splits; all of them must have the same classes.
    pub fn read_all(&self, indices: &[usize], options: &SplitOptions) -> Result<Vec<Split>> {
        let mut problems = Problems::default();
        let mut splits = Vec::with_capacity(indices.len());
        for index in indices {
            splits.extend(problems.take(self.read(*index, options)));
        }
        problems.into_result()?;
        classes::check_same(&splits)?;
        Ok(splits)
    }
}

/// One table, and which of its rows take part.
struct Side {
    table: Table,
    sessions: Vec<Session>,
    kept: Vec<usize>,
}

impl Side {
    fn read(file: &Path, options: &SplitOptions) -> Result<Self> {
        let mut wanted = Vec::new();
        if let Target::Class { column, .. } | Target::Number { column } = &options.target {
            wanted.push(column.as_str());
        }
        wanted.extend(options.select.as_ref().map(|select| select.column.as_str()));
        let table = Table::read(file)?;
        let sessions = read_sessions(&table, &wanted)?;
        let kept = (0..table.len()).collect();
        Ok(Self { table, sessions, kept })
    }

    /// Keeps the rows with one of `values` in `column`.
    fn keep(&mut self, column: &str, values: &[String]) -> Result<()> {
        let column = self.table.column(column)?;
        self.kept.retain(|row| {
            self.table.text(*row, column).is_some_and(|text| values.iter().any(|v| v == text))
        });
        Ok(())
    }

    /// How many of the rows that take part have each value of `column`.
    fn counts(&self, column: usize) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for text in self.kept.iter().filter_map(|row| self.table.text(*row, column)) {
            *counts.entry(text).or_default() += 1;
        }
        counts
    }

    fn participants(&self) -> BTreeSet<&str> {
        self.kept.iter().map(|row| self.sessions[*row].participant.as_str()).collect()
    }

    fn rows(&self, target: &Target, classes: Option<&Classes>) -> Result<Vec<Row>> {
        let mut problems = Problems::default();
        let mut rows = Vec::with_capacity(self.kept.len());
        for row in &self.kept {
            if let Some(label) = problems.take(self.label(*row, target, classes)) {
                rows.push(Row { session: self.sessions[*row].clone(), label });
            }
        }
        problems.into_result()?;
        Ok(rows)
    }

    fn label(&self, row: usize, target: &Target, classes: Option<&Classes>) -> Result<Label> {
        Ok(match target {
            Target::None => Label::None,
            Target::Number { column } => {
                let column = self.table.column(column)?;
                let number = self.table.needed_number(row, column)?;
                // Networks compute in float32.
                if number.abs() > f64::from(f32::MAX) {
                    let message = format!("{number:e} is too large to be learned");
                    return Err(Error::new(Code::BadValue, message)
                        .at(self.table.place(row, Some(column)))
                        .help("give the column in another unit, or take its logarithm"));
                }
                Label::Number(number)
            }
            Target::Class { column, .. } => {
                let text = self.table.needed_text(row, self.table.column(column)?)?;
                // Where the classes themselves are wrong that is told already.
                Label::Class(classes.and_then(|classes| classes.code(text)).unwrap_or_default())
            }
        })
    }

    fn check_not_empty(&self) -> Result<()> {
        if !self.kept.is_empty() {
            return Ok(());
        }
        let message = if self.table.is_empty() {
            "the table has a header but no rows"
        } else {
            "no row is left after selection"
        };
        Err(Error::new(Code::EmptySelection, message)
            .at(Place::File(self.table.file().into()))
            .help("both sides of a split need at least one session"))
    }
}

/// The participants on both sides.
fn shared<'a>(train: &'a Side, validation: &'a Side) -> Vec<&'a str> {
    train.participants().intersection(&validation.participants()).copied().collect()
}

fn leakage(leaked: &[&str], train: &Side, validation: &Side) -> Error {
    const SHOWN: usize = 8;
    let row = |side: &Side, participant: &str| {
        let sessions = side.kept.iter().map(|row| &side.sessions[*row]);
        sessions.filter(|s| s.participant == participant).map(|s| s.row).next().unwrap_or_default()
    };
    let mut names: Vec<_> = leaked
        .iter()
        .take(SHOWN)
        .map(|participant| {
            let rows = (row(train, participant), row(validation, participant));
            format!("{participant} (row {} of train, {} of validation)", rows.0, rows.1)
        })
        .collect();
    if leaked.len() > SHOWN {
        names.push(format!("and {} more", leaked.len() - SHOWN));
    }
    let message = format!("on both sides of the split: {}", names.join(", "));
    Error::new(Code::Leakage, message)
        .at(Place::File(validation.table.file().into()))
        .help("split by participant: all sessions of one belong to one side")
}

/// The error of a check that is known to have failed.
fn all_of(problems: Problems) -> Error {
    let unknown = || Error::new(Code::Internal, "a check failed without saying why");
    problems.into_result().err().unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests;
