//! The variance of areas under ROC curves of models that scored the same images.
//!
//! DeLong, DeLong and Clarke-Pearson 1988, <https://doi.org/10.2307/2531595>, in the form with ranks of
//! Sun and Xu 2014, <https://doi.org/10.1109/LSP.2014.2337313>.

use super::{Difference, Z, normal_p, ranks};

/// Areas under the ROC curves of models, and how they vary together.
#[derive(Debug, Clone, PartialEq)]
pub struct Delong {
    /// The area of each model.
    pub areas: Vec<f64>,
    /// Their covariance, `[model][model]`.
    pub covariance: Vec<Vec<f64>>,
}

/// The areas of models, each with a score for every image; higher ones speak for `positive`.
///
/// Nothing for fewer than two positive or two other images, lists that are not of one length, or scores
/// that are NaN.
pub fn delong(scores: &[&[f64]], positive: &[bool]) -> Option<Delong> {
    let m = positive.iter().filter(|positive| **positive).count();
    let n = positive.len() - m;
    let sound = |scores: &&[f64]| {
        scores.len() == positive.len() && !scores.iter().any(|score| score.is_nan())
    };
    if m < 2 || n < 2 || !scores.iter().all(sound) {
        return None;
    }
    let models: Vec<Placements> =
        scores.iter().map(|scores| Placements::new(scores, positive, m, n)).collect();
    let covariance = |a: &Placements, b: &Placements| {
        covariance(&a.of_positives, &b.of_positives) / m as f64
            + covariance(&a.of_others, &b.of_others) / n as f64
    };
    let row = |a: &Placements| models.iter().map(|b| covariance(a, b)).collect();
    Some(Delong {
        areas: models.iter().map(|model| mean(&model.of_positives)).collect(),
        covariance: models.iter().map(row).collect(),
    })
}

/// Standard errors below this are those of areas without a variance, but for rounding.
const NO_ERROR: f64 = 1e-9;

impl Delong {
    /// The normal interval of a model's area, cut to 0 … 1; none where the area has no variance, as that
    /// of a perfect ranking: how far it may be off, these images do not tell.
    pub fn interval(&self, model: usize) -> Option<(f64, f64)> {
        let (area, variance) = (self.areas.get(model)?, self.covariance.get(model)?.get(model)?);
        let error = variance.max(0.0).sqrt();
        let half = Z * error;
        (error > NO_ERROR).then(|| ((area - half).max(0.0), (area + half).min(1.0)))
    }

    /// The difference of two models' areas: see [`mean_difference`].
    pub fn difference(&self, a: usize, b: usize) -> Option<Difference> {
        mean_difference(std::slice::from_ref(self), a, b)
    }

    /// The difference of two models' areas, and its variance.
    fn variance(&self, a: usize, b: usize) -> Option<(f64, f64)> {
        let of = |a: usize, b: usize| self.covariance.get(a)?.get(b).copied();
        let variance = of(a, a)? + of(b, b)? - 2.0 * of(a, b)?;
        Some((self.areas.get(a)? - self.areas.get(b)?, variance.max(0.0)))
    }
}

/// The mean difference of the areas of model `a` and of model `b` over sets of images that have none in
/// common, such as the validation sets of a k-fold division: its variance is the sum of theirs over K².
/// Areas are not taken over all sets at once, since probabilities of networks that were trained apart
/// have no common scale.
///
/// Where the difference has no variance, the p value is 1 for equal areas, and there is nothing to say of
/// others, nor of no sets.
pub fn mean_difference(sets: &[Delong], a: usize, b: usize) -> Option<Difference> {
    let found: Vec<(f64, f64)> =
        sets.iter().map(|set| set.variance(a, b)).collect::<Option<_>>()?;
    let k = found.len() as f64;
    let difference = found.iter().map(|(difference, _)| difference).sum::<f64>() / k;
    let error = found.iter().map(|(_, variance)| variance).sum::<f64>().sqrt() / k;
    let p = match error > NO_ERROR {
        true => normal_p(difference / error),
        false if difference.abs() < 1e-12 => 1.0,
        false => return None,
    };
    let interval = (difference - Z * error, difference + Z * error);
    Some(Difference { difference, interval: (error > NO_ERROR).then_some(interval), p })
}

/// How each image of one kind is placed among those of the other: the share of them that it ranks right
/// against, ties counting half.
struct Placements {
    of_positives: Vec<f64>,
    of_others: Vec<f64>,
}

impl Placements {
    fn new(scores: &[f64], positive: &[bool], m: usize, n: usize) -> Self {
        let of = |wanted: bool| -> Vec<f64> {
            let both = scores.iter().zip(positive);
            both.filter(|(_, positive)| **positive == wanted).map(|(score, _)| *score).collect()
        };
        let among_all = ranks(scores);
        let among_all = |wanted: bool| {
            let both = among_all.iter().zip(positive);
            both.filter(move |(_, positive)| **positive == wanted).map(|(rank, _)| *rank)
        };
        let (positives, others) = (ranks(&of(true)), ranks(&of(false)));
        let of_positives = among_all(true).zip(positives).map(|(all, own)| (all - own) / n as f64);
        let of_others = among_all(false).zip(others);
        let of_others = of_others.map(|(all, own)| 1.0 - (all - own) / m as f64);
        Self { of_positives: of_positives.collect(), of_others: of_others.collect() }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b));
    products.sum::<f64>() / (a.len() as f64 - 1.0)
}
