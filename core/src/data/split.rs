//! Which sessions train and which validate, read from a folder of split tables or one per cohort.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::participants::{Person, Session};
use crate::{Code, Error, Place, Problems, Result};

mod classes;
mod folder;
mod group;
mod read;
mod side;

pub use classes::Classes;
pub use folder::SplitFolder;
pub(crate) use group::{Belonging, GroupTable, Known, read_group};
pub use read::Splits;

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
    /// The sessions to train on, in the table's order; cohort by cohort.
    pub train: Vec<Row>,
    /// The sessions to validate on, in the table's order; cohort by cohort.
    pub validation: Vec<Row>,
    /// The classes, where classes are learned.
    pub classes: Option<Classes>,
    /// Where the training sessions came from; of several cohorts, the table of them.
    pub train_file: PathBuf,
    /// Where the validation sessions came from; of several cohorts, the table of them.
    pub validation_file: PathBuf,
    /// Every table that was read, cohort by cohort.
    pub tables: Vec<PathBuf>,
    /// Participants on both sides; empty unless that was allowed.
    pub leaked: Vec<Person>,
    /// Cohorts that give nothing to one side, to be told.
    pub warnings: Vec<String>,
}

/// A column that is learned is written into lists of sessions, beside those that each of them has.
///
/// # Errors
/// [`Code::BadOption`] for one that is called like these: the lists could not be read again.
pub(crate) fn check_label(column: &str) -> Result<()> {
    if !["participant_id", "session_id", "cohort"].contains(&column) {
        return Ok(());
    }
    let message = format!("a column called {column:?} cannot be what is learned or true");
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option("label".into()))
        .help("lists of sessions have a column of this name for something else: rename the column"))
}

/// The error of a check that is known to have failed.
fn all_of(problems: Problems) -> Error {
    let unknown = || Error::new(Code::Internal, "a check failed without saying why");
    problems.into_result().err().unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests;
