//! k splits, in which every participant is validated on once.

use std::collections::BTreeMap;

use serde_json::json;

use super::alike::compare;
use super::frame::Frame;
use super::sides::{columns, search, write_record, write_sides};
use super::summary::Summary;
use super::{Division, check_new};
use crate::error::{Code, Error, Place, Result};
use crate::random::Random;

/// Splits that were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Folds {
    /// Who is where, split by split.
    pub summaries: Vec<Summary>,
    /// The draw that was taken, from 0.
    pub attempt: usize,
    /// Strata with fewer participants than there are splits: some folds hold none of them.
    pub rare: Vec<String>,
}

/// Divides the participants of a table into `folds` parts, each of which is the subset of one split,
/// and writes `split-<i>/` as [`split`](super::split) does its folder, and `kfold.json`.
///
/// The sizes of the parts and what they hold of each stratum are those of scikit-learn's
/// `StratifiedKFold` (strata are numbered as they first occur by id, sorted by number, and dealt out
/// like cards); who is in which part is drawn.
///
/// # Errors
/// As [`split`](super::split); [`Code::BadOption`] for fewer than two parts, or more than participants.
pub fn kfold(division: &Division, folds: usize) -> Result<Folds> {
    let frame = Frame::read(&division.table, &[])?;
    let drawn = draw(&frame, division, folds)?;
    check_new(&division.output)?;
    drawn.write(&frame, division)
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
    let strata = frame.strata(&division.stratify)?;
    let all = frame.participants.len();
    if folds < 2 || folds > all {
        return Err(Error::new(
            Code::BadOption,
            format!("{all} {} cannot be {folds} folds", frame.who),
        )
        .at(Place::File(frame.table.file().into()))
        .help("ask for 2 folds or more, and at most one for each participant"));
    }
    let mut numbers: BTreeMap<&[&str], usize> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (participant, stratum) in strata.iter().enumerate() {
        let number = *numbers.entry(stratum).or_insert(members.len());
        if number == members.len() {
            members.push(Vec::new());
        }
        members[number].push(participant);
    }
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let shares = deal(&sizes, folds);
    let columns = columns(frame, division)?;
    let draw = |attempt: usize| {
        let mut random = Random::new(division.seed, "tsv kfold", &[attempt as u64]);
        let mut parts = vec![Vec::new(); folds];
        for (members, shares) in members.iter().zip(&shares) {
            let mut members = members.clone();
            random.shuffle(&mut members);
            let mut members = members.into_iter();
            for (part, share) in parts.iter_mut().zip(shares) {
                part.extend(members.by_ref().take(*share));
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        parts
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
    let summary = |(i, (train, subset)): (usize, &(Vec<usize>, Vec<usize>))| {
        Summary::of(frame, division, &format!("split-{i} "), (train, subset), &columns)
    };
    let summaries = splits.iter().enumerate().map(summary).collect::<Result<_>>()?;
    let rare = numbers.iter().filter(|(_, number)| sizes[**number] < folds);
    let rare = rare.map(|(stratum, _)| stratum.join(", ")).collect();
    Ok(Drawn { splits, folds: Folds { summaries, attempt, rare } })
}

impl Drawn {
    pub(super) fn write(self, frame: &Frame, division: &Division) -> Result<Folds> {
        for (i, (train, subset)) in self.splits.iter().enumerate() {
            let folder = division.output.join(format!("split-{i}"));
            std::fs::create_dir_all(&folder)
                .map_err(|error| Error::io(&folder, "make the folder", &error))?;
            write_sides(frame, division, &folder, train, subset)?;
        }
        let record = json!({ "n_splits": self.splits.len(), "attempt": self.folds.attempt });
        write_record(division, "kfold.json", record)?;
        Ok(self.folds)
    }
}

/// How many of each stratum each of `folds` parts holds.
fn deal(sizes: &[usize], folds: usize) -> Vec<Vec<usize>> {
    let mut shares = vec![vec![0; folds]; sizes.len()];
    let cards =
        sizes.iter().enumerate().flat_map(|(stratum, size)| (0..*size).map(move |_| stratum));
    for (i, stratum) in cards.enumerate() {
        shares[stratum][i % folds] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The class counts of `StratifiedKFold(k)`'s test folds, scikit-learn 1.9.1, for labels that are
    /// sorted: `[np.bincount(y[test], minlength=n) for _, test in StratifiedKFold(k).split(y, y)]`.
    #[test]
    fn parts_are_dealt_as_scikit_learn_does() {
        assert_eq!(deal(&[7, 5], 3), [vec![3, 2, 2], vec![1, 2, 2]]);
        assert_eq!(
            deal(&[10, 4, 9], 5),
            [vec![2, 2, 2, 2, 2], vec![1, 1, 1, 1, 0], vec![2, 2, 2, 1, 2]]
        );
    }
}
