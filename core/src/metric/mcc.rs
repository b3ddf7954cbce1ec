//! Correlation of truth and prediction.
//!
//! For K classes it is Gorodkin's R_K (2004, <https://doi.org/10.1016/j.compbiolchem.2004.09.006>),
//! which for two classes is Matthews's coefficient. Where truth or prediction is constant there is
//! no correlation, and 0 is reported, as in scikit-learn.
use super::short::*;

pub(super) struct Mcc;

impl Metric for Mcc {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "MCC".into(),
            help: "Matthews correlation coefficient of truth and prediction.".into(),
            formula:
                "(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)); K classes: R_K"
                    .into(),
            source: "https://doi.org/10.1016/0005-2795(75)90109-9".into(),
            direction: Direction::Higher,
            range: (-1.0, 1.0),
            undefined: Some(0.0),
        }
    }

    fn one_class(&self, counts: &OneVsRest) -> Option<f64> {
        let (tp, fp) = (counts.true_positive as f64, counts.false_positive as f64);
        let (tn, fn_) = (counts.true_negative as f64, counts.false_negative as f64);
        let truth = counts.positive() as f64 * counts.negative() as f64;
        let predicted = counts.predicted_positive() as f64 * counts.predicted_negative() as f64;
        correlation(tp * tn - fp * fn_, truth, predicted)
    }

    fn all_classes(&self, confusion: &Confusion, undefined: Option<f64>) -> Option<f64> {
        let (rows, correct) = (confusion.rows() as f64, confusion.correct() as f64);
        let (mut both, mut truth, mut predicted) = (rows * correct, rows * rows, rows * rows);
        for class in 0..confusion.n_classes() {
            let (t, p) = (confusion.of_class(class) as f64, confusion.predicted_as(class) as f64);
            both -= t * p;
            truth -= t * t;
            predicted -= p * p;
        }
        correlation(both, truth, predicted).or(undefined)
    }
}

/// Covariance over the root of the variances. All three are whole numbers that an `f64` holds
/// exactly, below 90 million rows, so a variance of zero is zero.
fn correlation(both: f64, truth: f64, predicted: f64) -> Option<f64> {
    let spread = (truth * predicted).sqrt();
    (spread > 0.0).then(|| both / spread)
}
