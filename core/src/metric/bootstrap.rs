//! How much metrics would vary with other participants.

use serde::{Deserialize, Serialize};

use super::{Confusion, Metric, RowMetric, Rows, Weighed};
use crate::error::{Code, Error, Result};
use crate::random::Random;

/// How many resamples are drawn unless asked otherwise, as in ClinicaDL.
pub const RESAMPLES: usize = 3000;

/// A 95 % interval and the standard error of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The 2.5 % quantile over the resamples.
    pub lower: f64,
    /// The 97.5 % quantile over the resamples.
    pub upper: f64,
    /// The standard deviation over the resamples.
    pub standard_error: f64,
    /// In how many resamples the metric was defined; the others are left out, so the interval
    /// holds under the condition that it is.
    pub resamples: usize,
}

/// The percentile bootstrap intervals of metrics, in the metrics' order.
///
/// Rows, each with its true and predicted class, are drawn with replacement, as many as there are
/// (Efron and Tibshirani 1993, §13.3, <https://doi.org/10.1201/9780429246593>); quantiles are
/// interpolated linearly, as NumPy does. All metrics see the same resamples. Rows count as
/// independent: parts of one image are not, so intervals over parts are too narrow. A metric has no
/// interval if there are fewer than two rows, or fewer than two resamples in which it is defined.
pub fn bootstrap(
    confusion: &Confusion,
    metrics: &[&dyn Metric],
    resamples: usize,
    seed: u64,
) -> Vec<Option<Interval>> {
    let rows = confusion.rows();
    if rows < 2 {
        return vec![None; metrics.len()];
    }
    let mut random = Random::new(seed, "bootstrap", &[]);
    let mut resample = confusion.clone();
    let mut values = vec![Vec::with_capacity(resamples); metrics.len()];
    for _ in 0..resamples {
        draw(&mut random, rows, confusion.cells(), resample.cells_mut());
        for (metric, values) in metrics.iter().zip(&mut values) {
            values.extend(metric.all_classes(&resample, None));
        }
    }
    values.into_iter().map(interval).collect()
}

/// The same for a metric that is computed from the rows themselves; they are drawn one by one. A slow
/// metric takes long: `stopped` is asked before every resample.
///
/// # Errors
/// What the metric says; [`Code::Interrupted`].
pub fn bootstrap_rows(
    rows: &Rows<'_>,
    metric: &dyn RowMetric,
    resamples: usize,
    seed: u64,
    stopped: impl Fn() -> bool,
) -> Result<Option<Interval>> {
    let n = rows.truth.len();
    if n < 2 {
        return Ok(None);
    }
    let mut random = Random::new(seed, "bootstrap rows", &[]);
    let mut values = Vec::with_capacity(resamples);
    let (mut truth, mut predicted) = (vec![0; n], vec![0; n]);
    let mut scores = vec![0.0; rows.scores.len()];
    for _ in 0..resamples {
        if stopped() {
            return Err(Error::new(Code::Interrupted, "stopped while intervals were computed"));
        }
        let drawn = scores.chunks_exact_mut(rows.classes.max(1));
        for ((truth, predicted), scores) in truth.iter_mut().zip(&mut predicted).zip(drawn) {
            let row = random.below(n as u64) as usize;
            (*truth, *predicted) = (rows.truth[row], rows.predicted[row]);
            scores.copy_from_slice(&rows.scores[row * rows.classes..][..rows.classes]);
        }
        let resample =
            Rows { truth: &truth, predicted: &predicted, scores: &scores, classes: rows.classes };
        values.extend(metric.value(&resample)?.filter(|value| !value.is_nan()));
    }
    Ok(interval(values))
}

/// The same for metrics that are ready for resamples of `rows` rows; all of them see the same ones.
/// All processors draw; each resample has a stream of its own, so their number changes nothing.
/// `stopped` is asked before every resample.
///
/// # Errors
/// [`Code::Interrupted`]; [`Code::Internal`] for more than 2³² rows.
pub fn bootstrap_weighed(
    rows: usize,
    metrics: &[Weighed<'_>],
    resamples: usize,
    seed: u64,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Option<Interval>>> {
    let values = resampled(rows, metrics, resamples, seed, stopped)?;
    Ok(values.into_iter().map(interval).collect())
}

/// The values of each metric over the resamples in which it is defined, in their order.
///
/// # Errors
/// As [`bootstrap_weighed`].
pub(crate) fn resampled(
    rows: usize,
    metrics: &[Weighed<'_>],
    resamples: usize,
    seed: u64,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Vec<f64>>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    on_threads(threads, rows, metrics, resamples, seed, stopped)
}

fn on_threads(
    threads: usize,
    rows: usize,
    metrics: &[Weighed<'_>],
    resamples: usize,
    seed: u64,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Vec<f64>>> {
    let Ok(drawn) = u32::try_from(rows) else {
        return Err(Error::new(Code::Internal, format!("{rows} rows are too many to resample")));
    };
    if drawn < 2 || metrics.is_empty() {
        return Ok(vec![Vec::new(); metrics.len()]);
    }
    let share = resamples.div_ceil(threads).max(1);
    // `None` where it was stopped.
    let of_share = |first: usize| -> Option<Vec<Vec<f64>>> {
        let mut values = vec![Vec::with_capacity(share); metrics.len()];
        let mut counts = vec![0; rows];
        for resample in first..resamples.min(first + share) {
            if stopped() {
                return None;
            }
            let random = Random::new(seed, "bootstrap rows", &[resample as u64]);
            draw_rows(random, drawn, &mut counts);
            for (metric, values) in metrics.iter().zip(&mut values) {
                values.extend(metric(&counts).filter(|value| !value.is_nan()));
            }
        }
        Some(values)
    };
    let shares: Option<Vec<_>> = std::thread::scope(|scope| {
        let firsts = (0..resamples).step_by(share);
        let running: Vec<_> = firsts.map(|first| scope.spawn(move || of_share(first))).collect();
        let finished = running.into_iter().map(|thread| match thread.join() {
            Ok(values) => values,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        finished.collect()
    });
    let Some(shares) = shares else {
        return Err(Error::new(Code::Interrupted, "stopped while intervals were computed"));
    };
    let of_metric = |at: usize| shares.iter().flat_map(move |values| values[at].iter().copied());
    Ok((0..metrics.len()).map(|at| of_metric(at).collect()).collect())
}

/// Counts how often each of `rows` rows is drawn, in `rows` draws with replacement (Lemire 2019,
/// <https://doi.org/10.1145/3230636>, with 32 bits for a draw).
fn draw_rows(mut random: Random, rows: u32, counts: &mut [u32]) {
    counts.fill(0);
    let threshold = rows.wrapping_neg() % rows;
    let mut left = rows;
    while left > 0 {
        let bits = random.bits();
        for half in [bits as u32, (bits >> 32) as u32] {
            let product = u64::from(half) * u64::from(rows);
            if product as u32 >= threshold && left > 0 {
                counts[(product >> 32) as usize] += 1;
                left -= 1;
            }
        }
    }
}

/// The percentile interval of values over resamples; nothing for fewer than two.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(Interval {
        lower: quantile(&values, 0.025),
        upper: quantile(&values, 0.975),
        standard_error: variance.sqrt(),
        resamples: values.len(),
    })
}

/// The quantile of sorted values, interpolated linearly: definition 7 of Hyndman and Fan 1996,
/// <https://doi.org/10.2307/2684934>.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

/// Draws `rows` rows with replacement from cells that hold `counts` rows, into `drawn`.
///
/// Only counts matter, not rows, so halving the list of cells and drawing how many rows fall into
/// the first half gives the same distribution as drawing row by row, in a fraction of the time.
fn draw(random: &mut Random, rows: u64, counts: &[u64], drawn: &mut [u64]) {
    if let [drawn] = drawn {
        *drawn = rows;
        return;
    }
    let (first, second) = counts.split_at(counts.len() / 2);
    let (drawn_first, drawn_second) = drawn.split_at_mut(first.len());
    let (in_first, in_second): (u64, u64) = (first.iter().sum(), second.iter().sum());
    let rows_first = binomial(random, rows, in_first, in_first + in_second);
    draw(random, rows_first, first, drawn_first);
    draw(random, rows - rows_first, second, drawn_second);
}

/// How many of `trials` succeed if each does with probability `part / whole`.
///
/// A trial succeeds if a uniform number u is below p = part / whole. Written in binary, the first
/// digit in which u and p differ decides, and only how many trials each digit decides is drawn, so
/// a trial costs two random bits. All of it is done on whole numbers: the draw is exact, and the
/// same on every machine.
fn binomial(random: &mut Random, trials: u64, part: u64, whole: u64) -> u64 {
    let (mut undecided, mut successes) = (trials, 0);
    // The digits of p that are still to come are those of remainder / whole. If they are all
    // zero, no u can be below any more.
    let mut remainder = part;
    while undecided > 0 && remainder > 0 {
        let ones = heads(random, undecided);
        remainder *= 2;
        if remainder >= whole {
            remainder -= whole;
            successes += undecided - ones;
            undecided = ones;
        } else {
            undecided -= ones;
        }
    }
    successes
}

/// How many of `tosses` fair coins show heads.
fn heads(random: &mut Random, tosses: u64) -> u64 {
    let full: u32 = (0..tosses / 64).map(|_| random.bits().count_ones()).sum();
    let rest = tosses % 64;
    let last = if rest > 0 { (random.bits() >> (64 - rest)).count_ones() } else { 0 };
    u64::from(full) + u64::from(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws often and compares how often each number of successes came with its probability.
    #[track_caller]
    fn check_binomial(trials: u64, part: u64, whole: u64) {
        let draws = 40_000;
        let mut random = Random::new(1, "binomial", &[trials, part, whole]);
        let mut seen = vec![0.0; trials as usize + 1];
        for _ in 0..draws {
            seen[binomial(&mut random, trials, part, whole) as usize] += 1.0;
        }
        let p = part as f64 / whole as f64;
        let mut choose = 1.0;
        for (k, seen) in seen.iter().enumerate() {
            let (k, n) = (k as f64, trials as f64);
            let share = choose * p.powf(k) * (1.0 - p).powf(n - k);
            let spread = (share * (1.0 - share) * f64::from(draws)).sqrt();
            let expected = share * f64::from(draws);
            assert!(
                (seen - expected).abs() <= 4.5 * spread + 1e-6,
                "{k} of {n}: {seen}, expected {expected}"
            );
            choose *= (n - k) / (k + 1.0);
        }
    }

    #[test]
    fn binomial_draws_have_their_exact_distribution() {
        for (trials, part, whole) in
            [(1, 1, 2), (1, 1, 3), (5, 1, 3), (7, 5, 7), (9, 99, 100), (70, 1, 10), (130, 3, 8)]
        {
            check_binomial(trials, part, whole);
        }
    }

    #[test]
    fn what_is_impossible_or_certain_stays_so() {
        let mut random = Random::new(0, "certain", &[]);
        for trials in [0, 1, 64, 1000] {
            assert_eq!(binomial(&mut random, trials, 0, 3), 0);
            assert_eq!(binomial(&mut random, trials, 3, 3), trials);
        }
        assert_eq!(binomial(&mut random, 0, 0, 0), 0);
    }

    #[test]
    fn cells_are_drawn_together_as_a_multinomial() {
        let counts = [5, 0, 2, 3, 0, 10];
        let (rows, draws) = (20u64, 20_000);
        let mut random = Random::new(2, "cells", &[]);
        let mut sums = [0.0; 6];
        let mut products = [[0.0; 6]; 6];
        for _ in 0..draws {
            let mut drawn = [0; 6];
            draw(&mut random, rows, &counts, &mut drawn);
            assert_eq!(drawn.iter().sum::<u64>(), rows);
            for i in 0..6 {
                sums[i] += drawn[i] as f64 / f64::from(draws);
                for j in 0..6 {
                    products[i][j] += (drawn[i] * drawn[j]) as f64 / f64::from(draws);
                }
            }
        }
        for i in 0..6 {
            let p = counts[i] as f64 / 20.0;
            assert!((sums[i] - 20.0 * p).abs() < 0.08, "mean of cell {i}: {}", sums[i]);
            for j in 0..6 {
                let q = counts[j] as f64 / 20.0;
                let expected = 20.0 * (if i == j { p } else { 0.0 } - p * q);
                let found = products[i][j] - sums[i] * sums[j];
                assert!((found - expected).abs() < 0.2, "{i}, {j}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn intervals_do_not_depend_on_the_number_of_threads() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i).sin()).collect();
        let of = |threads| {
            let metrics = [crate::metric::mean_of(&values)];
            on_threads(threads, 40, &metrics, 100, 3, &|| false).unwrap()
        };
        assert_eq!(of(1)[0].len(), 100);
        for threads in [2, 7, 100, 300] {
            assert_eq!(of(threads), of(1));
        }
    }

    /// Each row is drawn once on average, and how often it is has the variance of a binomial.
    #[test]
    fn rows_are_drawn_with_replacement() {
        let (rows, draws) = (7u32, 20_000);
        let mut counts = vec![0; rows as usize];
        let mut moments = [[0.0; 2]; 7];
        for draw in 0..draws {
            draw_rows(Random::new(5, "rows", &[draw]), rows, &mut counts);
            assert_eq!(counts.iter().sum::<u32>(), rows);
            for (moments, n) in moments.iter_mut().zip(&counts) {
                moments[0] += f64::from(*n) / draws as f64;
                moments[1] += f64::from(*n).powi(2) / draws as f64;
            }
        }
        for [mean, square] in moments {
            assert!((mean - 1.0).abs() < 0.03, "{mean}");
            assert!((square - mean * mean - 6.0 / 7.0).abs() < 0.05, "{square}");
        }
    }

    #[test]
    fn quantiles_are_numpy_s() {
        // numpy.quantile([1, 2, 4, 8], q).
        for (share, expected) in [(0.0, 1.0), (0.025, 1.075), (0.5, 3.0), (0.975, 7.7), (1.0, 8.0)]
        {
            let found = quantile(&[1.0, 2.0, 4.0, 8.0], share);
            assert!((found - expected).abs() < 1e-12, "{share}: {found}");
        }
    }
}
