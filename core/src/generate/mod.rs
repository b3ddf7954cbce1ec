//! Data sets whose answer is known, as a CAPS with its tables: to see that a pipeline finds what is
//! there, and nothing where there is nothing.
//!
//! What ClinicaDL's `generate` does, with its ids and its names of files and columns. Everything is
//! drawn from the seed, each image from a stream of its own. All is checked before the first file is
//! written, and the folder appears whole or not at all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place};

mod artifacts;
mod hypometabolic;
mod mask;
mod random;
mod set;
mod shepplogan;
mod source;
mod trivial;

pub use artifacts::{Artifacts, Motion, artifacts};
pub use hypometabolic::{Hypometabolic, PATHOLOGIES, hypometabolic};
pub use random::{Random, random};
pub use shepplogan::{SheppLogan, shepplogan};
pub use source::Source;
pub use trivial::{Trivial, trivial};

/// A data set that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The CAPS.
    pub caps: PathBuf,
    /// The table of its sessions, with their labels.
    pub table: PathBuf,
    /// How many images there are.
    pub images: usize,
    /// How many of them have each label.
    pub labels: BTreeMap<String, usize>,
    /// By which its images are found.
    pub preprocessing: Preprocessing,
}

/// Who watches while a data set is made.
pub struct Watch<'a> {
    /// Told how many images are done, and of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Set to true to stop; nothing is left behind then.
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    fn check(&self) -> crate::Result<()> {
        if !self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::new(Code::Interrupted, "stopped before the data set was whole")
            .help("nothing of it was kept; start again"))
    }
}

/// An option with a value out of range.
fn bad_option(option: &str, message: impl Into<String>) -> Error {
    Error::new(Code::BadOption, message).at(Place::Option(option.to_owned()))
}

/// The diagnoses of the two classes, as ClinicaDL names them.
const CLASSES: [&str; 2] = ["AD", "CN"];

/// The session of participants that come from nowhere.
const SESSION: &str = "ses-M000";

#[cfg(test)]
mod tests;
