//! A test set that is put away, and splits of the rest to train and choose by.

use super::frame::Frame;
use super::{Division, Folds, Sides, Size, create_folder, folds, sides};
use crate::error::Result;
use crate::files::write_folder;

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
    let within = Division {
        table: division.output.join("train.tsv"),
        subset: "validation".into(),
        ..division.clone()
    };
    match inner {
        Inner::Folds(k) => {
            // Ten sides or more are hardly ever all alike by chance.
            let inner = Division { balance: Vec::new(), ..within };
            let folds = folds::draw(&rest, &inner, k)?;
            write_folder(&division.output, |folder| {
                let test = test.write(&frame, &outer, folder, size)?;
                let folder = folder.join(format!("{k}_fold"));
                create_folder(&folder)?;
                let folds = folds.write(&rest, &inner, &folder)?;
                Ok(Divided { test, folds: Some(folds), validation: None })
            })
        }
        Inner::Split(own) => {
            let sides = sides::draw(&rest, &within, own, "split ")?;
            write_folder(&division.output, |folder| {
                let test = test.write(&frame, &outer, folder, size)?;
                let folder = folder.join("split");
                create_folder(&folder)?;
                let sides = sides.write(&rest, &within, &folder, own)?;
                Ok(Divided { test, folds: None, validation: Some(sides) })
            })
        }
    }
}
