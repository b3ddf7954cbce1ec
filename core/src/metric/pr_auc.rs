//! Mean precision over the rows of a class.
//!
//! Average precision, as scikit-learn's: steps, not trapezoids, under the curve of precision over
//! recall, where rows whose probabilities tie make one step. Constant probabilities give the share of
//! the class. Undefined where all rows are of one class, and so for one row; scikit-learn gives 1 if
//! all are of the positive one.
use super::curve::mean_of_classes;
use super::short::*;

pub(super) struct PrAuc;

impl ScoreMetric for PrAuc {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "PR_AUC".into(),
            help: "Average precision: area under the curve of PPV over sensitivity.".into(),
            formula: "sum over thresholds of PPV × the increase of sensitivity; K classes: mean".into(),
            source: "https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn weighed<'a>(&self, rows: &Rows<'a>) -> Weighed<'a> {
        let precisions = |step: Step| {
            let right = step.positives_above + step.positives;
            match step.positives {
                // Nor is there a precision if no row was drawn yet.
                0 => 0.0,
                positives => {
                    let predicted = right + step.negatives_above + step.negatives;
                    positives as f64 * (right as f64 / predicted as f64)
                }
            }
        };
        mean_of_classes(rows, precisions, |positives, _| positives as f64)
    }
}
