//! Share of right predictions.
use super::short::*;

pub(super) struct Accuracy;

impl Metric for Accuracy {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "accuracy".into(),
            help: "Share of rows whose class is predicted right.".into(),
            formula: "(TP + TN) / (TP + FP + FN + TN)".into(),
            source: "https://scikit-learn.org/stable/modules/model_evaluation.html#accuracy-score"
                .into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let correct = counts.true_positive + counts.true_negative;
        ratio(correct, counts.positive() + counts.negative())
    }

    fn all_classes(&self, confusion: &Confusion, _: Option<f64>) -> Option<f64> {
        ratio(confusion.correct(), confusion.rows())
    }
}
