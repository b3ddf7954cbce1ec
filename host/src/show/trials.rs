//! Searches and learning curves as tables.

use std::path::Path;

use neurhai_core::options::plain;
use neurhai_core::trials::curve::Point;
use neurhai_core::trials::ranking::Trial;
use neurhai_core::trials::{Judge, State};
use serde_json::Value;

use super::{columns, figure};

/// A line for each trial, the best one first, and what the best one's score is worth.
pub fn search(all: &[Trial], judge: &Judge, folder: &Path) -> String {
    let options = all.first().map_or(&[][..], |first| &first.drawn[..]);
    let mut head = vec!["trial".to_owned(), judge.metric.clone(), "sd".into(), "best epoch".into()];
    head.extend(options.iter().map(|(option, _)| option.clone()));
    let mut rows = vec![head];
    for trial in all {
        let mut row = vec![trial.name.clone()];
        match &trial.score {
            Some(score) => {
                let epochs = best_epochs(&score.best_epochs);
                row.extend([number(score.mean), number(score.standard_deviation), epochs]);
            }
            None => row.extend([trial.state.name().to_owned(), String::new(), String::new()]),
        }
        row.extend(trial.drawn.iter().map(|(_, value)| drawn(value)));
        rows.push(row);
    }
    let mut text = columns(&rows, 1);
    for trial in all.iter().filter(|trial| trial.error.is_some()) {
        let why = trial.error.as_deref().unwrap_or_default();
        text += &match trial.state {
            State::Failed => failure(&trial.name, why),
            _ => format!("{} has no score: {why}", trial.name),
        };
        text.push('\n');
    }
    if let Some((best, score)) =
        all.first().and_then(|best| Some((best, best.score.as_ref()?.mean?)))
    {
        let scored =
            |trial: &&Trial| trial.score.as_ref().is_some_and(|score| score.mean.is_some());
        let scored = all.iter().filter(scored).count();
        text += &format!(
            "best: {} ({} {} in validation)\n{}\n",
            best.name,
            judge.metric,
            figure(score, 4),
            optimistic(scored, &folder.join(&best.name).display().to_string())
        );
    }
    text + written(folder, "search.tsv").as_str()
}

/// Epochs as people count them, from 1.
pub(crate) fn best_epochs(epochs: &[usize]) -> String {
    epochs.iter().map(|epoch| (epoch + 1).to_string()).collect::<Vec<_>>().join(", ")
}

/// What the score of the best of so many trials is worth.
pub(crate) fn optimistic(scored: usize, best: &str) -> String {
    format!(
        "It is the best of {scored} by the same validation, so this score is optimistic: judge {best} on \
         participants that had no part in the search."
    )
}

fn written(folder: &Path, table: &str) -> String {
    let place = |name| folder.join(name).display().to_string();
    format!("table: {}\nreport: {}", place(table), place("report.html"))
}

/// What is missing in a learning curve.
pub(crate) const MISSING: &str = "values are missing: of trainings that failed or were stopped, and of splits \
                                  in which the metric has none";

/// A line for each share of the training participants.
pub fn learning_curve(points: &[Point], judge: &Judge, folder: &Path) -> String {
    let head = ["share", "participants", "images", judge.metric.as_str(), "sd", "values"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for point in points {
        rows.push(vec![
            point.fraction.to_string(),
            size(point.participants),
            size(point.images),
            number(point.mean),
            number(point.standard_deviation),
            point.values.len().to_string(),
        ]);
    }
    let mut text = columns(&rows, 0);
    let missing: usize = points.iter().map(|point| point.missing).sum();
    if missing > 0 {
        text += &format!("{missing} {MISSING}\n");
    }
    text += "The score is that in validation, by the mean over splits and seeds; sd is its standard deviation.\n";
    text + written(folder, "learning_curve.tsv").as_str()
}

/// Why a trial failed, on a line; all of it is in its log.
pub(crate) fn failure(name: &str, why: &str) -> String {
    const WIDTH: usize = 160;
    let cut = why.chars().count() > WIDTH;
    let why: String = why.lines().next().unwrap_or_default().chars().take(WIDTH).collect();
    let end = if cut { "…" } else { "" };
    format!("{name} failed: {why}{end} (without {name}.failed it is tried again)")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), |value| figure(value, 4))
}

fn size(mean: f64) -> String {
    if mean.fract() == 0.0 { format!("{mean:.0}") } else { format!("{mean:.1}") }
}

/// A number with four digits; the whole of it is in the table.
pub(crate) fn drawn(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() && (number.abs() < 1e-3 || number.abs() >= 1e4) => {
            format!("{number:.3e}")
        }
        Some(number) if value.is_f64() => format!("{number:.4}"),
        _ => plain(value),
    }
}
