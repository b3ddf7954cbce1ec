//! Root of the mean squared error. Of a reconstruction it is that over an image's voxels.
//!
//! Defined wherever there is a row; equal to 0 where all predictions are right.
use super::short::*;

pub(super) struct RootMeanSquaredError;

fn info() -> MetricInfo {
    MetricInfo {
        name: "RMSE".into(),
        help: "Root mean squared error.".into(),
        formula: "√ mean of (y − ŷ)²".into(),
        source: "https://scikit-learn.org/stable/modules/model_evaluation.html#mean-squared-error"
            .into(),
        direction: Direction::Lower,
        range: (0.0, f64::INFINITY),
        undefined: None,
    }
}

impl NumberMetric for RootMeanSquaredError {
    fn info(&self) -> MetricInfo {
        info()
    }

    fn weighed<'a>(&self, truth: &'a [f64], predicted: &'a [f64]) -> Weighed<'a> {
        let squares = truth.iter().zip(predicted).map(|(y, p)| (y - p).powi(2));
        let mean = mean_of(squares.collect::<Vec<_>>());
        Box::new(move |counts| mean(counts).map(f64::sqrt))
    }
}

impl ImageMetric for RootMeanSquaredError {
    fn info(&self) -> MetricInfo {
        info()
    }

    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>> {
        in_chunks(output, target, |x, y| Ok(mean_of_voxels(&x.f_sub(y)?.f_square()?)?.f_sqrt()?))
    }
}
