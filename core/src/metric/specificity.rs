//! Share of the other classes that is recognised as such; 0 if every row is of the class.
use super::short::*;

pub(super) struct Specificity;

impl Metric for Specificity {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "specificity".into(),
            help: "Share of the negative class that is predicted negative.".into(),
            formula: "TN / (TN + FP)".into(),
            source: "https://doi.org/10.1136/bmj.308.6943.1552".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        ratio(counts.true_negative, counts.negative())
    }
}
