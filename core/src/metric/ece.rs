//! By how much predictions are surer than they are right.
//!
//! Rows fall into ten bins by the probability of their predicted class: (0, 0.1], …, (0.9, 1]. In
//! each, the share that is right is compared with the mean probability. Defined for any rows; one row
//! gives 1 − p if it is right and p if it is not.
use super::short::*;

pub(super) struct Ece;

impl ScoreMetric for Ece {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "ECE".into(),
            help:
                "Expected calibration error: how far probabilities are from shares that are right."
                    .into(),
            formula: "sum over bins of |right − sum of p(predicted class)| / rows".into(),
            source: "https://proceedings.mlr.press/v70/guo17a.html".into(),
            direction: Direction::Lower,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn weighed<'a>(&self, rows: &Rows<'a>) -> Weighed<'a> {
        let of_rows = rows.truth.iter().zip(rows.predicted).enumerate();
        let rows: Vec<(usize, f64)> = of_rows
            .map(|(row, (truth, predicted))| {
                let p = rows.scores[row * rows.classes + predicted];
                let bin = (p * BINS as f64).ceil() as usize;
                (bin.clamp(1, BINS) - 1, f64::from(truth == predicted) - p)
            })
            .collect();
        Box::new(move |counts| {
            let mut gaps = [0.0; BINS];
            let mut drawn = 0;
            for ((bin, gap), n) in rows.iter().zip(counts) {
                gaps[*bin] += gap * f64::from(*n);
                drawn += n;
            }
            (drawn > 0).then(|| gaps.iter().map(|gap| gap.abs()).sum::<f64>() / f64::from(drawn))
        })
    }
}

const BINS: usize = 10;
