//! How right a classification is, for figures.

use serde::Serialize;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::import::Prediction;
use crate::metric::{Confusion, Rows};
use crate::statistics::{delong, wilson};

/// What figures show of a classification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// The classes, by their code.
    pub classes: Vec<String>,
    /// How often each true class (row) was taken for each (column).
    pub counts: Vec<Vec<u64>>,
    /// The share of each true class that was predicted right, with Wilson's interval.
    pub recall: Vec<Option<(f64, (f64, f64))>>,
    /// ROC curves: one of class 0 where there are two classes, otherwise one for each against the rest.
    pub roc: Vec<Roc>,
    /// Of two classes the probability of class 0, of more that of the predicted class, against how
    /// often it holds.
    pub calibration: Vec<Bin>,
    /// The Brier score.
    pub brier: Option<f64>,
    /// The expected calibration error, by the probability of the predicted class.
    pub ece: Option<f64>,
}

/// A ROC curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Roc {
    /// The class taken for positive.
    pub class: String,
    /// Images of the class, and others.
    pub images: (usize, usize),
    /// False and true positive rates, from (0, 0) to (1, 1).
    pub points: Vec<(f64, f64)>,
    /// The area under it; none where all images are of one kind.
    pub area: Option<f64>,
    /// DeLong's interval of the area.
    pub interval: Option<(f64, f64)>,
}

/// Images whose probability lies within a tenth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// The mean of their probabilities.
    pub probability: f64,
    /// The share of them for which it holds.
    pub share: f64,
    /// Wilson's interval of the share.
    pub interval: (f64, f64),
    /// How many images.
    pub images: u64,
}

/// The figures of images whose class is known; nothing where there are none, or none with
/// probabilities.
///
/// # Errors
/// Codes that are no class.
pub(super) fn figures(
    predictions: &[Prediction],
    classes: &[String],
    catalog: &Catalog,
) -> Result<Option<ClassFigures>> {
    let usable: Vec<(usize, &Prediction)> = predictions
        .iter()
        .filter(|row| row.probabilities.len() == classes.len())
        .filter_map(|row| Some((row.truth? as usize, row)))
        .collect();
    if usable.is_empty() || classes.len() < 2 {
        return Ok(None);
    }
    let truth: Vec<usize> = usable.iter().map(|(truth, _)| *truth).collect();
    let predicted: Vec<usize> = usable.iter().map(|(_, row)| row.predicted as usize).collect();
    let scores: Vec<f64> = usable.iter().flat_map(|(_, row)| row.probabilities.clone()).collect();
    let confusion = Confusion::new(&truth, &predicted, classes.len())?;
    let rows =
        Rows { classes: classes.len(), truth: &truth, predicted: &predicted, scores: &scores };
    let metric = |name: &str| match catalog.metrics.find(name) {
        Some(entry) => entry.value(&rows, &confusion),
        None => Ok(None),
    };
    let all = 0..classes.len();
    let row = |truth: usize| all.clone().map(|class| confusion.count(truth, class)).collect();
    let recall = |class: usize| {
        let (right, of_class) = (confusion.count(class, class), confusion.of_class(class));
        Some((right as f64 / of_class as f64, wilson(right, of_class)?))
    };
    let positive = if classes.len() == 2 { 0..1 } else { all.clone() };
    Ok(Some(ClassFigures {
        classes: classes.to_vec(),
        counts: all.clone().map(row).collect(),
        recall: all.clone().map(recall).collect(),
        roc: positive.map(|class| roc(&rows, class, &classes[class])).collect(),
        calibration: calibration(&rows),
        brier: metric("Brier")?,
        ece: metric("ECE")?,
    }))
}

fn roc(rows: &Rows<'_>, class: usize, name: &str) -> Roc {
    let of_class: Vec<bool> = rows.truth.iter().map(|truth| *truth == class).collect();
    let scores: Vec<f64> = rows.scores.iter().skip(class).step_by(rows.classes).copied().collect();
    let positives = of_class.iter().filter(|positive| **positive).count();
    let others = of_class.len() - positives;
    let found = delong(&[&scores], &of_class);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let (mut points, mut right, mut wrong, mut area) = (vec![(0.0, 0.0)], 0, 0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        right += tied.iter().filter(|at| of_class[**at]).count();
        wrong += tied.iter().filter(|at| !of_class[**at]).count();
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let point = (share(wrong, others), share(right, positives));
        let last = points[points.len() - 1];
        area += (point.0 - last.0) * (point.1 + last.1) / 2.0;
        points.push(point);
    }
    points.dedup();
    let both = positives > 0 && others > 0;
    Roc {
        class: name.to_owned(),
        images: (positives, others),
        points: if both { points } else { Vec::new() },
        area: both.then_some(area),
        interval: found.and_then(|found| found.interval(0)),
    }
}

const BINS: usize = 10;

fn calibration(rows: &Rows<'_>) -> Vec<Bin> {
    let mut bins = [(0.0, 0, 0); BINS];
    let of_rows = rows.truth.iter().zip(rows.predicted).zip(rows.scores.chunks(rows.classes));
    for ((truth, predicted), scores) in of_rows {
        let class = if rows.classes == 2 { 0 } else { *predicted };
        let probability = scores[class];
        let bin = (probability * BINS as f64).ceil().clamp(1.0, BINS as f64) as usize - 1;
        bins[bin].0 += probability;
        bins[bin].1 += u64::from(*truth == class);
        bins[bin].2 += 1;
    }
    let bin = |(sum, holds, images): (f64, u64, u64)| {
        let interval = wilson(holds, images)?;
        let (probability, share) = (sum / images as f64, holds as f64 / images as f64);
        Some(Bin { probability, share, interval, images })
    };
    bins.into_iter().filter_map(bin).collect()
}
