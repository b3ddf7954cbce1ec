//! What a reader should know before believing a result.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::people::Step;
use super::{Group, Report, Source};
use crate::error::some;
use crate::metric::Direction;
use crate::predict;
use crate::statistics::wilson;
use crate::task::Task;
use crate::train::{Standing, standing};

/// How grave a warning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// The result may not mean what it seems to.
    Problem,
    /// The result is less sure than it seems.
    Caution,
    /// Good to know.
    Note,
}

/// Something that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// How grave it is.
    pub gravity: Gravity,
    /// What it is, in one or two sentences.
    pub text: String,
}

/// How many results a warning names.
const SHOWN: usize = 6;
/// Fewer images in validation than this are few.
const FEW: usize = 30;
/// A class with this many times the images of another one is an imbalance.
const IMBALANCE: usize = 3;
/// Shares of 0 … 1 whose interval is wider are not known well.
const WIDE: f64 = 0.3;
/// A share that is lower by this in validation than in training points to overfitting.
const APART: f64 = 0.15;

/// All warnings, the gravest first. `leaked` says how many people of validation each split had learned
/// from; `unread`, why nothing is known from the tables of the splits.
pub(super) fn warnings(
    source: &Source<'_>,
    report: &Report,
    leaked: &[(usize, usize)],
    unread: Option<String>,
) -> Vec<Warning> {
    let mut found = Vec::new();
    leakage(source, report, leaked, &mut found);
    if let Some(why) = unread {
        let text = format!(
            "Ages and sexes are not told, as the tables of the splits are not read: {why}."
        );
        add(&mut found, Gravity::Note, text);
    }
    unfinished(source, &mut found);
    imported(report, &mut found);
    missing_parts(source, report, &mut found);
    counts(source, &report.flow, &mut found);
    intervals(&report.groups, source.task, &mut found);
    perfect(&report.groups, &mut found);
    sessions(&report.flow, &mut found);
    overfitting(source, report, &mut found);
    ended_early(source, report, &mut found);
    stale(source, &mut found);
    found.sort_by_key(|warning| warning.gravity);
    found.dedup();
    found
}

fn add(found: &mut Vec<Warning>, gravity: Gravity, text: impl Into<String>) {
    found.push(Warning { gravity, text: text.into() });
}

fn leakage(
    source: &Source<'_>,
    report: &Report,
    leaked: &[(usize, usize)],
    found: &mut Vec<Warning>,
) {
    for (group, people) in report.leaked.iter().filter(|(group, _)| group != "validation") {
        let text = format!(
            "Leakage: the networks were trained or chosen on {people} of the people of {group}, which \
             --allow-leakage permitted. Its scores are too good; groups/{group}/maps.json names them."
        );
        add(found, Gravity::Problem, text);
    }
    if leaked.is_empty() && report.shared_people > 0 {
        let text = format!(
            "Leakage: {} people in validation are in training of the same split, too. Validation scores \
             are too good.",
            report.shared_people
        );
        add(found, Gravity::Problem, text);
        return;
    }
    if leaked.is_empty() {
        if source.configuration.get("allow_leakage").is_some_and(|allowed| *allowed == true) {
            let text = "Leakage was allowed (allow_leakage); nobody was found on both sides.";
            add(found, Gravity::Note, text);
        }
        return;
    }
    let splits: Vec<String> =
        leaked.iter().map(|(split, people)| format!("{people} in split {split}")).collect();
    let text = format!(
        "Leakage: people in validation were also learned from ({}), which allow_leakage permitted. \
         Validation scores are too good; groups/validation/split-<k>/leaked.tsv names them.",
        splits.join(", ")
    );
    add(found, Gravity::Problem, text);
}

fn unfinished(source: &Source<'_>, found: &mut Vec<Warning>) {
    let all = standing(source.root).unwrap_or_default();
    let list = |wanted: &dyn Fn(&Standing) -> bool| {
        let splits = all.iter().filter(|(_, standing)| wanted(standing));
        splits.map(|(split, _)| split.to_string()).collect::<Vec<_>>()
    };
    let begun = list(&|standing| matches!(standing, Standing::Begun(_)));
    let absent = list(&|standing| matches!(standing, Standing::Absent));
    for (splits, what) in [(begun, "not finished"), (absent, "not begun")] {
        if !splits.is_empty() {
            let splits = splits.join(", ");
            let text = format!("Split {splits} is {what}: its results are missing here.");
            add(found, Gravity::Problem, text);
        }
    }
}

fn imported(report: &Report, found: &mut Vec<Warning>) {
    let device = report.environment.iter().find(|(name, _)| name == "device");
    if device.is_some_and(|(_, device)| device.contains("imported from ClinicaDL")) {
        let text = "The experiment was imported from ClinicaDL: training was done by another program, \
                    and what it did not write down is not known here.";
        add(found, Gravity::Note, text);
    }
}

fn missing_parts(source: &Source<'_>, report: &Report, found: &mut Vec<Warning>) {
    if source.text("missing_parts") != Some("renormalise") {
        return;
    }
    let lacking: usize = report.groups.iter().map(|group| group.lacking_parts).max().unwrap_or(0);
    if lacking > 0 {
        let text = format!(
            "Up to {lacking} images of a group lack some of their parts; their other parts voted \
             alone (missing_parts: renormalise)."
        );
        add(found, Gravity::Caution, text);
    }
}

fn counts(source: &Source<'_>, flow: &[Step], found: &mut Vec<Warning>) {
    let of = |side: &'static str| flow.iter().filter(move |step| step.step.starts_with(side));
    let few: Vec<&Step> = of("validation, split").filter(|step| step.images < FEW).collect();
    if let Some(least) = few.iter().map(|step| step.images).min() {
        let text = format!(
            "Few images in validation: {least}{}. Scores of so few vary much from sample to sample.",
            if few.len() > 1 { " in the smallest split" } else { "" }
        );
        add(found, Gravity::Caution, text);
    }
    let mut worst: Option<(usize, String)> = None;
    for step in of("train, split") {
        let largest = step.classes.iter().max_by_key(|(_, images)| *images);
        let smallest = step.classes.iter().min_by_key(|(_, images)| *images);
        if let (Some((large, most)), Some((small, least))) = (largest, smallest)
            && *most >= IMBALANCE * (*least).max(1)
        {
            let text = format!(
                "Classes are imbalanced: {most} images of {large} and {least} of {small} in training \
                 ({}). Accuracy flatters such a classifier; read the balanced accuracy.",
                step.step
            );
            let ratio = most / (*least).max(1);
            if worst.as_ref().is_none_or(|(most, _)| ratio > *most) {
                worst = Some((ratio, text));
            }
        }
    }
    found.extend(worst.map(|(_, text)| Warning { gravity: Gravity::Caution, text }));
    let allowed = source.configuration.get("baseline").is_some_and(|baseline| *baseline == true);
    if !allowed && let Some(step) = of("train, split").find(|step| step.images > step.people) {
        let text = format!(
            "Some people have several images in training: {} images of {} people ({}).",
            step.images, step.people, step.step
        );
        add(found, Gravity::Note, text);
    }
}

fn sessions(flow: &[Step], found: &mut Vec<Warning>) {
    let evaluated = flow.iter().filter(|step| {
        step.step.starts_with("validation, split") || step.step.starts_with("group ")
    });
    let several: Vec<&Step> = evaluated.filter(|step| step.images > step.people).collect();
    if let Some(step) = several.first() {
        let text = format!(
            "In {} there are {} images of {} people. Intervals take images for independent, so they \
             are too narrow.",
            step.step, step.images, step.people
        );
        add(found, Gravity::Caution, text);
    }
}

/// Results whose interval says little, those of one metric together.
fn intervals(groups: &[Group], task: Task, found: &mut Vec<Warning>) {
    if task != Task::Classification {
        return;
    }
    for metric in ["BA", "ROC_AUC"] {
        let (mut chance, mut wide) = (Vec::new(), Vec::new());
        for group in groups.iter().filter(|group| group.whose.group != "train") {
            let Some(level) = group.levels.first() else { continue };
            let score = level.scores.iter().find(|score| score.metric == metric);
            let Some((lower, upper)) = score.and_then(|score| score.interval) else { continue };
            let whose = &group.whose;
            let place = super::place(whose);
            let what = format!(
                "{} ({place}, best {}): {lower:.2} to {upper:.2}",
                whose.group, whose.selection_metric
            );
            let two = group.classes.as_ref().is_some_and(|figures| figures.classes.len() == 2);
            if two && lower <= 0.5 && upper >= 0.5 {
                chance.push(what);
            } else if upper - lower > WIDE {
                wide.push(what);
            }
        }
        for (all, says) in [(chance, "does not exclude chance, 0.5"), (wide, "is wide")] {
            if all.is_empty() {
                continue;
            }
            let text = format!("The interval of {metric} {says}: {}.", some(all.iter(), SHOWN));
            add(found, Gravity::Caution, text);
        }
    }
}

/// Where all images are right the bootstrap, which only draws from these, sees no variation at all.
fn perfect(groups: &[Group], found: &mut Vec<Warning>) {
    let mut alike: BTreeMap<(&str, u64), Vec<String>> = BTreeMap::new();
    let mut ranked = Vec::new();
    for group in groups.iter().filter(|group| group.whose.group != "train") {
        let Some(figures) = &group.classes else { continue };
        let images: u64 = figures.counts.iter().flatten().sum();
        let right: u64 = figures.counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        let place = super::place(&group.whose);
        let place = format!("{place}, best {}", group.whose.selection_metric);
        let perfect = |area: f64| area > 1.0 - 1e-12;
        if figures.roc.iter().filter_map(|curve| curve.area).any(perfect) {
            ranked.push(format!("{} ({place})", group.whose.group));
        }
        if right == images {
            alike.entry((&group.whose.group, images)).or_default().push(place);
        }
    }
    for ((group, images), places) in alike {
        let Some((lower, _)) = wilson(images, images) else { continue };
        let text = format!(
            "All {images} images of {group} are right ({}), so the bootstrap intervals have no width and \
             say nothing: by Wilson's interval, the share of new images that would be right may be as \
             low as {lower:.2}.",
            places.join("; ")
        );
        add(found, Gravity::Caution, text);
    }
    if !ranked.is_empty() {
        let text = format!(
            "Probabilities rank all images of a class before all others, an area under the ROC curve of \
             1, in {}: how far from 1 it may be for new images, intervals by DeLong and the bootstrap do \
             not tell.",
            some(ranked.iter(), SHOWN)
        );
        add(found, Gravity::Caution, text);
    }
}

/// Scores on training images that are far better than those in validation.
fn overfitting(source: &Source<'_>, report: &Report, found: &mut Vec<Warning>) {
    let name = source.task.headline();
    let value = |group: &Group| {
        let level = group.levels.first()?;
        level.scores.iter().find(|score| score.metric == name)?.value
    };
    let mut told = BTreeSet::new();
    for validation in report.groups.iter().filter(|group| group.whose.group == "validation") {
        let of_train = |group: &&Group| {
            group.whose.group == "train"
                && group.whose.split == validation.whose.split
                && group.whose.selection_metric == validation.whose.selection_metric
        };
        let train = report.groups.iter().find(of_train).and_then(value);
        let (Some(train), Some(seen)) = (train, value(validation)) else { continue };
        let apart = match (source.task, source.direction(name)) {
            // Errors have no scale of their own.
            (Task::Regression, _) | (_, Some(Direction::Lower)) => train < 0.5 * seen,
            (_, Some(Direction::Higher)) => train - seen > APART,
            (_, None) => false,
        };
        if apart && told.insert(validation.whose.split) {
            let text = format!(
                "Overfitting is likely: {name} is {train:.3} on the training images and {seen:.3} in \
                 validation ({}, best {}).",
                super::place(&validation.whose),
                validation.whose.selection_metric
            );
            add(found, Gravity::Caution, text);
        }
    }
}

/// Trainings that were still getting better when their epochs were over.
fn ended_early(source: &Source<'_>, report: &Report, found: &mut Vec<Warning>) {
    let asked = source.configuration.get("epochs").and_then(serde_json::Value::as_u64);
    let last = |curves: &&super::Curves| {
        let kept = |curve: &super::Curve| {
            curve.metric == "loss" && curve.best.is_some_and(|best| best + 1 == curve.epochs.len())
        };
        asked == Some(curves.epochs as u64) && curves.epochs > 1 && curves.curves.iter().any(kept)
    };
    let still = report.curves.iter().filter(last).count();
    if still > 0 {
        let text = format!(
            "In {still} of {} trainings the validation loss was lowest in the last epoch: more epochs \
             may give a better network.",
            report.curves.len()
        );
        add(found, Gravity::Note, text);
    }
}

/// Results by weights that training has replaced since.
fn stale(source: &Source<'_>, found: &mut Vec<Warning>) {
    let places = match predict::stale(source.root) {
        Ok(places) => places,
        Err(error) => {
            let why = &error.problems()[0].message;
            let text = format!("It is not known which weights results were made by: {why}.");
            return add(found, Gravity::Problem, text);
        }
    };
    if !places.is_empty() {
        let list: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        let text = format!(
            "Results were made by weights that training has replaced since: {}. They say nothing of the \
             networks that are there now; make them again, with overwrite.",
            list.join(", ")
        );
        add(found, Gravity::Problem, text);
    }
}
