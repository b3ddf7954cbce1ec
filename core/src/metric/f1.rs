//! Harmonic mean of PPV and sensitivity.
//!
//! The formula is that of Dice 1945: it has a value wherever the class occurs at all, and equals
//! 2 · PPV · sensitivity / (PPV + sensitivity) wherever that has one.
use super::short::*;

pub(super) struct F1;

impl Metric for F1 {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "F1_score".into(),
            help: "Harmonic mean of PPV and sensitivity.".into(),
            formula: "2 TP / (2 TP + FP + FN)".into(),
            source: "https://doi.org/10.2307/1932409".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        ratio(2 * counts.true_positive, counts.predicted_positive() + counts.positive())
    }
}
