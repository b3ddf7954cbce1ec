//! How near predicted numbers and reconstructions come, for figures.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::import::Prediction;
use crate::statistics::pearson;

/// What figures show of a regression.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberFigures {
    /// True and predicted numbers of the images.
    pub pairs: Vec<(f64, f64)>,
    /// The mean of predicted less true, with Student's interval.
    pub bias: Estimate,
    /// The standard deviation of predicted less true, with n − 1.
    pub deviation: Option<f64>,
    /// Bland and Altman's limits of agreement, bias ± 1.96 standard deviations, with their
    /// approximate intervals (1999, <https://doi.org/10.1177/096228029900800204>).
    pub limits: Option<[Estimate; 2]>,
    /// Pearson's correlation of the true numbers with predicted less true: negative where high ones
    /// are predicted too low and low ones too high.
    pub error_with_truth: Option<f64>,
    /// How predicted less true is distributed.
    pub errors: Histogram,
}

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower and upper bound, where there are two images or more.
    pub interval: Option<(f64, f64)>,
}

/// How values are distributed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// What the values are.
    pub name: String,
    /// The lower bound of the first bin, and the width of each.
    pub bins: (f64, f64),
    /// How many values are in each bin; the last one holds its upper bound.
    pub counts: Vec<u64>,
    /// Smallest value, quartiles and largest value.
    pub quartiles: [f64; 5],
}

/// The figures of images whose number is known; nothing where there are none.
pub(super) fn figures(predictions: &[Prediction]) -> Option<NumberFigures> {
    let pairs: Vec<(f64, f64)> =
        predictions.iter().filter_map(|row| Some((row.truth?, row.predicted))).collect();
    let errors: Vec<f64> = pairs.iter().map(|(truth, predicted)| predicted - truth).collect();
    let histogram = histogram("predicted less true", &errors)?;
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let deviation = (errors.len() > 1).then(|| {
        (errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
    });
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok().map(|student| student.inverse_cdf(0.975));
    let about = |value: f64, error: Option<f64>| {
        let half = t.zip(error).map(|(t, error)| t * error);
        Estimate { value, interval: half.map(|half| (value - half, value + half)) }
    };
    let limits = deviation.map(|deviation| {
        let error = deviation * (1.0 / n + 1.96_f64.powi(2) / (2.0 * (n - 1.0))).sqrt();
        [-1.96, 1.96].map(|times| about(mean + times * deviation, Some(error)))
    });
    let truth: Vec<f64> = pairs.iter().map(|(truth, _)| *truth).collect();
    Some(NumberFigures {
        bias: about(mean, deviation.map(|deviation| deviation / n.sqrt())),
        deviation,
        limits,
        // Two pairs always lie on a line.
        error_with_truth: pearson(&truth, &errors).filter(|_| pairs.len() > 2),
        errors: histogram,
        pairs,
    })
}

/// The distribution of the finite ones of these values; nothing where there are none. There are about
/// √n bins, from 5 to 30.
pub(super) fn histogram(name: &str, values: &[f64]) -> Option<Histogram> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let bins = (sorted.len() as f64).sqrt().ceil().clamp(5.0, 30.0);
    let width = if last > first { (last - first) / bins } else { 1.0 };
    let mut counts = vec![0; bins as usize];
    for value in &sorted {
        let bin = ((value - first) / width).floor().min(bins - 1.0);
        counts[bin as usize] += 1;
    }
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some(Histogram {
        name: name.to_owned(),
        bins: (first, width),
        counts,
        quartiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(quantile),
    })
}
