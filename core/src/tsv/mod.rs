//! Tables before training: who takes part, and on which side of a split.
//!
//! What ClinicaDL's `tsvtools` do, with its file names and columns. Participants are never parted:
//! all sessions of one are on the same side. Everything is bounded and drawn from the seed.

mod adapt;
mod alike;
mod analysis;
mod diagnosis;
mod experiment;
mod folds;
mod frame;
mod labels;
mod metadata;
mod progression;
mod sides;
mod strata;
mod summary;

pub use adapt::{Adapted, adapt};
pub(crate) use alike::chi_square;
pub use alike::{Alike, Test};
pub use analysis::{Analysis, COLUMNS as ANALYSIS_COLUMNS, analysis};
pub use experiment::{Divided, Inner, experiment};
pub use folds::{Folds, kfold};
pub(crate) use frame::by_participant;
pub use labels::{Labelling, Labels, Step, labels};
pub use metadata::{Metadata, metadata};
pub use progression::{Courses, progression};
pub use sides::{Sides, Size, split};
pub use summary::{Group, Summary};

use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Place, Result};

/// How participants are divided.
#[derive(Debug, Clone, PartialEq)]
pub struct Division {
    /// The table of sessions, with `participant_id` and `session_id`.
    pub table: PathBuf,
    /// The folder to write; it must be new or empty.
    pub output: PathBuf,
    /// What the part that is not for training is called: `validation` or `test`.
    pub subset: String,
    /// Columns whose values, at first sessions, occur in the same proportion on each side.
    pub stratify: Vec<String>,
    /// Columns in which the sides must be alike at first sessions, with the least p-value.
    pub balance: Vec<(String, f64)>,
    /// Whether it is an error where no draw is alike enough; otherwise the best one is taken.
    pub required: bool,
    /// Draws until the sides are alike enough, at most.
    pub attempts: usize,
    /// Write all sessions of the subset, beside the first ones.
    pub longitudinal: bool,
    /// Of every random choice.
    pub seed: u64,
}

impl Division {
    /// What is drawn in vain ends with this.
    fn in_vain(&self, best: &[Alike]) -> Error {
        let found: Vec<String> =
            best.iter().map(|alike| format!("{} {:.3}", alike.column, alike.p)).collect();
        let wanted: Vec<String> =
            self.balance.iter().map(|(column, p)| format!("{column} {p}")).collect();
        let message = format!(
            "no division of {} into train and {} has sides that are alike enough: wanted are \
             p-values of at least {}, the best had {}",
            self.attempts,
            self.subset,
            wanted.join(", "),
            found.join(", ")
        );
        Error::new(Code::BadOption, message)
            .at(Place::Option("balance".into()))
            .help("ask for smaller p-values, take sides of another size, or leave a column out")
    }
}

fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "make the folder", &error))
}

/// A table is not written over another.
fn check_free(output: &Path) -> Result<()> {
    if !output.exists() {
        return Ok(());
    }
    Err(Error::new(Code::OutputInUse, "the file is there already")
        .at(Place::File(output.into()))
        .help("choose another name, or move the file away; nothing is overwritten"))
}

#[cfg(test)]
mod tests;
