//! The classes of a split: which there are, and whether they allow the task.

use std::collections::BTreeMap;

use super::Split;
use super::side::Side;
use crate::error::{did_you_mean, some};
use crate::{Code, Error, Place, Problems, Result};

/// The classes in the order of their codes, with the number of sessions on each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The names, sorted; the code of a class is its position.
    pub names: Vec<String>,
    /// The number of training sessions of each class.
    pub train: Vec<usize>,
    /// The number of validation sessions of each class.
    pub validation: Vec<usize>,
}

impl Classes {
    /// The code of the class called `name`.
    pub fn code(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The classes in `column`, which are those of the training side.
    pub(super) fn of(train: &Side, validation: &Side, column: &str) -> Result<Self> {
        let in_train = train.counts(column)?;
        let in_validation = validation.counts(column)?;
        let names = sorted(in_train.keys().copied());
        let mut problems = Problems::default();
        let mut refuse = |message: String, help: &str| {
            problems.push(
                Error::new(Code::BadClasses, message)
                    .at(Place::File(train.file.clone()))
                    .help(help),
            );
        };
        // Without any class in train, the empty cells or the empty side are told about instead.
        if !in_train.is_empty() {
            for (name, n) in in_validation.iter().filter(|(name, _)| !in_train.contains_key(*name))
            {
                refuse(
                    format!("class {name:?} is in validation (sessions: {n}) but not in train"),
                    "move participants of this class to train, or choose the classes without it",
                );
            }
            if names.len() < 2 {
                let found = with_counts(&in_train);
                refuse(
                    format!("two classes or more are needed, {column:?} has {found} in train"),
                    "choose another label column, other classes or another split",
                );
            }
        }
        problems.into_result()?;
        let count = |counts: &BTreeMap<&str, usize>| {
            names.iter().map(|name| counts.get(name).copied().unwrap_or(0)).collect()
        };
        Ok(Self {
            train: count(&in_train),
            validation: count(&in_validation),
            names: names.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Python's order of the values as ClinicaDL reads them: numbers by size, anything else as text.
fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    let number = |name: &str| name.parse::<f64>().ok();
    if names.iter().all(|name| number(name).is_some()) {
        names.sort_by(|a, b| {
            number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b))
        });
    } else {
        names.sort_unstable();
    }
    names
}

/// Every value asked for must occur on one side or the other.
pub(super) fn check_wanted(sides: [&Side; 2], column: &str, wanted: &[String]) -> Result<()> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for side in sides {
        for (value, n) in side.counts(column)? {
            *counts.entry(value).or_default() += n;
        }
    }
    check_values(counts, column, wanted, &Place::File(sides[0].file.clone()))
}

/// Every value asked for must be among those that are counted in `column`.
pub(super) fn check_values(
    counts: BTreeMap<&str, usize>,
    column: &str,
    wanted: &[String],
    place: &Place,
) -> Result<()> {
    let mut problems = Problems::default();
    for name in wanted.iter().filter(|name| !counts.contains_key(name.as_str())) {
        let near = did_you_mean(name, counts.keys().copied());
        let found = with_counts(&counts);
        problems.push(
            Error::new(
                Code::EmptySelection,
                format!("no session has {name:?} in column {column:?}; there are {found}{near}"),
            )
            .at(place.clone()),
        );
    }
    problems.into_result()
}

/// A network has one output per class, so splits that are trained together must agree on them.
pub(super) fn check_same(splits: &[Split]) -> Result<()> {
    let mut problems = Problems::default();
    let names = |split: &Split| split.classes.as_ref().map(|classes| classes.names.join(", "));
    for split in splits.iter().skip(1) {
        if let (Some(first), Some(other)) = (names(&splits[0]), names(split))
            && first != other
        {
            problems.push(
                Error::new(
                    Code::BadClasses,
                    format!(
                        "split {} has the classes {first}, but split {} has {other}",
                        splits[0].index, split.index
                    ),
                )
                .at(Place::File(split.train_file.clone()))
                .help("choose the classes, so that they are the same in all splits"),
            );
        }
    }
    problems.into_result()
}

/// `AD (12), CN (9)`, and no more than fits on a line.
pub(super) fn with_counts(counts: &BTreeMap<&str, usize>) -> String {
    const SHOWN: usize = 12;
    match counts.is_empty() {
        true => "no values".to_owned(),
        false => some(counts.iter().map(|(name, n)| format!("{name} ({n})")), SHOWN),
    }
}
