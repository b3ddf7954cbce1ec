//! Who is in a group.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Division;
use super::alike::{Alike, Column, compare};
use super::frame::{EMPTY, Frame};
use crate::error::{Result, some};

/// A group of participants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// `split-0 train`.
    pub name: String,
    /// Participants.
    pub participants: usize,
    /// Their sessions in the table that was written.
    pub sessions: usize,
    /// Participants by what they are at their first session in the columns of `stratify`.
    pub strata: BTreeMap<String, usize>,
}

/// Both sides of one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The side that is trained on.
    pub train: Group,
    /// The other.
    pub subset: Group,
    /// How alike they are in the columns of `balance`.
    pub alike: Vec<Alike>,
}

impl Summary {
    pub(super) fn of(
        frame: &Frame,
        division: &Division,
        prefix: &str,
        (train, subset): (&[usize], &[usize]),
        columns: &[(String, Column)],
    ) -> Result<Self> {
        let strata = frame.strata(&division.stratify)?;
        let group = |name: &str, whom: &[usize]| {
            let mut counts = BTreeMap::new();
            for participant in whom {
                *counts.entry(strata[*participant].join(", ")).or_insert(0) += 1;
            }
            Group {
                name: format!("{prefix}{name}"),
                participants: whom.len(),
                sessions: whom.iter().map(|one| frame.participants[*one].rows.len()).sum(),
                strata: counts,
            }
        };
        Ok(Self {
            train: group("train", train),
            subset: group(&division.subset, subset),
            alike: compare(columns, train, subset),
        })
    }

    /// Values that nobody on one of the sides has: in the columns of `stratify`, and of diagnoses.
    pub(super) fn absent(
        &self,
        frame: &Frame,
        division: &Division,
        (train, subset): (&[usize], &[usize]),
    ) -> Result<Vec<String>> {
        let mut columns = division.stratify.clone();
        let diagnosis = "diagnosis".to_owned();
        if frame.table.find_column(&diagnosis).is_some() && !columns.contains(&diagnosis) {
            columns.push(diagnosis);
        }
        let rows = frame.strata(&columns)?;
        let mut notes = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let of = |whom: &[usize]| -> BTreeSet<&str> {
                whom.iter().map(|one| rows[*one][at]).collect()
            };
            let sides = [(&self.train, of(train)), (&self.subset, of(subset))];
            for i in 0..sides.len() {
                let (side, own) = &sides[i];
                let others = sides[1 - i].1.difference(own).filter(|value| **value != EMPTY);
                let absent: Vec<&&str> = others.collect();
                if !absent.is_empty() {
                    let values = some(absent.into_iter(), 5);
                    notes.push(format!("nobody in {} has {column} {values}", side.name));
                }
            }
        }
        Ok(notes)
    }
}
