//! k splits, in which every participant is validated on once.

use std::path::Path;

use serde_json::json;

use super::alike::compare;
use super::frame::Frame;
use super::sides::{columns, search, write_record, write_sides};
use super::strata::Strata;
use super::summary::Summary;
use super::{Division, create_folder};
use crate::error::{Code, Error, Place, Result};
use crate::files::write_folder;
use crate::random::Random;

/// Splits that were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Folds {
    /// Who is where, split by split.
    pub summaries: Vec<Summary>,
    /// The draw that was taken, from 0.
    pub attempt: usize,
    /// What a person should know: values that nobody on a side has, first sessions that are unclear.
    pub notes: Vec<String>,
}

/// Divides the participants of a table into `folds` parts, each of which is the subset of one split,
/// and writes `split-<i>/` as [`split`](super::split) does its folder, and `kfold.json`.
///
/// The sizes of the parts and what they hold of each value of the first column of `stratify` are those
/// of scikit-learn's `StratifiedKFold`: participants are dealt out like cards, value after value as they
/// first occur by id, and within it those of the second column, and so on, in an order that is drawn.
/// Who is in which part is drawn.
///
/// # Errors
/// As [`split`](super::split); [`Code::BadOption`] for fewer than two parts, or more than participants.
pub fn kfold(division: &Division, folds: usize) -> Result<Folds> {
    let frame = Frame::read(&division.table, &[])?;
    let drawn = draw(&frame, division, folds)?;
    write_folder(&division.output, |folder| drawn.write(&frame, division, folder))
}

/// Who is trained on and who is the subset, split by split, as places among the participants.
pub(super) struct Drawn {
    splits: Vec<(Vec<usize>, Vec<usize>)>,
    folds: Folds,
}

/// Draws the parts.
///
/// # Errors
/// As [`kfold`], but for the output.
pub(super) fn draw(frame: &Frame, division: &Division, folds: usize) -> Result<Drawn> {
    let strata = Strata::of(frame, &division.stratify)?;
    let all = frame.participants.len();
    if folds < 2 || folds > all {
        return Err(Error::new(
            Code::BadOption,
            format!("{all} {} cannot be {folds} folds", frame.who),
        )
        .at(Place::File(frame.table.file().into()))
        .help("ask for 2 folds or more, and at most one for each participant"));
    }
    let columns = columns(frame, division)?;
    let draw = |attempt: usize| {
        strata.deal(folds, &mut Random::new(division.seed, "tsv kfold", &[attempt as u64]))
    };
    let rest = |parts: &[Vec<usize>], i: usize| {
        let mut rest: Vec<usize> = parts
            .iter()
            .enumerate()
            .filter(|(k, _)| *k != i)
            .flat_map(|(_, p)| p.clone())
            .collect();
        rest.sort_unstable();
        rest
    };
    let (attempt, parts) = search(division, draw, |parts| {
        (0..folds).flat_map(|i| compare(&columns, &rest(parts, i), &parts[i])).collect()
    })?;
    let splits: Vec<_> =
        parts.iter().enumerate().map(|(i, subset)| (rest(&parts, i), subset.clone())).collect();
    let (mut summaries, mut notes) = (Vec::new(), frame.notes.clone());
    for (i, (train, subset)) in splits.iter().enumerate() {
        let sides = (&train[..], &subset[..]);
        let summary = Summary::of(frame, division, &format!("split-{i} "), sides, &columns)?;
        notes.extend(summary.absent(frame, division, sides)?);
        summaries.push(summary);
    }
    Ok(Drawn { splits, folds: Folds { summaries, attempt, notes } })
}

impl Drawn {
    /// Writes the splits into `folder`, which is there.
    pub(super) fn write(self, frame: &Frame, division: &Division, folder: &Path) -> Result<Folds> {
        for (i, (train, subset)) in self.splits.iter().enumerate() {
            let folder = folder.join(format!("split-{i}"));
            create_folder(&folder)?;
            write_sides(frame, division, &folder, train, subset)?;
        }
        let record = json!({ "n_splits": self.splits.len(), "attempt": self.folds.attempt });
        write_record(division, &folder.join("kfold.json"), record)?;
        Ok(self.folds)
    }
}
