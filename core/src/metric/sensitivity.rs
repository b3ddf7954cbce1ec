//! Share of a class that is recognised; 0 if no row is of the class.
use super::short::*;

pub(super) struct Sensitivity;

impl Metric for Sensitivity {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "sensitivity".into(),
            help: "Share of the positive class that is predicted positive (recall).".into(),
            formula: "TP / (TP + FN)".into(),
            source: "https://doi.org/10.1136/bmj.308.6943.1552".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        ratio(counts.true_positive, counts.positive())
    }
}
