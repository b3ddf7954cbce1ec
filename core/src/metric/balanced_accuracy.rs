//! Sensitivity averaged over the classes, so that a large class counts no more than a small one.
//!
//! A class that no row belongs to has no sensitivity and is left out of the mean, as in
//! scikit-learn; ClinicaDL counts it as 0.
use super::short::*;

pub(super) struct BalancedAccuracy;

impl Metric for BalancedAccuracy {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "BA".into(),
            help: "Balanced accuracy: share predicted right, averaged over the classes.".into(),
            formula: "(TP / (TP + FN) + TN / (TN + FP)) / 2; K classes: mean sensitivity".into(),
            source: "https://doi.org/10.1109/ICPR.2010.764".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let right = [
            ratio(counts.true_positive, counts.positive()),
            ratio(counts.true_negative, counts.negative()),
        ];
        mean(right.into_iter())
    }

    fn all_classes(&self, confusion: &Confusion, _: Option<f64>) -> Option<f64> {
        let classes = 0..confusion.n_classes();
        mean(classes.map(|c| ratio(confusion.count(c, c), confusion.of_class(c))))
    }
}

/// The mean of the values that are there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let present: Vec<f64> = values.flatten().collect();
    (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
}
