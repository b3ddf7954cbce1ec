//! Share of positive predictions that are right; 0 if there is none.
use super::short::*;

pub(super) struct Ppv;

impl Metric for Ppv {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "PPV".into(),
            help: "Positive predictive value: share of positive predictions that are right.".into(),
            formula: "TP / (TP + FP)".into(),
            source: "https://doi.org/10.1136/bmj.309.6947.102".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        ratio(counts.true_positive, counts.predicted_positive())
    }
}
