//! Squared distance of the probabilities from what is true.
//!
//! As scikit-learn's `brier_score_loss`: with two classes only the probability of one is counted, from
//! 0 to 1; with more all are, from 0 to 2. Defined for any rows; K equal probabilities give ¼ for two
//! classes and 1 − 1 / K for more.
use super::short::*;

pub(super) struct Brier;

impl ScoreMetric for Brier {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "Brier".into(),
            help: "Brier score: mean squared distance of probabilities from the truth.".into(),
            formula: "mean of (p(class 0) − [is class 0])²; K classes: summed over the classes"
                .into(),
            source: "https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2".into(),
            direction: Direction::Lower,
            range: (0.0, 2.0),
            undefined: None,
        }
    }

    fn weighed<'a>(&self, rows: &Rows<'a>) -> Weighed<'a> {
        let counted = if rows.classes == 2 { 1 } else { rows.classes };
        let of_rows = rows.truth.iter().zip(rows.scores.chunks_exact(rows.classes.max(1)));
        let distances = of_rows.map(|(truth, scores)| {
            let of_classes = scores.iter().enumerate().take(counted);
            let square = |(class, p): (usize, &f64)| (p - f64::from(class == *truth)).powi(2);
            of_classes.map(square).sum()
        });
        mean_of(distances.collect::<Vec<f64>>())
    }
}
