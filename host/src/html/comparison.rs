//! Several experiments side by side.

use neurhai_core::Result;
use neurhai_core::compare::{RunScore, Together};
use serde_json::{Value, json};

use super::svg::short;
use super::{charts, clip, interval, render};
use crate::show::{p_value, value_text};

/// The whole page of a comparison.
///
/// # Errors
/// A defect of the template.
pub fn comparison(found: &Together) -> Result<String> {
    let runs: Vec<String> = found.runs.iter().map(|run| run.display().to_string()).collect();
    let options: Vec<Value> = found
        .options
        .iter()
        .map(|one| {
            let values: Vec<String> =
                one.values.iter().map(|v| clip(&value_text(v), 300)).collect();
            json!({ "name": one.name, "values": values })
        })
        .collect();
    let scores: Vec<Value> = found
        .scores
        .iter()
        .map(|row| {
            let cell = |score: &Option<RunScore>| {
                score.as_ref().map(|score| {
                    let value = match score.standard_deviation {
                        Some(deviation) => format!("{} ± {}", short(score.value), short(deviation)),
                        None => short(score.value),
                    };
                    json!({ "value": value, "note": score.interval.map(interval) })
                })
            };
            json!({
                "group": row.group,
                "selection_metric": row.selection_metric,
                "level": row.level,
                "metric": row.metric,
                "cells": row.runs.iter().map(cell).collect::<Vec<_>>(),
            })
        })
        .collect();
    let families: Vec<Value> = found
        .tests
        .iter()
        .map(|family| {
            let tests: Vec<Value> = family
                .tests
                .iter()
                .map(|test| {
                    json!({
                        "a": runs[test.a],
                        "b": runs[test.b],
                        "metric": test.metric,
                        "test": test.test,
                        "n": match test.people {
                            Some(people) => format!("{} images of {people} people", test.n),
                            None => format!("{} splits", test.n),
                        },
                        "values": format!("{} and {}", short(test.values.0), short(test.values.1)),
                        "difference": short(test.difference),
                        "interval": test.interval.map(interval),
                        "p": p_value(test.p),
                        "p_holm": p_value(test.p_holm),
                    })
                })
                .collect();
            json!({
                "group": family.group,
                "selection_metric": family.selection_metric,
                "splits": family.splits,
                "tests": tests,
                "several": runs.len() > 2,
            })
        })
        .collect();
    let context = json!({
        "runs": runs,
        "options": options,
        "scores": scores,
        "chart": chart(found, &runs),
        "families": families,
        "notes": found.notes,
        "made": format!("Written by Neurhai {}.", env!("CARGO_PKG_VERSION")),
    });
    render("comparison.html", include_str!("comparison.html"), &context)
}

/// The first metric of each group, with intervals.
fn chart(found: &Together, runs: &[String]) -> Option<String> {
    let first = found.scores.first()?;
    let bars: Vec<_> = first
        .runs
        .iter()
        .zip(runs)
        .filter_map(|(score, run)| {
            let score = score.as_ref()?;
            Some((run.clone(), score.value, score.interval))
        })
        .collect();
    let name = format!("{} of {}, best {}", first.metric, first.group, first.selection_metric);
    (bars.len() > 1 && bars.len() <= 24).then(|| charts::intervals(&bars, &name, None))
}
