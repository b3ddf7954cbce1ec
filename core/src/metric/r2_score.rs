//! Share of the variance of the true numbers that is explained.
//!
//! Undefined where the true numbers are all the same, and so for one row; ClinicaDL writes 0 there.
//! Predicting the mean gives 0, anything worse less.
use super::short::*;

pub(super) struct R2Score;

impl NumberMetric for R2Score {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "R2_score".into(),
            help: "Coefficient of determination: share of the variance explained.".into(),
            formula: "1 − Σ (y − ŷ)² / Σ (y − mean of y)²".into(),
            source: "https://scikit-learn.org/stable/modules/model_evaluation.html#r2-score".into(),
            direction: Direction::Higher,
            range: (f64::NEG_INFINITY, 1.0),
            undefined: None,
        }
    }

    fn weighed<'a>(&self, truth: &'a [f64], predicted: &'a [f64]) -> Weighed<'a> {
        Box::new(move |counts| {
            let drawn = || truth.iter().zip(counts).filter(|(_, n)| **n > 0);
            // Counted from one of them, equal numbers are exactly 0.
            let (origin, _) = drawn().next()?;
            let moments = drawn().map(|(y, n)| (y - origin, f64::from(*n)));
            let (sum, rows) =
                moments.fold((0.0, 0.0), |(sum, rows), (y, n)| (sum + n * y, rows + n));
            let centre = origin + sum / rows;
            let total: f64 = drawn().map(|(y, n)| f64::from(*n) * (y - centre).powi(2)).sum();
            let pairs = truth.iter().zip(predicted).zip(counts);
            let left: f64 = pairs.map(|((y, p), n)| f64::from(*n) * (y - p).powi(2)).sum();
            (total > 0.0).then(|| 1.0 - left / total)
        })
    }
}
