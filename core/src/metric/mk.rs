//! How much a prediction tells about the truth.
//!
//! Undefined unless both kinds of prediction occur: ClinicaDL puts 0 for the missing predictive
//! value, which makes a constant prediction look worse than none.
use super::short::*;

pub(super) struct Mk;

impl Metric for Mk {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "MK".into(),
            help: "Markedness: how far PPV and NPV together exceed chance.".into(),
            formula: "TP / (TP + FP) + TN / (TN + FN) - 1".into(),
            source: "https://arxiv.org/abs/2010.16061".into(),
            direction: Direction::Higher,
            range: (-1.0, 1.0),
            undefined: None,
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let ppv = ratio(counts.true_positive, counts.predicted_positive())?;
        let npv = ratio(counts.true_negative, counts.predicted_negative())?;
        Some(ppv + npv - 1.0)
    }
}
