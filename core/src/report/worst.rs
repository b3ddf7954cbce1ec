//! The images that were predicted worst.

use serde::Serialize;

use super::Source;
use super::images::Images;
use super::pictures::{Shown, middle_slices};
use super::tables::key;
use crate::import::Prediction;
use crate::metric::Direction;
use crate::task::Task;

/// An image that was predicted wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// Its cohort, where there are several.
    pub cohort: Option<String>,
    /// Its participant.
    pub participant: String,
    /// Its session.
    pub session: String,
    /// What is true: a class, or a number.
    pub truth: Option<String>,
    /// What was predicted.
    pub predicted: Option<String>,
    /// How sure or how wrong: the probability of the predicted class, predicted less true, or the value
    /// of the metric.
    pub degree: f64,
    /// What `degree` is.
    pub of: String,
    /// Slices of the image; none where it is not what was read any more, or for cases further down.
    pub pictures: Vec<Shown>,
}

/// Cases with pictures, where their images are still what was read.
pub const PICTURED: usize = 6;
/// Cases in all.
const LISTED: usize = 12;

/// The worst cases, the worst first: the surest wrong classes, the largest errors, the reconstructions
/// with the worst value of the metric that tells most.
pub(super) fn worst(
    source: &Source<'_>,
    group: &str,
    rows: &[Prediction],
    names: &[String],
    images: &Images,
) -> Vec<Case> {
    let (task, classes) = (source.task, &source.classes);
    let judge = Task::Reconstruction.headline();
    let judged = names.iter().position(|name| name == judge).or((!names.is_empty()).then_some(0));
    let mut found: Vec<(f64, Case, &Prediction)> = Vec::new();
    for row in rows {
        let class = |code: f64| classes.get(code as usize).cloned();
        let (badness, degree, of, truth, predicted) = match task {
            Task::Classification => {
                let Some(truth) = row.truth.filter(|truth| *truth != row.predicted) else {
                    continue;
                };
                let Some(sure) = row.probabilities.get(row.predicted as usize) else { continue };
                let of = "probability of the predicted class".to_owned();
                (*sure, *sure, of, class(truth), class(row.predicted))
            }
            Task::Regression => {
                let Some(truth) = row.truth else { continue };
                let error = row.predicted - truth;
                let shown = |value: f64| Some(format!("{value:.2}"));
                let of = "predicted less true".to_owned();
                (error.abs(), error, of, shown(truth), shown(row.predicted))
            }
            Task::Reconstruction => {
                let Some(value) = judged.and_then(|at| row.probabilities.get(at)) else { continue };
                let name = judged.map_or_else(String::new, |at| names[at].clone());
                let badness = match source.direction(&name) {
                    Some(Direction::Higher) => -value,
                    Some(Direction::Lower) => *value,
                    None => continue,
                };
                (badness, *value, name, None, None)
            }
        };
        if badness.is_nan() {
            continue;
        }
        let case = Case {
            cohort: row.cohort.clone(),
            participant: row.participant.clone(),
            session: row.session.clone(),
            truth,
            predicted,
            degree,
            of,
            pictures: Vec::new(),
        };
        found.push((badness, case, row));
    }
    // Equally bad ones stay in the order of the table.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(LISTED);
    for (_, case, row) in found.iter_mut().take(PICTURED) {
        let volume = images.read(group, &key(row));
        case.pictures = volume.and_then(|volume| middle_slices(&volume).ok()).unwrap_or_default();
    }
    found.into_iter().map(|(_, case, _)| case).collect()
}
