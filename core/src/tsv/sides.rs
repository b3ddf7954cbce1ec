//! One split: a side to train on and another one.

use std::path::Path;

use serde_json::{Value, json};

use super::Division;
use super::alike::{Alike, Column, compare};
use super::frame::Frame;
use super::strata::Strata;
use super::summary::Summary;
use crate::error::{Code, Error, Place, Result};
use crate::files::{write_atomic, write_folder};
use crate::random::Random;

/// How many participants the subset holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// So many.
    Count(usize),
    /// This part of all, above 0 and below 1; rounded to the nearest whole number.
    Share(f64),
}

/// A split that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// Who is where.
    pub summary: Summary,
    /// The draw that was taken, from 0.
    pub attempt: usize,
    /// What a person should know: values that nobody on a side has, first sessions that are unclear.
    pub notes: Vec<String>,
}

/// Divides the participants of a table into `train` and a subset, and writes `train.tsv`,
/// `train_baseline.tsv`, `<subset>_baseline.tsv`, where asked for `<subset>.tsv`, and `split.json`.
///
/// Each value of the first column of `stratify` gives the subset its share, rounded so that the size is
/// exact (largest remainders, equal ones drawn); within it each value of the second column does, and so
/// on. Within strata participants are drawn, again and again until the sides are alike enough.
///
/// # Errors
/// What is wrong with the table; [`Code::BadOption`] where a side would be empty, or no draw has sides
/// that are alike enough; [`Code::OutputInUse`].
pub fn split(division: &Division, size: Size) -> Result<Sides> {
    let frame = Frame::read(&division.table, &[])?;
    let drawn = draw(&frame, division, size, "")?;
    write_folder(&division.output, |folder| drawn.write(&frame, division, folder, size))
}

/// Both sides of a split, as places among the participants.
pub(super) struct Drawn {
    pub(super) train: Vec<usize>,
    subset: Vec<usize>,
    sides: Sides,
}

/// Draws a split, whose sides are called by `prefix` and their names.
///
/// # Errors
/// As [`split`], but for the output.
pub(super) fn draw(frame: &Frame, division: &Division, size: Size, prefix: &str) -> Result<Drawn> {
    let strata = Strata::of(frame, &division.stratify)?;
    let all = frame.participants.len();
    let wanted = match size {
        Size::Count(count) => count,
        Size::Share(share) => (share * all as f64).round() as usize,
    };
    if wanted == 0 || wanted >= all {
        let message = format!("{wanted} of {all} {} cannot be the {}", frame.who, division.subset);
        return Err(Error::new(Code::BadOption, message)
            .at(Place::File(frame.table.file().into()))
            .help("both sides need a participant at least: ask for fewer, or for a larger share"));
    }
    let columns = columns(frame, division)?;
    let draw = |attempt: usize| {
        let random = |purpose| Random::new(division.seed, purpose, &[attempt as u64]);
        let (mut quotas, mut members) = (random("tsv split quotas"), random("tsv split"));
        let (subset, train) = strata.draw(wanted, &mut quotas, &mut members);
        (train, subset)
    };
    let (attempt, (train, subset)) =
        search(division, draw, |(train, subset)| compare(&columns, train, subset))?;
    let summary = Summary::of(frame, division, prefix, (&train, &subset), &columns)?;
    let mut notes = frame.notes.clone();
    notes.extend(summary.absent(frame, division, (&train, &subset))?);
    Ok(Drawn { train, subset, sides: Sides { summary, attempt, notes } })
}

impl Drawn {
    /// Writes the sides into `folder`, which is there.
    pub(super) fn write(
        self,
        frame: &Frame,
        division: &Division,
        folder: &Path,
        size: Size,
    ) -> Result<Sides> {
        write_sides(frame, division, folder, &self.train, &self.subset)?;
        let size = match size {
            Size::Count(count) => json!(count),
            Size::Share(share) => json!(share),
        };
        let record = json!({ "n_test": size, "attempt": self.sides.attempt });
        write_record(division, &folder.join("split.json"), record)?;
        Ok(self.sides)
    }
}

/// The first draw whose sides are alike enough in every column; where that is not required and there is
/// none, the best.
pub(super) fn search<T>(
    division: &Division,
    draw: impl Fn(usize) -> T,
    compare: impl Fn(&T) -> Vec<Alike>,
) -> Result<(usize, T)> {
    let mut best: Option<(f64, usize, T, Vec<Alike>)> = None;
    for attempt in 0..division.attempts.max(1) {
        let drawn = draw(attempt);
        let found = compare(&drawn);
        // By how much the worst column misses what is wanted of it.
        let wanted = division.balance.iter().map(|(_, p)| *p).cycle();
        let margin =
            found.iter().zip(wanted).map(|(alike, p)| alike.p - p).fold(f64::INFINITY, f64::min);
        if margin >= 0.0 {
            return Ok((attempt, drawn));
        }
        if best.as_ref().is_none_or(|(known, ..)| margin > *known) {
            best = Some((margin, attempt, drawn, found));
        }
    }
    match best {
        Some((_, attempt, drawn, _)) if !division.required => Ok((attempt, drawn)),
        best => Err(division.in_vain(&best.map(|(.., found)| found).unwrap_or_default())),
    }
}

/// The columns of `balance`.
pub(super) fn columns(frame: &Frame, division: &Division) -> Result<Vec<(String, Column)>> {
    let columns = division.balance.iter();
    columns.map(|(name, _)| Ok((name.clone(), Column::of(frame, name)?))).collect()
}

/// Writes both sides into `folder`.
pub(super) fn write_sides(
    frame: &Frame,
    division: &Division,
    folder: &Path,
    train: &[usize],
    subset: &[usize],
) -> Result<()> {
    let name = &division.subset;
    frame.write(&folder.join("train.tsv"), train, false)?;
    frame.write(&folder.join("train_baseline.tsv"), train, true)?;
    frame.write(&folder.join(format!("{name}_baseline.tsv")), subset, true)?;
    if division.longitudinal {
        frame.write(&folder.join(format!("{name}.tsv")), subset, false)?;
    }
    Ok(())
}

/// Writes into `file` how the division was made, so that it can be made again.
pub(super) fn write_record(division: &Division, file: &Path, more: Value) -> Result<()> {
    let balance: serde_json::Map<String, Value> =
        division.balance.iter().map(|(column, p)| (column.clone(), json!(p))).collect();
    let table = division.table.file_name().unwrap_or_default();
    let mut record = json!({
        "table": table.to_string_lossy(),
        "subset_name": division.subset,
        "stratification": division.stratify,
        "balance": balance,
        "valid_longitudinal": division.longitudinal,
        "seed": division.seed,
        "attempts": division.attempts,
    });
    if let (Some(record), Value::Object(more)) = (record.as_object_mut(), more) {
        record.extend(more);
    }
    write_atomic(file, |out| {
        serde_json::to_writer_pretty(&mut *out, &record)?;
        out.write_all(b"\n")
    })
}
