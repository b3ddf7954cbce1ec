//! A search, or a learning curve.

use neurhai_core::Result;
use neurhai_core::trials::curve::Point;
use neurhai_core::trials::ranking::{self, OfValue, Trial};
use neurhai_core::trials::{Judge, State, Trials};
use serde_json::{Value, json};

use super::svg::{Chart, around, short};
use super::{Table, charts, render};
use crate::show::trials::{MISSING, best_epochs, drawn, optimistic};

const SIZE: (f64, f64) = (460.0, 300.0);

/// The most values of an option that stand one below the other in a chart.
const MOST: usize = 12;

/// The page of a search, whose trials are in order, the best one first.
///
/// # Errors
/// A damaged folder; a defect of the template.
pub fn search(all: &[Trial], judge: &Judge, trials: &Trials) -> Result<String> {
    let options = all.first().map_or(&[][..], |first| &first.drawn[..]);
    let scored = all.iter().filter(|trial| trial.mean().is_some()).count();
    let mut lines = Vec::new();
    if let Some((best, score)) = all.first().and_then(|best| Some((best, best.mean()?))) {
        let values = best.drawn.iter().map(|(name, value)| format!("{name} = {}", drawn(value)));
        let values = values.collect::<Vec<_>>().join(", ");
        lines.push(format!(
            "The best is {}, with {} {} in validation: {values}.",
            best.name,
            judge.metric,
            short(score)
        ));
        lines.push(optimistic(scored, &best.name));
    } else {
        lines.push("No trial has a score.".into());
    }
    let columns = ["trial", "state", &judge.metric, "sd", "splits", "best epoch"];
    let columns = columns.into_iter().chain(options.iter().map(|(name, _)| name.as_str()));
    let rows = all.iter().map(|trial| {
        let score = trial.score.clone().unwrap_or_default();
        let mut row = vec![trial.name.clone(), trial.state.name().to_owned()];
        row.extend([number(score.mean), number(score.standard_deviation)]);
        row.extend([score.values.len().to_string(), best_epochs(&score.best_epochs)]);
        row.extend(trial.drawn.iter().map(|(_, value)| drawn(value)));
        row
    });
    let table = Table { columns: columns.map(str::to_owned).collect(), rows: rows.collect() };
    let failed = all.iter().filter_map(|trial| Some((trial, trial.error.as_deref()?))).map(
        |(trial, why)| match trial.state {
            State::Failed => format!("{} failed: {why}", trial.name),
            _ => format!("{} has no score: {why}", trial.name),
        },
    );
    let charts: Vec<String> =
        (0..options.len()).filter_map(|option| by_option(all, option, judge)).collect();
    page(
        trials,
        judge,
        json!({
            "title": format!("Search over {} trials", all.len()),
            "about": format!("{} of {} trials have a score; {}.", scored, all.len(), judged(judge)),
            "lines": lines,
            "warnings": failed.collect::<Vec<_>>(),
            "charts": charts,
            "reading": "Each point is a trial, ○ the best one. All options were drawn anew for each, so \
                        points at one place differ by the others, too.",
            "table": table,
        }),
    )
}

/// The page of a learning curve.
///
/// # Errors
/// A damaged folder; a defect of the template.
pub fn learning_curve(points: &[Point], judge: &Judge, trials: &Trials) -> Result<String> {
    let columns =
        ["share", "participants", "images", &judge.metric, "sd", "trainings and splits", "missing"];
    let rows = points.iter().map(|point| {
        let sizes = [point.fraction, point.participants, point.images].map(short);
        let counts = [point.values.len(), point.missing].map(|count| count.to_string());
        let scores = [number(point.mean), number(point.standard_deviation)];
        sizes.into_iter().chain(scores).chain(counts).collect()
    });
    let missing: usize = points.iter().map(|point| point.missing).sum();
    let warnings = (missing > 0).then(|| format!("{missing} {MISSING}."));
    let known = |point: &Point| Some((point.participants, point.mean?));
    let means: Vec<(f64, f64)> = points.iter().filter_map(known).collect();
    let mut lines = Vec::new();
    if let [first, .., last] = means[..] {
        lines.push(format!(
            "From {} to {} participants that are learned from, {} in validation goes from {} to {}.",
            short(first.0),
            short(last.0),
            judge.metric,
            short(first.1),
            short(last.1)
        ));
    }
    page(
        trials,
        judge,
        json!({
            "title": "Learning curve",
            "about": format!("{}.", judged(judge)),
            "lines": lines,
            "warnings": warnings.into_iter().collect::<Vec<_>>(),
            "charts": (means.len() > 1).then(|| by_size(points, judge)).into_iter().collect::<Vec<_>>(),
            "reading": "Points are single trainings and splits, the line is their mean. A curve that still \
                        climbs at its end asks for more participants; one that is flat does not.",
            "table": Table::new(columns, rows.collect()),
        }),
    )
}

fn page(trials: &Trials, judge: &Judge, mut context: Value) -> Result<String> {
    let definition = trials.definition()?;
    context["metric"] = judge.metric.as_str().into();
    context["definition"] = format!("{definition:#}").into();
    context["made"] = format!("Written by Neurhai {}.", env!("CARGO_PKG_VERSION")).into();
    render("trials.html", include_str!("trials.html"), &context)
}

fn judged(judge: &Judge) -> String {
    let Judge { metric, selection_metric, .. } = judge;
    format!("models are the best by {selection_metric}, and compared by {metric} in validation")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

/// The scores by what was drawn for an option: along an axis where that are numbers, on a logarithmic one
/// where they span more than two decades, and otherwise value by value.
fn by_option(all: &[Trial], option: usize, judge: &Judge) -> Option<String> {
    let scored: Vec<(&Value, f64)> =
        all.iter().filter_map(|trial| Some((&trial.drawn.get(option)?.1, trial.mean()?))).collect();
    let name = &all.first()?.drawn.get(option)?.0;
    let values = ranking::by_value(all, option);
    if values.len() < 2 {
        return None;
    }
    let title = format!("{} by {name}", judge.metric);
    let numbers: Option<Vec<f64>> = scored.iter().map(|(value, _)| value.as_f64()).collect();
    let Some(mut at) = numbers else {
        return (values.len() <= MOST).then(|| by_value(&values, &title));
    };
    let (low, high) = at.iter().fold((f64::INFINITY, 0f64), |(a, b), x| (a.min(*x), b.max(*x)));
    let mut axis = name.clone();
    if low > 0.0 && high / low > 100.0 {
        at.iter_mut().for_each(|value| *value = value.log10());
        axis = format!("log10 of {name}");
    }
    let scores = scored.iter().map(|(_, score)| *score);
    let mut chart = Chart::new(
        SIZE,
        around(at.iter().copied()),
        around(scores.clone()),
        [&axis, &judge.metric],
    );
    let mut told = Vec::new();
    for (place, (x, y)) in at.iter().zip(scores).enumerate() {
        chart.dot(*x, y, "s0", 4.0);
        if place == 0 {
            chart.dot(*x, y, "best", 7.0);
        }
        told.push(format!("{} {}", drawn(scored[place].0), short(y)));
    }
    Some(chart.finish(&title, &told.join("; ")))
}

/// The mean and range of the scores of each value.
fn by_value(values: &[OfValue], title: &str) -> String {
    let bars: Vec<_> = values
        .iter()
        .map(|of| {
            let [low, high] = of.range;
            (of.value.chars().take(40).collect(), of.mean, Some((low, high)))
        })
        .collect();
    charts::intervals(&bars, &format!("{title}: mean and range"), None)
}

/// The scores by the number of participants that were learned from.
fn by_size(points: &[Point], judge: &Judge) -> String {
    let metric = &judge.metric;
    let sizes = points.iter().map(|point| point.participants).chain([0.0]);
    let values = points.iter().flat_map(|point| point.values.iter().copied());
    let names = ["participants that are learned from", metric.as_str()];
    let mut chart = Chart::new(SIZE, around(sizes), around(values), names);
    let line: Vec<_> = points.iter().map(|point| (point.participants, point.mean)).collect();
    chart.line(&line, "s0");
    for point in points {
        for value in &point.values {
            chart.dot(point.participants, *value, "s0", 3.0);
        }
    }
    let told = line.iter().filter_map(|(size, mean)| {
        Some(format!("{} participants: {}", short(*size), short((*mean)?)))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    chart.finish(&format!("{metric} by the size of the training set"), &told)
}
