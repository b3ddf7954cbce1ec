//! How much a negative prediction lowers the odds of the class.
//!
//! Undefined if there is no true negative, where it would be infinite, and if no row is of the
//! class.
use super::short::*;

pub(super) struct LrMinus;

impl Metric for LrMinus {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "LR_minus".into(),
            help:
                "Negative likelihood ratio: factor by which a negative prediction changes the odds."
                    .into(),
            formula: "(FN / (TP + FN)) / (TN / (FP + TN))".into(),
            source: "https://doi.org/10.1136/bmj.329.7458.168".into(),
            direction: Direction::Lower,
            range: (0.0, f64::INFINITY),
            undefined: None,
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let misses = counts.false_negative * counts.negative();
        ratio(misses, counts.true_negative * counts.positive())
    }
}
