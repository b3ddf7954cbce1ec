//! What a run gives back.

use std::path::PathBuf;

use serde::Serialize;

use super::scores::Score;
use crate::task::Task;

/// A finished run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The experiment folder.
    pub maps: PathBuf,
    /// What was learned.
    pub task: Task,
    /// The classes, by their code.
    pub classes: Vec<String>,
    /// The scores of every split, best model, group and level, in that order.
    pub results: Vec<GroupResult>,
}

/// The scores of a group by the best model of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupResult {
    /// The split.
    pub split: usize,
    /// The metric whose best model predicted.
    pub selection_metric: String,
    /// `train` or `validation`.
    pub group: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// All metrics, and the loss where there is one.
    pub scores: Vec<MetricScore>,
    /// Of several cohorts, those of each that is in the group.
    pub cohorts: Vec<CohortScores>,
}

/// The scores of a group at a level.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LevelScores {
    /// All metrics, and the loss where there is one; none where it is not known what is true.
    pub scores: Vec<MetricScore>,
    /// Of several cohorts, those of each that is in the group.
    pub cohorts: Vec<CohortScores>,
}

impl LevelScores {
    /// As the scores of a split's best model.
    pub(crate) fn result(
        self,
        split: usize,
        metric: &str,
        group: &str,
        level: &str,
    ) -> GroupResult {
        GroupResult {
            split,
            selection_metric: metric.into(),
            group: group.into(),
            level: level.into(),
            scores: self.scores,
            cohorts: self.cohorts,
        }
    }
}

/// The scores of a group's images of one cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CohortScores {
    /// The cohort.
    pub cohort: String,
    /// How many images of it are in the group.
    pub images: usize,
    /// All metrics, without intervals.
    pub scores: Vec<MetricScore>,
}

/// A metric with its 95 % bootstrap interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricScore {
    /// The metric, or `loss`.
    pub metric: String,
    /// Its value, where it is defined.
    pub value: Option<f64>,
    /// Lower and upper bound, where there are enough rows.
    pub interval: Option<(f64, f64)>,
}

impl From<&Score> for MetricScore {
    fn from(score: &Score) -> Self {
        let interval = score.interval.as_ref().map(|interval| (interval.lower, interval.upper));
        Self { metric: score.name.clone(), value: score.value, interval }
    }
}

impl Outcome {
    /// A metric of a group, by the best model of `selection_metric` in `split`: at image level, or
    /// where images have no such score (the loss, reconstructions of parts), part by part.
    pub fn value(
        &self,
        split: usize,
        selection_metric: &str,
        group: &str,
        metric: &str,
    ) -> Option<f64> {
        let of_model = |result: &&GroupResult| {
            result.split == split
                && result.selection_metric == selection_metric
                && result.group == group
        };
        let (of_images, of_parts): (Vec<_>, Vec<_>) =
            self.results.iter().filter(of_model).partition(|result| result.level == "image");
        let mut levels = of_images.into_iter().chain(of_parts);
        levels.find_map(|level| level.scores.iter().find(|score| score.metric == metric))?.value
    }
}
