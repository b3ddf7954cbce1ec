//! Learning from a part of the training participants, for learning curves.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::participants::Person;
use crate::data::split::{Label, Split};
use crate::random::Random;

/// Keeps so much of the training side: of the participants of each class and cohort this share,
/// rounded, and at least one of them; all sessions of whoever stays. Which ones depends on the seed and
/// the split, and those of a smaller share are among those of a larger one. Whose sessions are of
/// several classes counts for that of the first.
pub(super) fn keep(split: &mut Split, fraction: f64, seed: u64) {
    if fraction >= 1.0 {
        return;
    }
    let mut seen = BTreeSet::new();
    let mut strata: BTreeMap<(String, Option<usize>), Vec<Person>> = BTreeMap::new();
    for row in &split.train {
        let person = row.session.person();
        if seen.insert(person.clone()) {
            let class = match row.label {
                Label::Class(class) => Some(class),
                _ => None,
            };
            strata.entry((person.cohort.clone(), class)).or_default().push(person);
        }
    }
    let mut kept = BTreeSet::new();
    for ((cohort, class), mut people) in strata {
        let purpose = format!("train_fraction {cohort}");
        let keys = [split.index as u64, class.map_or(0, |class| class as u64 + 1)];
        Random::new(seed, &purpose, &keys).shuffle(&mut people);
        let number = (fraction * people.len() as f64).round().max(1.0) as usize;
        kept.extend(people.into_iter().take(number));
    }
    split.train.retain(|row| kept.contains(&row.session.person()));
    if let Some(classes) = &mut split.classes {
        for (class, count) in classes.train.iter_mut().enumerate() {
            let of_class = split.train.iter().filter(|row| row.label == Label::Class(class));
            *count = of_class.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::participants::{SINGLE, Session};
    use crate::data::split::{Classes, Row};

    /// 20 participants with two sessions each, of which 8 are of the first class.
    fn split() -> Split {
        let row = |number: usize| Row {
            session: Session {
                cohort: SINGLE.into(),
                participant: format!("sub-{:02}", number / 2),
                session: format!("ses-{}", number % 2),
                row: number + 2,
            },
            label: Label::Class(usize::from(number >= 16)),
        };
        Split {
            index: 0,
            train: (0..40).map(row).collect(),
            validation: vec![],
            classes: Some(Classes {
                names: vec!["AD".into(), "CN".into()],
                train: vec![16, 24],
                validation: vec![0, 0],
            }),
            train_file: "train.tsv".into(),
            validation_file: "validation.tsv".into(),
            tables: vec![],
            leaked: vec![],
            warnings: vec![],
        }
    }

    fn kept(fraction: f64, seed: u64) -> Split {
        let mut split = split();
        keep(&mut split, fraction, seed);
        split
    }

    #[test]
    fn shares_are_nested_by_participant_and_alike_in_classes() {
        let mut before = BTreeSet::new();
        for (fraction, counts) in
            [(0.01, [2, 2]), (0.25, [4, 6]), (0.5, [8, 12]), (0.75, [12, 18]), (1.0, [16, 24])]
        {
            let split = kept(fraction, 3);
            assert_eq!(split.classes.unwrap().train, counts, "{fraction}");
            let rows: BTreeSet<usize> = split.train.iter().map(|row| row.session.row).collect();
            assert_eq!(rows.len(), counts[0] + counts[1]);
            assert!(before.is_subset(&rows), "{before:?} {rows:?}");
            before = rows;
        }
        assert_eq!(kept(1.0, 3), split());
        assert_ne!(kept(0.5, 3).train, kept(0.5, 4).train);
        let sorted = |split: &Split| split.train.is_sorted_by_key(|row| row.session.row);
        assert!(sorted(&kept(0.5, 3)), "the table's order stays");
    }
}
