//! The scores of a run as a table.

use neurhai_core::Task;
use neurhai_core::predict::{Ensemble, Predicted};
use neurhai_core::train::{GroupResult, MetricScore, Outcome, OverSplits};

use super::{columns, figure};

/// The metrics that a table shows; all of them are in the experiment folder.
fn shown(task: Task) -> Vec<&'static str> {
    match task {
        Task::Classification => {
            vec!["loss", "accuracy", "BA", "sensitivity", "specificity", "MCC", "ROC_AUC"]
        }
        Task::Regression => vec!["loss", "MAE", "RMSE", "R2_score"],
        Task::Reconstruction => vec!["loss", "MAE", "RMSE", "PSNR", "SSIM"],
    }
}

/// A line of the table, before it is text.
struct Line<'a> {
    /// Its number, or `all`.
    split: String,
    selection_metric: &'a str,
    level: &'a str,
    /// None for all together.
    cohort: Option<&'a str>,
    scores: &'a [MetricScore],
}

/// The scores of a group: a line per split, best model and level, with bootstrap intervals, and one per
/// cohort below where there are several; of several splits their mean and standard deviation, too, with
/// the interval of the mean.
pub fn results(outcome: &Outcome, group: &str) -> String {
    table(outcome, group, &[])
}

/// The scores of a group that was predicted, as [`results`], and below them those of all splits
/// together; otherwise where the predictions are, and why they have no scores. Between networks that
/// predicted the same images there is no interval.
pub fn predicted(found: &Predicted) -> String {
    const SHOWN: usize = 8;
    let mut text = String::new();
    if found.results.is_empty() {
        for folder in found.written.iter().take(SHOWN) {
            text += &format!("written to {}\n", found.maps.join(folder).display());
        }
        if let more @ 1.. = found.written.len().saturating_sub(SHOWN) {
            text += &format!("and to {more} other folders\n");
        }
        if found.label.is_none() {
            text += "without labels there are no metrics\n";
        }
    } else {
        text += &table(&found.outcome(), &found.group, &found.ensemble);
        text.push('\n');
        let first = found.results.first().map(|result| result.split);
        let several = found.results.iter().any(|result| Some(result.split) != first);
        if several && !["train", "validation"].contains(&found.group.as_str()) {
            text += "± is between networks, which all predicted the same images\n";
        }
    }
    if let Some(why) = &found.no_ensemble {
        text += &format!("no mean of the splits' predictions: {why}");
    }
    text.trim_end().to_owned()
}

/// The scores of a group, and those of splits together.
fn table(outcome: &Outcome, group: &str, ensemble: &[Ensemble]) -> String {
    let rows: Vec<&GroupResult> =
        outcome.results.iter().filter(|result| result.group == group).collect();
    // What models were selected by is shown, too.
    let mut shown = shown(outcome.task);
    for row in &rows {
        if !shown.contains(&row.selection_metric.as_str()) {
            shown.push(&row.selection_metric);
        }
    }
    let lines: Vec<Line<'_>> = rows.iter().flat_map(|row| lines(row)).collect();
    shown.retain(|metric| lines.iter().any(|line| line.score(metric).is_some()));
    let mut table = vec![head(&shown, group, outcome.task)];
    table.extend(lines.iter().map(|line| line.cells(&shown, outcome.task)));
    let mut together: Vec<OverSplits> = outcome.over_splits();
    together.retain(|row| row.group == group);
    // The kinds of lines in the order they first stand in: a cohort may be absent from a split.
    let mut kinds = Vec::new();
    for row in &together {
        if !kinds.contains(&kind(row)) {
            kinds.push(kind(row));
        }
    }
    for of_kind in kinds {
        let lines = lines.iter().filter(|line| line.kind() == of_kind).count();
        let rows: Vec<&OverSplits> = together.iter().filter(|row| kind(row) == of_kind).collect();
        table.push(mean(&rows, lines, &shown, outcome.task));
    }
    for one in ensemble {
        let Ensemble { selection_metric, level, scores, .. } = one;
        let cohorts = scores.cohorts.iter().map(|one| (Some(&*one.cohort), &one.scores[..]));
        let all = [(None, &scores.scores[..])].into_iter().chain(cohorts);
        table.extend(all.map(|(cohort, scores)| {
            let split = "all".to_owned();
            Line { split, selection_metric, level, cohort, scores }.cells(&shown, outcome.task)
        }));
    }
    columns(&table, 3).trim_end().to_owned()
}

/// The line of a result, and those of its cohorts.
fn lines(row: &GroupResult) -> Vec<Line<'_>> {
    let (selection_metric, level) = (&*row.selection_metric, &*row.level);
    let line = |cohort, scores| Line {
        split: row.split.to_string(),
        selection_metric,
        level,
        cohort,
        scores,
    };
    let mut lines = vec![line(None, &row.scores[..])];
    lines.extend(row.cohorts.iter().map(|one| line(Some(&*one.cohort), &one.scores[..])));
    lines
}

impl Line<'_> {
    fn score(&self, metric: &str) -> Option<&MetricScore> {
        self.scores.iter().find(|score| score.metric == metric)
    }

    /// What lines of other splits have in common with it.
    fn kind(&self) -> (&str, &str, Option<&str>) {
        (self.selection_metric, self.level, self.cohort)
    }

    fn cells(&self, shown: &[&str], task: Task) -> Vec<String> {
        let what = what(self.level, self.cohort);
        let mut cells = vec![self.split.clone(), self.selection_metric.to_owned(), what];
        cells.extend(shown.iter().map(|metric| {
            let value = self.score(metric).and_then(|score| score.value);
            value.map_or_else(|| "-".into(), |value| figure(value, 4))
        }));
        let interval = self.score(task.headline()).and_then(|score| score.interval);
        cells.push(interval.map_or_else(String::new, between));
        cells
    }
}

fn head(shown: &[&str], group: &str, task: Task) -> Vec<String> {
    let mut head: Vec<String> = ["split", "best by", group].map(String::from).to_vec();
    head.extend(shown.iter().map(|metric| (*metric).to_owned()));
    head.push(format!("{}, 95 % interval", task.headline()));
    head
}

/// The bounds of an interval.
fn between((low, high): (f64, f64)) -> String {
    format!("{} to {}", figure(low, 3), figure(high, 3))
}

/// What is told of lines with the same level and cohort.
fn what(level: &str, cohort: Option<&str>) -> String {
    match cohort {
        Some(cohort) => format!("  {cohort}, per {level}"),
        None => format!("per {level}"),
    }
}

fn kind(row: &OverSplits) -> (&str, &str, Option<&str>) {
    (&row.selection_metric, &row.level, row.cohort.as_deref())
}

/// The mean over splits, with the standard deviation of a sample and the headline's interval, where a
/// metric has a value in all `lines` of this kind.
fn mean(rows: &[&OverSplits], lines: usize, shown: &[&str], task: Task) -> Vec<String> {
    let (by, level, cohort) = kind(rows[0]);
    let whole = |metric: &str| {
        rows.iter().find(|row| row.metric == metric && row.splits.len() == lines && lines > 1)
    };
    let mut line = vec!["mean".into(), by.to_owned(), what(level, cohort)];
    line.extend(shown.iter().map(|metric| {
        let found = whole(metric).and_then(|row| row.mean.zip(row.standard_deviation));
        found.map_or_else(
            || "-".into(),
            |(mean, deviation)| format!("{}±{}", figure(mean, 3), figure(deviation, 3)),
        )
    }));
    let interval = whole(task.headline()).and_then(|row| row.interval);
    line.push(interval.map_or_else(String::new, between));
    line
}

#[cfg(test)]
mod tests {
    use neurhai_core::train::{CohortScores, LevelScores};

    use super::*;

    fn score_of(metric: &str, value: f64) -> MetricScore {
        MetricScore { metric: metric.into(), value: Some(value), interval: None }
    }

    fn result(split: usize, group: &str, ba: f64) -> GroupResult {
        let score =
            |metric: &str, value, interval| MetricScore { metric: metric.into(), value, interval };
        GroupResult {
            split,
            selection_metric: "loss".into(),
            group: group.into(),
            level: "image".into(),
            scores: vec![
                score("BA", Some(ba), Some((ba - 0.1, ba))),
                score("F1_score", Some(0.5), None),
                score("loss", None, None),
            ],
            cohorts: vec![],
        }
    }

    #[test]
    fn what_splits_say_together_stands_below_what_each_says() {
        let mut found = Predicted {
            maps: "m".into(),
            group: "test".into(),
            task: Task::Classification,
            classes: vec![],
            label: Some("diagnosis".into()),
            results: vec![result(0, "test", 0.75), result(1, "test", 0.85)],
            ensemble: vec![Ensemble {
                splits: vec![0, 1],
                selection_metric: "loss".into(),
                level: "image".into(),
                scores: LevelScores { scores: vec![score_of("BA", 0.9)], cohorts: vec![] },
            }],
            no_ensemble: None,
            written: vec![],
        };
        let text = predicted(&found);
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(
            text.ends_with("\n± is between networks, which all predicted the same images"),
            "{text}"
        );
        let mean = text.lines().nth(3).unwrap();
        assert!(mean.starts_with("mean") && !mean.contains(" to "), "{text}");
        let last = text.lines().nth(4).unwrap();
        assert!(last.starts_with("all    loss     per image") && last.contains("0.9000"), "{text}");
        found = Predicted {
            label: None,
            results: vec![],
            ensemble: vec![],
            no_ensemble: Some("the experiment has one split".into()),
            written: vec!["split-0/best-loss/test".into()],
            ..found
        };
        assert_eq!(
            predicted(&found),
            "written to m/split-0/best-loss/test\nwithout labels there are no metrics\n\
             no mean of the splits' predictions: the experiment has one split"
        );
    }

    #[test]
    fn one_group_is_shown_with_the_mean_over_splits() {
        let results_of = |results| {
            let task = Task::Classification;
            Outcome { maps: "m".into(), task, classes: vec![], results }
        };
        let outcome = results_of(vec![
            result(0, "train", 1.0),
            result(0, "validation", 0.75),
            result(1, "train", 1.0),
            result(1, "validation", 0.85),
        ]);
        assert_eq!(
            results(&outcome, "validation"),
            "split  best by  validation  loss           BA  BA, 95 % interval\n\
             0      loss     per image      -       0.7500     0.650 to 0.750\n\
             1      loss     per image      -       0.8500     0.750 to 0.850\n\
             mean   loss     per image      -  0.800±0.071     0.165 to 1.435"
        );
        let mut own = result(0, "train", 1.0);
        own.selection_metric = "F1_score".into();
        let outcome = results_of(vec![own]);
        let table = results(&outcome, "train");
        assert_eq!(table.lines().count(), 2);
        assert!(table.contains("BA  F1_score") && table.contains("0.5000"), "{table}");
        // Cohorts stand below, and have means of their own. For one degree of freedom t is 12.706.
        let of_cohorts = |split, ba: [f64; 2]| {
            let mut result = result(split, "train", ba[0] / 2.0 + ba[1] / 2.0);
            let cohort = |name: &str, ba| CohortScores {
                cohort: name.into(),
                images: 3,
                scores: vec![score_of("BA", ba)],
            };
            result.cohorts = vec![cohort("north", ba[0]), cohort("south", ba[1])];
            result
        };
        let outcome = results_of(vec![of_cohorts(0, [1.0, 0.5]), of_cohorts(1, [0.8, 0.5])]);
        assert_eq!(
            results(&outcome, "train"),
            "split  best by  train               loss           BA  BA, 95 % interval\n\
             0      loss     per image              -       0.7500     0.650 to 0.750\n\
             0      loss       north, per image     -       1.0000\n\
             0      loss       south, per image     -       0.5000\n\
             1      loss     per image              -       0.6500     0.550 to 0.650\n\
             1      loss       north, per image     -       0.8000\n\
             1      loss       south, per image     -       0.5000\n\
             mean   loss     per image              -  0.700±0.071     0.065 to 1.335\n\
             mean   loss       north, per image     -  0.900±0.141    -0.371 to 2.171\n\
             mean   loss       south, per image     -  0.500±0.000     0.500 to 0.500"
        );
        // Small losses are not shown as none.
        let of_loss = |split, loss| {
            let mut result = result(split, "train", 1.0);
            result.scores[2].value = Some(loss);
            result
        };
        let table = results(&results_of(vec![of_loss(0, 2.4e-4), of_loss(1, 0.0)]), "train");
        for part in ["  2.4e-4  ", "  0.0000  ", "  1.2e-4±1.7e-4  "] {
            assert!(table.contains(part), "{part:?} is not in\n{table}");
        }
    }
}
