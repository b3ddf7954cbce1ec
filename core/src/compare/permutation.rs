//! The permutation test of a metric's difference, and its bootstrap interval.

use super::pair::Pair;
use super::paired::PairTest;
use crate::catalog::MetricEntry;
use crate::error::Result;
use crate::import::Prediction;
use crate::metric::{Confusion, Measure, RESAMPLES, Rows, Weighed, interval, mean_of, resampled};
use crate::random::Random;

/// Of so many people at most all swaps are made.
const ALL: usize = 12;

impl Pair<'_> {
    /// The paired permutation test: were there no difference, it would not matter which experiment each
    /// prediction is from, so those of all images of a person are swapped or not. p is the share of the
    /// swaps that differ at least as much as what was seen; of up to 12 people all swaps count, of more
    /// so many are drawn as there are resamples, and what was seen counts among them (Phipson and Smyth
    /// 2010, <https://doi.org/10.2202/1544-6115.1585>).
    ///
    /// The interval is the percentile interval over resamples in which the people of each split are
    /// drawn with replacement, each with all images; none where all resamples differ alike, or a person
    /// is in several splits.
    ///
    /// Nothing where the metric is undefined in a split.
    ///
    /// # Errors
    /// A defect.
    pub(super) fn permutation(&self, entry: &MetricEntry) -> Result<Option<PairTest>> {
        let columns: Vec<Columns<'_>> =
            self.sets.iter().map(|set| Columns::new(self, set)).collect();
        let Some(metrics) = columns.iter().map(|set| set.weighed(self, entry)).collect() else {
            return Ok(None);
        };
        let sets = Sets { pair: self, metrics };
        let Some(seen) = sets.values(&|_| false) else { return Ok(None) };
        let rounding = 1e-10 * (seen[0].abs() + seen[1].abs());
        let least = (seen[0] - seen[1]).abs() - rounding;
        let extreme = |swapped: &dyn Fn(usize) -> bool| {
            // A swap that leaves the metric undefined speaks for no difference.
            sets.values(swapped).is_none_or(|[a, b]| (a - b).abs() >= least)
        };
        let p = if self.people <= ALL {
            let all = 1_u64 << self.people;
            let count = (0..all).filter(|bits| extreme(&|person| bits >> person & 1 == 1)).count();
            count as f64 / all as f64
        } else {
            let drawn = |draw: &usize| {
                let mut random = Random::new(0, "swapped predictions", &[*draw as u64]);
                let bits: Vec<u64> = (0..self.people.div_ceil(64)).map(|_| random.bits()).collect();
                extreme(&|person| bits[person / 64] >> (person % 64) & 1 == 1)
            };
            let count = (0..RESAMPLES).filter(drawn).count();
            (count + 1) as f64 / (RESAMPLES + 1) as f64
        };
        let test = self.test(&entry.info.name, "permutation", seen, p);
        Ok(Some(PairTest { interval: sets.interval(rounding)?, ..test }))
    }
}

/// A metric on the rows of each split, of which there are twice as many as images: those of the first
/// experiment, then those of the second.
struct Sets<'a> {
    pair: &'a Pair<'a>,
    metrics: Vec<Weighed<'a>>,
}

impl Sets<'_> {
    /// The mean over the splits for each experiment, the predictions of some people swapped; nothing
    /// where it is undefined in a split.
    fn values(&self, swapped: &dyn Fn(usize) -> bool) -> Option<[f64; 2]> {
        let mut sums = [0.0; 2];
        for (set, metric) in self.pair.sets.iter().zip(&self.metrics) {
            for (of, sum) in sums.iter_mut().enumerate() {
                let second = |at: &usize| swapped(self.pair.person[*at]) != (of == 1);
                let seconds: Vec<u32> = set.iter().map(|at| u32::from(second(at))).collect();
                let firsts = seconds.iter().map(|second| 1 - second);
                let counts: Vec<u32> = firsts.chain(seconds.iter().copied()).collect();
                *sum += metric(&counts).filter(|value| value.is_finite())?;
            }
        }
        Some(sums.map(|sum| sum / self.metrics.len() as f64))
    }

    fn interval(&self, rounding: f64) -> Result<Option<(f64, f64)>> {
        let mut means: Vec<f64> = vec![0.0; RESAMPLES];
        let mut people = 0;
        for (number, (set, metric)) in self.pair.sets.iter().zip(&self.metrics).enumerate() {
            let mut of_set: Vec<usize> = set.iter().map(|at| self.pair.person[*at]).collect();
            of_set.sort_unstable();
            of_set.dedup();
            people += of_set.len();
            let place: Vec<usize> = set
                .iter()
                .map(|at| of_set.partition_point(|person| *person < self.pair.person[*at]))
                .collect();
            let difference: Weighed<'_> = Box::new(move |drawn| {
                let times = || place.iter().map(|person| drawn[*person]);
                let none = || place.iter().map(|_| 0);
                let a: Vec<u32> = times().chain(none()).collect();
                let b: Vec<u32> = none().chain(times()).collect();
                Some(metric(&a)? - metric(&b)?).filter(|value| value.is_finite())
            });
            let seed = number as u64;
            let drawn = resampled(of_set.len(), &[difference], RESAMPLES, seed, &|| false)?;
            let values = drawn.into_iter().next().unwrap_or_default();
            // Splits are drawn apart, so any draw of one goes with any of another.
            means.truncate(values.len());
            let share = 1.0 / self.metrics.len() as f64;
            means.iter_mut().zip(values).for_each(|(mean, value)| *mean += share * value);
        }
        let found = interval(means).filter(|found| found.standard_error > rounding);
        let once = people == self.pair.people;
        Ok(found.filter(|_| once).map(|found| (found.lower, found.upper)))
    }
}

/// The predictions of some images in columns: those of the first experiment, then those of the second.
struct Columns<'a> {
    rows: Vec<(usize, &'a Prediction)>,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    scores: Vec<f64>,
    numbers: (Vec<f64>, Vec<f64>),
}

impl<'a> Columns<'a> {
    fn new(pair: &Pair<'a>, set: &[usize]) -> Self {
        let of = |of: usize| set.iter().map(move |at| (of, pair.rows[*at][of]));
        let rows: Vec<(usize, &Prediction)> = of(0).chain(of(1)).collect();
        let truth = |row: &Prediction| row.truth.unwrap_or(0.0);
        Self {
            truth: rows.iter().map(|(_, row)| truth(row) as usize).collect(),
            predicted: rows.iter().map(|(_, row)| row.predicted as usize).collect(),
            scores: rows.iter().flat_map(|(_, row)| row.probabilities.iter().copied()).collect(),
            numbers: rows.iter().map(|(_, row)| (truth(row), row.predicted)).unzip(),
            rows,
        }
    }

    /// The metric, ready for counts of rows.
    fn weighed<'c>(&'c self, pair: &Pair<'_>, entry: &'c MetricEntry) -> Option<Weighed<'c>> {
        let Self { rows, truth, predicted, scores, numbers } = self;
        let source = &pair.runs.sources[pair.at[0]];
        let (task, classes) = (source.task, source.classes.len());
        match entry.measure(task)? {
            Measure::Classes(metric) => {
                let confusion = Confusion::new(truth, predicted, classes).ok()?;
                let undefined = entry.info.undefined;
                Some(Box::new(move |counts| {
                    let drawn = confusion.of_counts(truth, predicted, counts);
                    metric.all_classes(&drawn, undefined)
                }))
            }
            Measure::Scores(metric) => {
                let whole = scores.len() == classes * rows.len();
                whole.then(|| metric.weighed(&Rows { classes, truth, predicted, scores }))
            }
            Measure::Numbers(metric) => Some(metric.weighed(&numbers.0, &numbers.1)),
            Measure::Images(_) => {
                let at = pair.names.map(|of| of.iter().position(|name| *name == entry.info.name));
                let value =
                    |(of, row): &(usize, &Prediction)| row.probabilities.get(at[*of]?).copied();
                Some(mean_of(rows.iter().map(value).collect::<Option<Vec<f64>>>()?))
            }
            Measure::Rows(_) => None,
        }
    }
}
