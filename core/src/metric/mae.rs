//! Mean absolute error. Of a reconstruction it is that over an image's voxels.
//!
//! Defined wherever there is a row; equal to 0 where all predictions are right.
use super::short::*;

pub(super) struct MeanAbsoluteError;

fn info() -> MetricInfo {
    MetricInfo {
        name: "MAE".into(),
        help: "Mean absolute error.".into(),
        formula: "mean of |y − ŷ|".into(),
        source: "https://scikit-learn.org/stable/modules/model_evaluation.html#mean-absolute-error"
            .into(),
        direction: Direction::Lower,
        range: (0.0, f64::INFINITY),
        undefined: None,
    }
}

impl NumberMetric for MeanAbsoluteError {
    fn info(&self) -> MetricInfo {
        info()
    }

    fn weighed<'a>(&self, truth: &'a [f64], predicted: &'a [f64]) -> Weighed<'a> {
        let errors = truth.iter().zip(predicted).map(|(y, p)| (y - p).abs());
        mean_of(errors.collect::<Vec<_>>())
    }
}

impl ImageMetric for MeanAbsoluteError {
    fn info(&self) -> MetricInfo {
        info()
    }

    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>> {
        in_chunks(output, target, |x, y| mean_of_voxels(&x.f_sub(y)?.f_abs()?))
    }
}
