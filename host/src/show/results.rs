//! The scores of a run as a table.

use neurhai_core::Task;
use neurhai_core::train::{GroupResult, MetricScore, Outcome, OverSplits};

use super::columns;

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

/// The scores of a group: a line per split, best model and level, with bootstrap intervals; of several
/// splits their mean and standard deviation, too, with the interval of the mean.
pub fn results(outcome: &Outcome, group: &str) -> String {
    let rows: Vec<&GroupResult> =
        outcome.results.iter().filter(|result| result.group == group).collect();
    // What models were selected by is shown, too.
    let mut shown = shown(outcome.task);
    for row in &rows {
        if !shown.contains(&row.selection_metric.as_str()) {
            shown.push(&row.selection_metric);
        }
    }
    shown.retain(|metric| rows.iter().any(|row| score(row, metric).is_some()));
    let mut table = vec![head(&shown, group, outcome.task)];
    table.extend(rows.iter().map(|row| line(row, &shown, outcome.task)));
    let mut together: Vec<OverSplits> = outcome.over_splits();
    together.retain(|row| row.group == group);
    // A line for each kind of row, in the order of the rows.
    let kinds = together
        .chunk_by(|a, b| (&a.selection_metric, &a.level) == (&b.selection_metric, &b.level));
    table.extend(kinds.map(|kind| mean(kind, &rows, &shown, outcome.task)));
    columns(&table, 3).trim_end().to_owned()
}

fn score<'a>(row: &'a GroupResult, metric: &str) -> Option<&'a MetricScore> {
    row.scores.iter().find(|score| score.metric == metric)
}

fn head(shown: &[&str], group: &str, task: Task) -> Vec<String> {
    let mut head: Vec<String> = ["split", "best by", group].map(String::from).to_vec();
    head.extend(shown.iter().map(|metric| (*metric).to_owned()));
    head.push(format!("{}, 95 % interval", task.headline()));
    head
}

fn line(row: &GroupResult, shown: &[&str], task: Task) -> Vec<String> {
    let mut line = vec![row.split.to_string(), row.selection_metric.clone(), per(&row.level)];
    line.extend(shown.iter().map(|metric| {
        let value = score(row, metric).and_then(|score| score.value);
        value.map_or_else(|| "-".into(), |value| figure(value, 4))
    }));
    let interval = score(row, task.headline()).and_then(|score| score.interval);
    line.push(interval.map_or_else(String::new, |(low, high)| format!("{low:.3} to {high:.3}")));
    line
}

/// The mean over splits, with the standard deviation of a sample and the headline's interval, where a
/// metric has a value in all of them.
fn mean(kind: &[OverSplits], rows: &[&GroupResult], shown: &[&str], task: Task) -> Vec<String> {
    let (by, level) = (&kind[0].selection_metric, &kind[0].level);
    let all = rows.iter().filter(|row| (&row.selection_metric, &row.level) == (by, level)).count();
    let whole = |metric: &str| {
        kind.iter().find(|row| row.metric == metric && row.splits.len() == all && all > 1)
    };
    let mut line = vec!["mean".into(), by.clone(), per(level)];
    line.extend(shown.iter().map(|metric| {
        let found = whole(metric).and_then(|row| row.mean.zip(row.standard_deviation));
        found.map_or_else(
            || "-".into(),
            |(mean, deviation)| format!("{}±{}", figure(mean, 3), figure(deviation, 3)),
        )
    }));
    let interval = whole(task.headline()).and_then(|row| row.interval);
    line.push(interval.map_or_else(String::new, |(low, high)| format!("{low:.3} to {high:.3}")));
    line
}

/// A number with so many places, or where they would hide it, as `2.5e-5`.
fn figure(value: f64, places: usize) -> String {
    match value != 0.0 && value.abs() < 10f64.powi(1 - places as i32) {
        true => format!("{value:.1e}"),
        false => format!("{value:.places$}"),
    }
}

fn per(level: &str) -> String {
    format!("per {level}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
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
