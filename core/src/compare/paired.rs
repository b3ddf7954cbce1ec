//! Tests of two experiments on the images that both predicted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::shared::{Place, Predicted, predicted};
use super::together::{Runs, in_run};
use crate::catalog::MetricEntry;
use crate::data::participants::{Key, read_members};
use crate::data::table::Table;
use crate::error::Result;
use crate::import::Prediction;
use crate::metric::{Confusion, Measure, RESAMPLES, Rows, Weighed, mean_of, resampled};
use crate::report::{Whose, tables};
use crate::statistics::{corrected_t, delong, holm, mcnemar};
use crate::task::Task;

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
    /// `McNemar`, `DeLong`, `bootstrap` or `corrected t`.
    pub test: &'static str,
    /// Images that both predicted, or splits for the corrected t test.
    pub n: usize,
    /// Of how many people the images are; none for the corrected t test.
    pub people: Option<usize>,
    /// The metric of the first and of the second on them.
    pub values: (f64, f64),
    /// The first less the second.
    pub difference: f64,
    /// The 95 % interval of the difference, where the test gives one.
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

/// What two experiments predicted of the images that both have.
struct Pair<'a> {
    runs: &'a Runs<'a>,
    at: [usize; 2],
    rows: Vec<[&'a Prediction; 2]>,
    names: [&'a [String]; 2],
    /// The rows of each person.
    people: Vec<Vec<usize>>,
}

impl<'a> Pair<'a> {
    fn new(
        runs: &'a Runs<'a>,
        at: [usize; 2],
        predicted: [&'a Predicted; 2],
        notes: &mut Vec<String>,
    ) -> Option<Self> {
        let names = at.map(|at| runs.sources[at].root.display().to_string());
        if predicted.iter().any(|one| one.repeated) {
            notes.push(format!(
                "{} and {}: splits share images in validation, so images are not tested, splits are",
                names[0], names[1]
            ));
            return None;
        }
        let task = runs.sources[at[0]].task;
        let (mut rows, mut people, mut other) = (Vec::new(), BTreeMap::new(), 0);
        for (key, a) in &predicted[0].rows {
            let Some(b) = predicted[1].rows.get(key) else { continue };
            let unknown = task != Task::Reconstruction && (a.truth.is_none() || b.truth.is_none());
            if unknown || a.truth != b.truth {
                other += usize::from(!unknown);
                continue;
            }
            let (cohort, participant, _): &Key = key;
            people.entry((cohort, participant)).or_insert_with(Vec::new).push(rows.len());
            rows.push([a, b]);
        }
        if other > 0 {
            notes.push(format!(
                "{} and {}: {other} images have another label in each, and are left out",
                names[0], names[1]
            ));
        }
        let people: Vec<Vec<usize>> = people.into_values().collect();
        let names = [&predicted[0].names[..], &predicted[1].names[..]];
        (rows.len() > 1).then_some(Self { runs, at, rows, names, people })
    }

    fn test(&self, metric: &str, test: &'static str, values: [f64; 2], p: f64) -> PairTest {
        PairTest {
            a: self.at[0],
            b: self.at[1],
            metric: metric.to_owned(),
            test,
            n: self.rows.len(),
            people: Some(self.people.len()),
            values: (values[0], values[1]),
            difference: values[0] - values[1],
            interval: None,
            p,
            p_holm: p,
        }
    }

    fn tests(&self, notes: &mut Vec<String>) -> Result<Vec<PairTest>> {
        let source = &self.runs.sources[self.at[0]];
        let mut tests = Vec::new();
        let independent = self.people.len() == self.rows.len();
        if !independent {
            notes.push(
                "people have several images: tests that take images for independent (McNemar, DeLong) \
                 are left out; the bootstrap draws people"
                    .into(),
            );
        }
        let two = source.classes.len() == 2;
        if source.task == Task::Classification && independent {
            tests.push(self.mcnemar());
            tests.extend(self.delong().filter(|_| two));
        }
        let by_bootstrap: &[&str] = match source.task {
            Task::Classification if two && independent => &["BA"],
            Task::Classification => &["BA", "ROC_AUC"],
            Task::Regression => &["MAE"],
            Task::Reconstruction => &["SSIM", "MAE"],
        };
        for name in by_bootstrap {
            if let Some(entry) = source.catalog.metrics.find(name) {
                tests.extend(self.bootstrap(entry)?);
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
        let scores = |of: usize| -> Option<Vec<f64>> {
            self.rows.iter().map(|row| row[of].probabilities.first().copied()).collect()
        };
        let (a, b) = (scores(0)?, scores(1)?);
        let positive: Vec<bool> = self.rows.iter().map(|row| row[0].truth == Some(0.0)).collect();
        let found = delong(&[&a, &b], &positive)?;
        let difference = found.difference(0, 1)?;
        let areas = [found.areas[0], found.areas[1]];
        let test = self.test("ROC_AUC", "DeLong", areas, difference.p);
        Some(PairTest { interval: Some(difference.interval), ..test })
    }

    /// People are drawn with replacement, each with all images; p is twice the smaller share of
    /// resamples on one side of 0, each counted once more (Davison and Hinkley 1997, §4.2,
    /// <https://doi.org/10.1017/CBO9780511802843>).
    fn bootstrap(&self, entry: &MetricEntry) -> Result<Option<PairTest>> {
        let columns = [0, 1].map(|of| Columns::new(self, of));
        let (Some(a), Some(b)) =
            (columns[0].weighed(entry, self.names[0]), columns[1].weighed(entry, self.names[1]))
        else {
            return Ok(None);
        };
        let once = vec![1; self.rows.len()];
        let (Some(of_a), Some(of_b)) = (a(&once), b(&once)) else { return Ok(None) };
        let difference: Weighed<'_> = Box::new(|people| {
            let mut rows = vec![0; self.rows.len()];
            for (of_person, times) in self.people.iter().zip(people) {
                of_person.iter().for_each(|row| rows[*row] = *times);
            }
            Some(a(&rows)? - b(&rows)?)
        });
        let drawn = resampled(self.people.len(), &[difference], RESAMPLES, 0, &|| false)?;
        let Some(mut values) = drawn.into_iter().next() else { return Ok(None) };
        values.retain(|value| value.is_finite());
        if values.len() < 2 {
            return Ok(None);
        }
        let interval = crate::metric::interval(values.clone());
        let beyond = |side: &dyn Fn(f64) -> bool| {
            let count = values.iter().filter(|value| side(**value)).count();
            (count + 1) as f64 / (values.len() + 1) as f64
        };
        let p = (2.0 * beyond(&|v| v <= 0.0).min(beyond(&|v| v >= 0.0))).min(1.0);
        let test = self.test(&entry.info.name, "bootstrap", [of_a, of_b], p);
        Ok(Some(PairTest { interval: interval.map(|found| (found.lower, found.upper)), ..test }))
    }
}

/// One experiment's predictions in columns.
struct Columns {
    classes: usize,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    scores: Vec<f64>,
    numbers: (Vec<f64>, Vec<f64>),
}

impl Columns {
    fn new(pair: &Pair<'_>, of: usize) -> Self {
        let rows = || pair.rows.iter().map(|row| row[of]);
        let truth = |row: &Prediction| row.truth.unwrap_or(0.0);
        Self {
            classes: pair.runs.sources[pair.at[0]].classes.len(),
            truth: rows().map(|row| truth(row) as usize).collect(),
            predicted: rows().map(|row| row.predicted as usize).collect(),
            scores: rows().flat_map(|row| row.probabilities.iter().copied()).collect(),
            numbers: rows().map(|row| (truth(row), row.predicted)).unzip(),
        }
    }

    /// The metric, ready for resamples; `names` are those of the metrics of reconstructions.
    fn weighed<'a>(&'a self, entry: &'a MetricEntry, names: &[String]) -> Option<Weighed<'a>> {
        let Self { classes, truth, predicted, scores, numbers } = self;
        let task = match (names.is_empty(), scores.is_empty()) {
            (false, _) => Task::Reconstruction,
            (true, false) => Task::Classification,
            (true, true) => Task::Regression,
        };
        match entry.measure(task)? {
            Measure::Classes(metric) => {
                let confusion = Confusion::new(truth, predicted, *classes).ok()?;
                let undefined = entry.info.undefined;
                Some(Box::new(move |counts| {
                    let drawn = confusion.of_counts(truth, predicted, counts);
                    metric.all_classes(&drawn, undefined)
                }))
            }
            Measure::Scores(metric) => {
                Some(metric.weighed(&Rows { classes: *classes, truth, predicted, scores }))
            }
            Measure::Numbers(metric) => Some(metric.weighed(&numbers.0, &numbers.1)),
            Measure::Images(_) => {
                let at = names.iter().position(|name| *name == entry.info.name)?;
                let values: Vec<f64> =
                    scores.iter().skip(at).step_by(names.len()).copied().collect();
                Some(mean_of(values))
            }
            Measure::Rows(_) => None,
        }
    }
}

/// The corrected t test of the task's headline metric over the splits that both experiments have, with
/// the same people in them.
fn over_splits(
    runs: &Runs<'_>,
    at: [usize; 2],
    whose: &Whose,
    splits: &[usize],
    notes: &mut Vec<String>,
) -> Result<Option<PairTest>> {
    let metric = runs.sources[at[0]].task.headline();
    let (mut values, mut shares, mut other) = (Vec::new(), Vec::new(), 0);
    for split in splits {
        let whose = Whose { split: Some(*split), ..whose.clone() };
        let mut of_runs = [None; 2];
        for (of, run) in of_runs.iter_mut().zip(at) {
            let Some(found) = runs.found(run, &whose) else { continue };
            let Some(level) = found.levels()?.into_iter().next() else { continue };
            let scores = tables::scores(&found.file(&level, "metrics"))?;
            *of = scores.into_iter().find(|score| score.metric == metric).and_then(|s| s.value);
        }
        let [Some(a), Some(b)] = of_runs else { continue };
        let members = |run: usize, group: &str| -> Result<Vec<Key>> {
            let file = runs.sources[run].folder.group(group, *split);
            if !file.is_file() {
                return Ok(Vec::new());
            }
            let mut keys: Vec<Key> =
                read_members(&Table::read(&file)?)?.iter().map(|one| one.key()).collect();
            keys.sort_unstable();
            Ok(keys)
        };
        let validation = members(at[0], "validation")?;
        if validation.is_empty() || validation != members(at[1], "validation")? {
            other += 1;
            continue;
        }
        values.push((a, b));
        shares.push(validation.len() as f64 / members(at[0], "train")?.len() as f64);
    }
    if other > 0 && splits.len() > 1 {
        let names = at.map(|at| runs.sources[at].root.display().to_string());
        notes.push(format!(
            "{} and {}: {other} splits have other people in validation, and are not compared",
            names[0], names[1]
        ));
    }
    let differences: Vec<f64> = values.iter().map(|(a, b)| a - b).collect();
    let k = values.len() as f64;
    let Some(found) = corrected_t(&differences, shares.iter().sum::<f64>() / k) else {
        return Ok(None);
    };
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / k;
    let found = found.difference;
    Ok(Some(PairTest {
        a: at[0],
        b: at[1],
        metric: metric.to_owned(),
        test: "corrected t",
        n: values.len(),
        people: None,
        values: (mean(&|pair| pair.0), mean(&|pair| pair.1)),
        difference: found.difference,
        interval: Some(found.interval),
        p: found.p,
        p_holm: found.p,
    }))
}
