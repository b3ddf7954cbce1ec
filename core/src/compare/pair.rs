//! Two experiments on the images that both predicted.

use std::collections::BTreeMap;

use super::paired::PairTest;
use super::shared::Predicted;
use super::together::Runs;
use crate::data::participants::Key;
use crate::error::Result;
use crate::import::Prediction;
use crate::statistics::{delong, mcnemar, mean_difference};
use crate::task::Task;

/// What two experiments predicted of the images that both have.
pub(super) struct Pair<'a> {
    pub(super) runs: &'a Runs<'a>,
    pub(super) at: [usize; 2],
    pub(super) rows: Vec<[&'a Prediction; 2]>,
    /// The names of the metrics of reconstructions.
    pub(super) names: [&'a [String]; 2],
    /// Of whom each row is: a number for each person.
    pub(super) person: Vec<usize>,
    /// How many people there are.
    pub(super) people: usize,
    /// The rows that one network of each experiment predicted: those of each split. None where the two
    /// have other images in their splits.
    pub(super) sets: Vec<Vec<usize>>,
}

impl<'a> Pair<'a> {
    /// Nothing where there are fewer than two such images.
    pub(super) fn new(
        runs: &'a Runs<'a>,
        at: [usize; 2],
        predicted: [&'a Predicted; 2],
        notes: &mut Vec<String>,
    ) -> Option<Self> {
        let both = runs.names(at);
        if predicted.iter().any(|one| one.repeated) {
            notes.push(format!(
                "{both}: splits share images in validation, so images are not tested, splits are"
            ));
            return None;
        }
        let task = runs.sources[at[0]].task;
        let (mut rows, mut person, mut numbers) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (mut other, mut moved, mut sets) = (0, 0, BTreeMap::new());
        for (key, (split, a)) in &predicted[0].rows {
            let Some((of_b, b)) = predicted[1].rows.get(key) else { continue };
            let unknown = task != Task::Reconstruction && (a.truth.is_none() || b.truth.is_none());
            if unknown || a.truth != b.truth {
                other += usize::from(!unknown);
                continue;
            }
            let (cohort, participant, _): &Key = key;
            let next = numbers.len();
            person.push(*numbers.entry((cohort, participant)).or_insert(next));
            sets.entry(*split).or_insert_with(Vec::new).push(rows.len());
            moved += usize::from(split != of_b);
            rows.push([a, b]);
        }
        if other > 0 {
            notes.push(format!(
                "{both}: {other} images have another label in each, and are left out"
            ));
        }
        if moved > 0 {
            notes.push(format!(
                "{both}: {moved} images are in other splits of each; what networks of other splits say \
                 is not put together, so only accuracy is tested"
            ));
            sets.clear();
        }
        let names = [&predicted[0].names[..], &predicted[1].names[..]];
        let (people, sets) = (numbers.len(), sets.into_values().collect());
        (rows.len() > 1).then_some(Self { runs, at, rows, names, person, people, sets })
    }

    pub(super) fn test(
        &self,
        metric: &str,
        test: &'static str,
        values: [f64; 2],
        p: f64,
    ) -> PairTest {
        PairTest {
            a: self.at[0],
            b: self.at[1],
            metric: metric.to_owned(),
            test,
            n: self.rows.len(),
            people: Some(self.people),
            values: (values[0], values[1]),
            difference: values[0] - values[1],
            interval: None,
            p,
            p_holm: p,
        }
    }

    /// All tests that fit.
    ///
    /// # Errors
    /// A defect.
    pub(super) fn tests(&self, notes: &mut Vec<String>) -> Result<Vec<PairTest>> {
        let source = &self.runs.sources[self.at[0]];
        let mut tests = Vec::new();
        let independent = self.people == self.rows.len();
        if !independent {
            notes.push(
                "people have several images: tests that take images for independent (McNemar, DeLong) \
                 are left out; the permutation test swaps, and its interval draws, people"
                    .into(),
            );
        }
        let two = source.classes.len() == 2;
        if source.task == Task::Classification && independent {
            tests.push(self.mcnemar());
        }
        if self.sets.is_empty() {
            return Ok(tests);
        }
        let missing = |metric: &str| {
            let both = self.runs.names(self.at);
            format!(
                "{both}: {metric} cannot be told on the images of every split, and is not tested"
            )
        };
        let by_delong = source.task == Task::Classification && independent && two;
        if by_delong {
            match self.delong() {
                Some(test) => tests.push(test),
                None => notes.push(missing("the difference of ROC_AUC")),
            }
        }
        let by_permutation: &[&str] = match source.task {
            Task::Classification if by_delong => &["BA"],
            Task::Classification => &["BA", "ROC_AUC"],
            Task::Regression => &["MAE"],
            Task::Reconstruction => &["SSIM", "MAE"],
        };
        for name in by_permutation {
            let Some(entry) = source.catalog.metrics.find(name) else { continue };
            match self.permutation(entry)? {
                Some(test) => tests.push(test),
                None => notes.push(missing(name)),
            }
        }
        Ok(tests)
    }

    fn mcnemar(&self) -> PairTest {
        let right = |row: &Prediction| row.truth == Some(row.predicted);
        let alone = |of: usize| {
            let rows = self.rows.iter();
            rows.filter(|row| right(row[of]) && !right(row[1 - of])).count() as u64
        };
        let share = |of: usize| {
            let rows = self.rows.iter().filter(|row| right(row[of])).count();
            rows as f64 / self.rows.len() as f64
        };
        let p = mcnemar(alone(0), alone(1));
        self.test("accuracy", "McNemar", [share(0), share(1)], p)
    }

    fn delong(&self) -> Option<PairTest> {
        let of_set = |set: &Vec<usize>| {
            let scores = |of: usize| -> Option<Vec<f64>> {
                set.iter().map(|at| self.rows[*at][of].probabilities.first().copied()).collect()
            };
            let (a, b) = (scores(0)?, scores(1)?);
            let positive: Vec<bool> =
                set.iter().map(|at| self.rows[*at][0].truth == Some(0.0)).collect();
            delong(&[&a, &b], &positive)
        };
        let found: Vec<_> = self.sets.iter().map(of_set).collect::<Option<_>>()?;
        let difference = mean_difference(&found, 0, 1)?;
        let area =
            |of: usize| found.iter().map(|set| set.areas[of]).sum::<f64>() / found.len() as f64;
        let test = self.test("ROC_AUC", "DeLong", [area(0), area(1)], difference.p);
        Some(PairTest { interval: difference.interval, ..test })
    }
}
