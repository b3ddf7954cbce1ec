//! The tables of a phantom data set: labels, and splits with each class shared out evenly.

use std::path::Path;

use super::{Person, PhantomOptions, SESSION, make_parent, paths};
use crate::Result;
use crate::data::table::write_tsv;
use crate::random::Random;

/// Where a participant belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Group {
    Test,
    /// The fold in which the participant validates; the one of a single split is 0, and there some
    /// participants validate never.
    Fold(Option<usize>),
}

/// Writes `labels.tsv` and the folder `splits`.
pub(super) fn write(folder: &Path, people: &[Person], options: &PhantomOptions) -> Result<()> {
    let table = |name: &str, keep: &dyn Fn(usize) -> bool| {
        let path = folder.join(name);
        make_parent(&path)?;
        let columns = ["participant_id", "session_id", "diagnosis", "age", "sex"];
        let rows = people.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, person)| {
            let age = format!("{:.1}", person.age);
            let class = options.classes[person.class].clone();
            [person.id.clone(), SESSION.to_owned(), class, age, person.sex.to_owned()]
        });
        write_tsv(&path, &columns, rows)
    };
    let groups = groups(people, options);
    table("labels.tsv", &|_| true)?;
    if options.test_per_class > 0 {
        table("splits/test_baseline.tsv", &|i| groups[i] == Group::Test)?;
    }
    for fold in 0..options.n_splits {
        let inside = if options.n_splits == 1 {
            "splits".to_owned()
        } else {
            format!("splits/split-{fold}")
        };
        let validates = |i: usize| groups[i] == Group::Fold(Some(fold));
        let trains = |i: usize| groups[i] != Group::Test && !validates(i);
        // With one session each, the baseline is all there is.
        table(&format!("{inside}/train.tsv"), &trains)?;
        table(&format!("{inside}/train_baseline.tsv"), &trains)?;
        table(&format!("{inside}/validation_baseline.tsv"), &validates)?;
    }
    Ok(())
}

/// Writes the tables of cohorts, which say where the CAPS, the labels and the splits of each lie.
pub(super) fn write_cohorts(folder: &Path, options: &PhantomOptions) -> Result<()> {
    let inside = ["", "/labels.tsv", "/splits"];
    for (path, inside) in paths(folder, options).iter().zip(inside) {
        let rows = options.cohorts.iter().map(|name| [name.clone(), format!("{name}{inside}")]);
        write_tsv(path, &["cohort", "path"], rows)?;
    }
    Ok(())
}

/// Shares out each class in an order of its own; a quarter validates in a single split.
fn groups(people: &[Person], options: &PhantomOptions) -> Vec<Group> {
    let mut groups = vec![Group::Fold(None); people.len()];
    for class in 0..options.classes.len() {
        let mut members: Vec<_> =
            people.iter().enumerate().filter(|(_, p)| p.class == class).map(|(i, _)| i).collect();
        Random::new(options.seed, "phantom splits", &[class as u64]).shuffle(&mut members);
        let (test, others) = members.split_at(options.test_per_class.min(members.len()));
        for i in test {
            groups[*i] = Group::Test;
        }
        let quarter = others.len().div_ceil(4);
        for (order, i) in others.iter().enumerate() {
            groups[*i] = Group::Fold(match options.n_splits {
                1 => (order < quarter).then_some(0),
                folds => Some(order % folds),
            });
        }
    }
    groups
}
