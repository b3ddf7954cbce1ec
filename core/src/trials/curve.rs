//! A learning curve: the score in validation by the size of the training set.

use serde::Serialize;

use super::{Judge, State, Trials, mean};
use crate::data::table::write_tsv;
use crate::error::Result;

/// A training of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its name, which is that of its folder: `fraction-0.25-seed-42`.
    pub name: String,
    /// The share of the training participants.
    pub fraction: f64,
    /// The seed, by which they and everything else are drawn.
    pub seed: u64,
}

/// What the trainings with one share of the training participants say together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The share.
    pub fraction: f64,
    /// Participants that are learned from, the mean over splits and seeds.
    pub participants: f64,
    /// Their images, likewise.
    pub images: f64,
    /// The values of the metric, by seed and split.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their standard deviation, with n − 1; none for fewer than two.
    pub standard_deviation: Option<f64>,
    /// What is missing among these values: trainings that are not finished, or failed, and splits of others
    /// in which the metric has no value.
    pub missing: usize,
}

/// The points of a curve, in the order of `runs`; writes them as `learning_curve.tsv`.
///
/// # Errors
/// A damaged experiment folder; what the disk says.
pub fn points(trials: &Trials, runs: &[Run], judge: &Judge) -> Result<Vec<Point>> {
    let mut fractions: Vec<f64> = Vec::new();
    for run in runs {
        if !fractions.contains(&run.fraction) {
            fractions.push(run.fraction);
        }
    }
    let mut points = Vec::new();
    for fraction in fractions {
        let (mut sizes, mut values, mut missing) = (Vec::new(), Vec::new(), 0);
        for run in runs.iter().filter(|run| run.fraction == fraction) {
            if trials.state(&run.name)? != State::Finished {
                missing += 1;
                continue;
            }
            let score = trials.score(&run.name, judge)?;
            missing += score.undefined.len();
            values.extend(score.values);
            sizes.extend(trials.learned_from(&run.name)?);
        }
        let of = |size: &dyn Fn(&(usize, usize)) -> usize| {
            sizes.iter().map(|both| size(both) as f64).sum::<f64>() / (sizes.len().max(1)) as f64
        };
        let (participants, images) = (of(&|both| both.0), of(&|both| both.1));
        let (mean, standard_deviation) = mean(&values);
        points.push(Point {
            fraction,
            participants,
            images,
            values,
            mean,
            standard_deviation,
            missing,
        });
    }
    let metric = &judge.metric;
    let of_metric = [format!("{metric}_mean"), format!("{metric}_sd")];
    let columns =
        ["fraction", "participants", "images", "values", &of_metric[0], &of_metric[1], "missing"];
    let number = |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |v| v.to_string());
    let rows = points.iter().map(|point| {
        [
            point.fraction.to_string(),
            point.participants.to_string(),
            point.images.to_string(),
            point.values.len().to_string(),
            number(point.mean),
            number(point.standard_deviation),
            point.missing.to_string(),
        ]
    });
    write_tsv(&trials.folder().join("learning_curve.tsv"), &columns, rows)?;
    Ok(points)
}
