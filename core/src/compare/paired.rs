//! Tests of two experiments on the images that both predicted.

use serde::Serialize;

use super::folds::over_splits;
use super::pair::Pair;
use super::shared::{Place, predicted};
use super::together::{Runs, in_run};
use crate::error::Result;
use crate::report::Whose;
use crate::statistics::holm;

/// The tests of a group, by models that were chosen by one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Family {
    /// `validation`, or the name given to `host predict`.
    pub group: String,
    /// The metric whose best models predicted.
    pub selection_metric: String,
    /// From which splits the predictions are; none for an ensemble.
    pub splits: Vec<usize>,
    /// One for each pair of experiments and each test, test by test.
    pub tests: Vec<PairTest>,
}

/// A test of two experiments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairTest {
    /// The first experiment's place in the list.
    pub a: usize,
    /// The second one's.
    pub b: usize,
    /// The metric.
    pub metric: String,
    /// `McNemar`, `DeLong`, `permutation` or `corrected t`.
    pub test: &'static str,
    /// Images that both predicted, or splits for the corrected t test.
    pub n: usize,
    /// Of how many people the images are; none for the corrected t test.
    pub people: Option<usize>,
    /// The metric of the first and of the second on them; where networks of several splits predicted,
    /// all but the accuracy are means over these.
    pub values: (f64, f64),
    /// The first less the second.
    pub difference: f64,
    /// The 95 % interval of the difference, where there is one: by the test, or with `permutation` by
    /// the bootstrap.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p value of there being no difference.
    pub p: f64,
    /// The p value adjusted by Holm's method for all pairs in this test; `p` where there is one pair.
    pub p_holm: f64,
}

/// The tests of one group; nothing where no two experiments have an image in common.
///
/// # Errors
/// Damaged tables.
pub(super) fn family(
    runs: &Runs<'_>,
    whose: &Whose,
    place: Place,
    notes: &mut Vec<String>,
) -> Result<Option<Family>> {
    let all = (0..runs.sources.len())
        .map(|run| {
            predicted(runs, run, whose, &place).map_err(|error| in_run(&runs.sources[run], error))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut tests = Vec::new();
    for a in 0..all.len() {
        for b in a + 1..all.len() {
            if let (Some(first), Some(second)) = (&all[a], &all[b]) {
                let pair = Pair::new(runs, [a, b], [first, second], notes);
                tests.extend(pair.map_or_else(|| Ok(Vec::new()), |pair| pair.tests(&mut *notes))?);
            }
            if let Place::Splits(splits) = &place
                && whose.group == "validation"
            {
                tests.extend(over_splits(runs, [a, b], whose, splits, notes)?);
            }
        }
    }
    if tests.is_empty() {
        return Ok(None);
    }
    // Pairs of one test stand together, and are adjusted together.
    let names: Vec<(&str, String)> =
        tests.iter().map(|test| (test.test, test.metric.clone())).collect();
    let order = |test: &PairTest| {
        names.iter().position(|(name, metric)| *name == test.test && *metric == test.metric)
    };
    tests.sort_by_key(order);
    for of_test in tests.chunk_by_mut(|a, b| (a.test, &a.metric) == (b.test, &b.metric)) {
        let adjusted = holm(&of_test.iter().map(|test| test.p).collect::<Vec<_>>());
        of_test.iter_mut().zip(adjusted).for_each(|(test, p)| test.p_holm = p);
    }
    let splits = match place {
        Place::Splits(splits) => splits,
        Place::Ensemble => Vec::new(),
    };
    Ok(Some(Family {
        group: whose.group.clone(),
        selection_metric: whose.selection_metric.clone(),
        splits,
        tests,
    }))
}
