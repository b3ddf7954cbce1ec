//! A test set that is put away, and splits of the rest to train and choose by.

use super::{Division, Folds, Sides, Size, kfold, split};
use crate::error::Result;

/// How the participants that are not for the test are divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inner {
    /// Into so many folds, in `<k>_fold`.
    Folds(usize),
    /// Once, in `split`.
    Split(Size),
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Test, and the rest.
    pub test: Sides,
    /// The rest in folds.
    pub folds: Option<Folds>,
    /// The rest divided once.
    pub validation: Option<Sides>,
}

/// Writes a test split into the output folder, and within it a validation split or folds of its
/// training side, as ClinicaDL's `prepare-experiment`. Folds are stratified, but not balanced.
///
/// # Errors
/// As [`split`] and [`kfold`].
pub fn experiment(division: &Division, test: Size, inner: Inner) -> Result<Experiment> {
    let outer = Division { subset: "test".into(), ..division.clone() };
    let test = split(&outer, test)?;
    let within = |folder: &str| Division {
        table: division.output.join("train.tsv"),
        output: division.output.join(folder),
        subset: "validation".into(),
        ..division.clone()
    };
    let (mut folds, mut validation) = (None, None);
    match inner {
        // Ten sides or more are hardly ever all alike by chance.
        Inner::Folds(k) => {
            let balance = Vec::new();
            folds = Some(kfold(&Division { balance, ..within(&format!("{k}_fold")) }, k)?);
        }
        Inner::Split(size) => validation = Some(split(&within("split"), size)?),
    }
    Ok(Experiment { test, folds, validation })
}
