//! Share of negative predictions that are right; 0 if there is none.
use super::short::*;

pub(super) struct Npv;

impl Metric for Npv {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "NPV".into(),
            help: "Negative predictive value: share of negative predictions that are right.".into(),
            formula: "TN / (TN + FN)".into(),
            source: "https://doi.org/10.1136/bmj.309.6947.102".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        ratio(counts.true_negative, counts.predicted_negative())
    }
}
