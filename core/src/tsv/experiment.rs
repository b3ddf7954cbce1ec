//! A test set that is put away, and splits of the rest to train and choose by.

use super::frame::Frame;
use super::{Division, Folds, Sides, Size, check_new, folds, sides};
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
pub struct Divided {
    /// Test, and the rest.
    pub test: Sides,
    /// The rest in folds.
    pub folds: Option<Folds>,
    /// The rest divided once.
    pub validation: Option<Sides>,
}

/// Writes a test split into the output folder, and within it a validation split or folds of its
/// training side, as ClinicaDL's `prepare-experiment`. Folds are stratified, but not balanced. Where
/// one of the two divisions cannot be made, nothing is written.
///
/// # Errors
/// As [`split`](super::split) and [`kfold`](super::kfold).
pub fn experiment(division: &Division, size: Size, inner: Inner) -> Result<Divided> {
    let frame = Frame::read(&division.table, &[])?;
    let outer = Division { subset: "test".into(), ..division.clone() };
    let test = sides::draw(&frame, &outer, size, "")?;
    let rest = frame.only(&test.train, "participants that are not for the test");
    let within = |folder: &str| Division {
        table: division.output.join("train.tsv"),
        output: division.output.join(folder),
        subset: "validation".into(),
        ..division.clone()
    };
    let write_test = || {
        check_new(&division.output)?;
        test.write(&frame, &outer, size)
    };
    match inner {
        Inner::Folds(k) => {
            // Ten sides or more are hardly ever all alike by chance.
            let inner = Division { balance: Vec::new(), ..within(&format!("{k}_fold")) };
            let folds = folds::draw(&rest, &inner, k)?;
            let test = write_test()?;
            Ok(Divided { test, folds: Some(folds.write(&rest, &inner)?), validation: None })
        }
        Inner::Split(size) => {
            let inner = within("split");
            let sides = sides::draw(&rest, &inner, size, "split ")?;
            let test = write_test()?;
            check_new(&inner.output)?;
            Ok(Divided { test, folds: None, validation: Some(sides.write(&rest, &inner, size)?) })
        }
    }
}
