//! Which learning rates a sweep tries, and what the losses it met say.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};

/// What stays of the mean loss at an update, as in fastai.
const STAYS: f64 = 0.98;
/// A smoothed loss of so many times the least ends the sweep, as in fastai.
const DIVERGED: f64 = 4.0;
/// Losses on either side of a fall that are needed to tell it from chance.
const LEAST: usize = 3;
/// A fall of so many standard errors is no chance. Of sweeps whose losses are nothing but normal noise
/// about one in two hundred has one, however many updates there are: 0.0044 of those with 100, 0.0054 of
/// those with 300 (`tests/fixtures/simulate_falls.py`).
const BEYOND_CHANCE: f64 = 4.5;

/// The learning rates to try: from one to another, each the same factor above the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// How many; one weight update each.
    pub updates: usize,
}

impl Default for Sweep {
    /// As fastai's: a hundred from 1e-7 to 10.
    fn default() -> Self {
        Self { from: 1e-7, to: 10.0, updates: 100 }
    }
}

impl Sweep {
    /// What a script says about a sweep.
    pub fn options() -> Vec<OptionSpec> {
        let Self { from, to, updates } = Self::default();
        let rate = Kind::Float { min: 1e-12, max: 1e6 };
        let count = Kind::Int { min: 3, max: 1_000_000 };
        vec![
            OptionSpec::new("from", rate.clone(), from, "the smallest learning rate to try"),
            OptionSpec::new("to", rate, to, "the largest"),
            OptionSpec::new("updates", count, updates, "how many to try, a weight update each"),
        ]
    }

    /// Reads what a script says.
    ///
    /// # Errors
    /// Options that do not fit, and a range that is none.
    pub fn read(given: &Map<String, Value>) -> Result<Self> {
        let options = Options::check(&Self::options(), given, "find_learning_rate")?;
        let sweep = Self {
            from: options.float("from")?,
            to: options.float("to")?,
            updates: options.int("updates")? as usize,
        };
        if sweep.from < sweep.to {
            return Ok(sweep);
        }
        let message = format!("a sweep from {} cannot end at {}", sweep.from, sweep.to);
        Err(Error::new(Code::BadOption, message)
            .at(Place::Option("to".into()))
            .help("name a larger learning rate to end at"))
    }

    /// The learning rate of an update, from 0: `from · (to / from)^(update / (updates − 1))`.
    pub(super) fn rate(&self, update: usize) -> f64 {
        let part = update as f64 / (self.updates.max(2) - 1) as f64;
        self.from * (self.to / self.from).powf(part)
    }
}

/// An update of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RatePoint {
    /// Its learning rate.
    pub rate: f64,
    /// The mean loss of its samples, just before it.
    pub loss: f64,
    /// The mean over it and the losses before it, exponentially weighed:
    /// `s = (Σ 0.98^(i − k) · loss) / (Σ 0.98^(i − k))`.
    pub smoothed: f64,
}

/// What a sweep over learning rates found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundRates {
    /// Every update up to where the loss diverged.
    pub points: Vec<RatePoint>,
    /// Whether the sweep ended early, because the smoothed loss rose above four times its least or a
    /// loss was infinite or NaN.
    pub diverged: bool,
    /// The learning rate where the smoothed loss was least, if it ever fell.
    pub minimum: Option<f64>,
    /// The learning rate up to there at which it fell most from update to update.
    pub steepest: Option<f64>,
    /// How many standard errors the loss fell by up to the minimum: the largest difference between the
    /// mean loss before some update and the mean from it to the minimum, over the error that the noise of
    /// the losses gives such a difference. The noise is estimated from differences between neighbours,
    /// which a fall hardly touches (von Neumann 1941, <https://doi.org/10.1214/aoms/1177731677>).
    /// Nothing where there are too few updates to tell.
    pub fall: Option<f64>,
    /// A tenth of the minimum, where the loss fell by more than chance: by 4.5 standard errors.
    ///
    /// At the minimum itself the loss no longer falls, so a training that begins there is on the verge
    /// of divergence. The steepest place is the other usual choice, but chance alone moves it by a
    /// power of ten where batches are small.
    pub suggestion: Option<f64>,
}

/// The losses of a sweep as they come.
#[derive(Debug, Default)]
pub(super) struct Curve {
    points: Vec<RatePoint>,
    mean: f64,
    least: f64,
    diverged: bool,
}

impl Curve {
    /// Takes a loss in; false where the sweep should end.
    pub(super) fn take(&mut self, rate: f64, loss: f64) -> bool {
        if !loss.is_finite() {
            self.diverged = true;
            return false;
        }
        self.mean = STAYS * self.mean + (1.0 - STAYS) * loss;
        let smoothed = self.mean / (1.0 - STAYS.powf(self.points.len() as f64 + 1.0));
        self.least = if self.points.is_empty() { smoothed } else { self.least.min(smoothed) };
        self.points.push(RatePoint { rate, loss, smoothed });
        // Losses below 0 have no multiples.
        self.diverged = self.least > 0.0 && smoothed > DIVERGED * self.least;
        !self.diverged
    }

    /// What the losses say.
    pub(super) fn judged(self) -> FoundRates {
        let Self { points, diverged, .. } = self;
        let by = |key: &dyn Fn(usize) -> f64, among: std::ops::RangeInclusive<usize>| {
            among.min_by(|a, b| key(*a).total_cmp(&key(*b)))
        };
        let last = points.len().saturating_sub(1);
        let least = by(&|i| points[i].smoothed, 0..=last).filter(|i| *i > 0);
        // As numpy.gradient over the logarithm of the rate, whose steps are all alike.
        let slope = |i: usize| {
            let (low, high) = (i.saturating_sub(1), (i + 1).min(last));
            (points[high].smoothed - points[low].smoothed) / (high - low) as f64
        };
        let steepest = least.and_then(|least| by(&slope, 0..=least));
        let minimum = least.map(|i| points[i].rate);
        let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
        let fall = least.and_then(|i| fall(&losses[..=i]));
        let fell = fall.is_some_and(|fall| fall > BEYOND_CHANCE);
        FoundRates {
            diverged,
            minimum,
            steepest: steepest.map(|i| points[i].rate),
            fall,
            suggestion: minimum.filter(|_| fell).map(|rate| rate / 10.0),
            points,
        }
    }
}

/// See [`FoundRates::fall`].
fn fall(losses: &[f64]) -> Option<f64> {
    let n = losses.len();
    let squares: f64 = losses.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let noise = (squares / (2.0 * (n.max(2) - 1) as f64)).sqrt();
    let total: f64 = losses.iter().sum();
    let (mut before, mut most) = (0.0, None::<f64>);
    for (i, loss) in losses.iter().enumerate() {
        if i >= LEAST && n - i >= LEAST {
            let (left, right) = (i as f64, (n - i) as f64);
            let difference = before / left - (total - before) / right;
            let fall = difference / (noise * (1.0 / left + 1.0 / right).sqrt());
            most = most.map_or(Some(fall), |most| Some(most.max(fall)));
        }
        before += loss;
    }
    // Losses that are all the same have no noise and no fall.
    most.filter(|fall| !fall.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(given: Value) -> Result<Sweep> {
        Sweep::read(given.as_object().unwrap())
    }

    #[test]
    fn learning_rates_rise_by_a_factor() {
        let sweep = read(json!({"from": 1e-3, "to": 10, "updates": 5})).unwrap();
        for (i, expected) in [1e-3, 1e-2, 0.1, 1.0, 10.0].into_iter().enumerate() {
            assert!((sweep.rate(i) / expected - 1.0).abs() < 1e-12);
        }
        assert_eq!(read(json!({})).unwrap(), Sweep::default());
        for (given, words) in [
            (json!({"from": 0.1, "to": 0.1}), "cannot end at 0.1"),
            (json!({"updates": 2}), "from 3 to 1000000"),
            (json!({"form": 1}), "did you mean \"from\"?"),
        ] {
            let error = read(given).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    /// Gradient descent on `w²` multiplies `w` by `1 − 2·rate`: it converges below a rate of 1, fastest
    /// at 0.5, and diverges above.
    #[test]
    fn on_a_parabola_the_suggestion_converges() {
        let sweep = Sweep { from: 1e-4, to: 100.0, updates: 100 };
        let (mut curve, mut weight) = (Curve::default(), 1.0_f64);
        let mut done = 0;
        while done < sweep.updates && curve.take(sweep.rate(done), weight * weight) {
            weight *= 1.0 - 2.0 * sweep.rate(done);
            done += 1;
        }
        let found = curve.judged();
        assert!(found.diverged && done < sweep.updates);
        let (minimum, steepest) = (found.minimum.unwrap(), found.steepest.unwrap());
        assert!(minimum > 0.5 && minimum < 10.0, "{minimum}");
        assert!(steepest > 1e-3 && steepest < minimum, "{steepest}");
        let suggestion = found.suggestion.unwrap();
        assert_eq!(suggestion, minimum / 10.0);
        assert!((1.0 - 2.0 * suggestion).abs().powi(100) < 1e-3, "{suggestion}");
    }

    /// By hand: 0.98 · 0.02 · 3 + 0.02 · 1 over 1 − 0.98² is 1.98989898….
    #[test]
    fn losses_are_smoothed_without_bias() {
        let mut curve = Curve::default();
        assert!(curve.take(0.1, 3.0) && curve.take(0.2, 1.0));
        let found = curve.judged();
        assert!((found.points[0].smoothed - 3.0).abs() < 1e-12);
        assert!((found.points[1].smoothed - 1.989_898_989_898_99).abs() < 1e-12);
        assert_eq!((found.minimum, found.steepest), (Some(0.2), Some(0.1)));
    }

    /// Losses of chance alone, with a least one somewhere. In an earlier version a tenth of its rate was
    /// suggested.
    #[test]
    fn a_fall_within_the_noise_suggests_nothing() {
        let sweep = Sweep::default();
        let (mut minima, mut suggestions) = (0, 0);
        for seed in 0..200 {
            let mut random = crate::random::Random::new(seed, "losses", &[]);
            let mut curve = Curve::default();
            for update in 0..sweep.updates {
                assert!(curve.take(sweep.rate(update), 0.7 + 0.1 * random.normal()));
            }
            let found = curve.judged();
            minima += usize::from(found.minimum.is_some());
            suggestions += usize::from(found.suggestion.is_some());
        }
        assert!(minima > 100, "{minima}");
        assert!(suggestions <= 4, "{suggestions}");
        // The same noise over a fall of two of its standard deviations, then a rise.
        let mut random = crate::random::Random::new(7, "losses", &[]);
        let mut curve = Curve::default();
        for update in 0..sweep.updates {
            let course = match update {
                0..40 => 0.7,
                40..70 => 0.5,
                _ => 1.5,
            };
            assert!(curve.take(sweep.rate(update), course + 0.1 * random.normal()));
        }
        let found = curve.judged();
        assert!(found.fall.unwrap() > BEYOND_CHANCE, "{:?}", found.fall);
        let suggestion = found.suggestion.unwrap();
        assert!((sweep.rate(60)..sweep.rate(71)).contains(&(10.0 * suggestion)), "{suggestion}");
    }

    /// By NumPy, with the functions of `simulate_falls.py`.
    #[test]
    fn the_size_of_a_fall_is_that_of_numpy() {
        let losses = [1.0, 1.2, 0.9, 1.1, 0.6, 0.5, 0.7, 0.4];
        assert!(
            (fall(&losses).unwrap() - 3.535_533_905_932_737).abs() < 1e-12,
            "{:?}",
            fall(&losses)
        );
        assert_eq!((fall(&losses[..5]), fall(&[0.5; 9])), (None, None));
    }

    #[test]
    fn without_a_fall_nothing_is_suggested() {
        let mut curve = Curve::default();
        assert!(curve.take(0.1, 1.0) && curve.take(0.2, 2.0));
        assert!(!curve.take(0.3, f64::NAN));
        let found = curve.judged();
        assert!(found.diverged && found.points.len() == 2);
        assert_eq!((found.minimum, found.steepest, found.suggestion), (None, None, None));
    }
}
