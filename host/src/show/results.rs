//! The scores of a run as a table.

use neurhai_core::train::{GroupResult, MetricScore, Outcome};

use super::columns;

/// The metrics that a table shows; all of them are in the experiment folder.
const SHOWN: [&str; 5] = ["loss", "accuracy", "BA", "sensitivity", "specificity"];

/// One line per split, best model, group and level.
pub fn results(outcome: &Outcome) -> String {
    let score = |result: &'_ GroupResult, metric: &str| -> Option<MetricScore> {
        result.scores.iter().find(|score| score.metric == metric).cloned()
    };
    let shown: Vec<&str> = SHOWN
        .into_iter()
        .filter(|metric| outcome.results.iter().any(|result| score(result, metric).is_some()))
        .collect();
    let mut head: Vec<String> = ["split", "best by", "group", "level"].map(String::from).to_vec();
    head.extend(shown.iter().map(|metric| (*metric).to_owned()));
    head.push("BA, 95 % interval".into());
    let rows = outcome.results.iter().map(|result| {
        let mut row = vec![
            result.split.to_string(),
            result.selection_metric.clone(),
            result.group.clone(),
            result.level.clone(),
        ];
        row.extend(shown.iter().map(|metric| {
            let value = score(result, metric).and_then(|score| score.value);
            value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))
        }));
        let interval = score(result, "BA").and_then(|score| score.interval);
        row.push(interval.map_or_else(String::new, |(low, high)| format!("{low:.3} to {high:.3}")));
        row
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    columns(&rows, 4).trim_end().to_owned()
}
