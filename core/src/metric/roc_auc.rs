//! How often a row of the class has a higher probability of it than a row that is not of the class.
//!
//! The area under the ROC curve, with trapezoids where probabilities tie: constant ones give ½.
//! Undefined where all rows are of one class, and so for one row.
use super::curve::mean_of_classes;
use super::short::*;

pub(super) struct RocAuc;

impl ScoreMetric for RocAuc {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "ROC_AUC".into(),
            help: "Area under the ROC curve: how well probabilities rank the rows.".into(),
            formula: "P(p of a positive > p of a negative) + P(equal) / 2; K classes: mean".into(),
            source: "https://doi.org/10.1148/radiology.143.1.7063747".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn weighed<'a>(&self, rows: &Rows<'a>) -> Weighed<'a> {
        // Pairs of rows, each counted twice, so that the sum is exact.
        let pairs =
            |step: Step| (step.negatives * (2 * step.positives_above + step.positives)) as f64;
        mean_of_classes(rows, pairs, |positives, negatives| (2 * positives * negatives) as f64)
    }
}
