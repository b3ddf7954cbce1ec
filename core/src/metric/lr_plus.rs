//! How much a positive prediction raises the odds of the class.
//!
//! Undefined if there is no false positive, where it would be infinite (perfect predictions
//! among them; ClinicaDL writes 0, the worst value), and if no row is of the class.
use super::short::*;

pub(super) struct LrPlus;

impl Metric for LrPlus {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "LR_plus".into(),
            help:
                "Positive likelihood ratio: factor by which a positive prediction raises the odds."
                    .into(),
            formula: "(TP / (TP + FN)) / (FP / (FP + TN))".into(),
            source: "https://doi.org/10.1136/bmj.329.7458.168".into(),
            direction: Direction::Higher,
            range: (0.0, f64::INFINITY),
            undefined: None,
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let hits = counts.true_positive * counts.negative();
        ratio(hits, counts.false_positive * counts.positive())
    }
}
