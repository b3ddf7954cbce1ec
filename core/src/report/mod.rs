//! What an experiment folder says, gathered for a person to read.
//!
//! Nothing is trained or predicted again: tables are read back, and figures, intervals and warnings
//! are computed from them. Images are read only to be shown, from where training read them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalog::Catalog;
use crate::error::{Error, Place, Result};
use crate::experiment::{self, read};
use crate::files;
use crate::metric::Direction;
use crate::task::Task;
use crate::train::{GroupResult, MetricScore, OverSplits, Standing, over_splits, standing};
use crate::transfer::folder::Folder;

mod classes;
mod curves;
mod given;
mod images;
pub(crate) mod leaked;
mod methods;
mod numbers;
mod parts;
mod people;
mod pictures;
pub(crate) mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod warnings;
mod worst;

pub use classes::{Bin, ClassFigures, Roc};
pub use curves::{Curve, Curves};
pub use given::{Given, Pair};
pub use numbers::{Estimate, Histogram, NumberFigures};
pub use parts::{Attribution, Weights};
pub use people::{Demographics, Step};
pub use pictures::Shown;
pub use tables::{Score, Sheet, Whose};
pub use warnings::{Gravity, Warning};
pub use worst::{Case, PICTURED};

/// An experiment, as a person reads of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The folder's name, after that of the folder it is in.
    pub name: String,
    /// What was learned.
    pub task: Task,
    /// The column that was learned, where there is one.
    pub label: Option<String>,
    /// The classes of a classification, by their code.
    pub classes: Vec<String>,
    /// The metrics that models were kept by.
    pub selection_metrics: Vec<String>,
    /// What a reader should know first, the gravest first.
    pub warnings: Vec<Warning>,
    /// How many images and people there are at every step.
    pub flow: Vec<Step>,
    /// Who took part.
    pub demographics: Demographics,
    /// How many people are in training and in validation of the same split, over all splits.
    pub shared_people: usize,
    /// Groups with people whom the networks had seen, as was allowed, and how many these are; of
    /// validation over all splits.
    pub leaked: Vec<(String, usize)>,
    /// The splits that are finished.
    pub finished: Vec<usize>,
    /// How many splits were asked for.
    pub planned: usize,
    /// Whether there are several splits, and nobody is in validation of two.
    pub folds: bool,
    /// How each network learned.
    pub curves: Vec<Curves>,
    /// The results of every group.
    pub groups: Vec<Group>,
    /// What several splits say together.
    pub over_splits: Vec<OverSplits>,
    /// What parts weigh in votes.
    pub weights: Vec<Weights>,
    /// Maps of what networks look at.
    pub attributions: Vec<Attribution>,
    /// A paragraph for a paper.
    pub methods: String,
    /// The options, as they were resolved.
    pub options: Vec<Given>,
    /// Versions and the machine.
    pub environment: Vec<Pair>,
    /// Plugins and scripts that were used, with their hashes.
    pub used: Vec<Pair>,
    /// The network's number of parameters.
    pub parameters: Option<u64>,
    /// The network's layers, to read.
    pub network: String,
    /// The text of the script.
    pub script: Option<String>,
    /// The hash of the list of all images with their hashes.
    pub inputs: Option<String>,
}

/// The results of a group by one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Whose results they are.
    pub whose: Whose,
    /// The scores at each level, the one to read first.
    pub levels: Vec<Level>,
    /// The figures of a classification, from the first level.
    pub classes: Option<ClassFigures>,
    /// The figures of a regression.
    pub numbers: Option<NumberFigures>,
    /// How the metrics of reconstructions are distributed.
    pub errors: Vec<Histogram>,
    /// The worst cases.
    pub worst: Vec<Case>,
    /// The metrics of each cohort, where there are several.
    pub cohorts: Option<Sheet>,
    /// The metrics of each network, where there are several.
    pub networks: Option<Sheet>,
    /// How many images have fewer parts than others.
    pub lacking_parts: usize,
}

/// Scores at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    /// `image`, or what images were cut into.
    pub level: String,
    /// How many predictions there are; none where they were not kept.
    pub rows: Option<usize>,
    /// All metrics.
    pub scores: Vec<Score>,
}

/// An experiment folder that is read.
pub(crate) struct Source<'a> {
    pub(crate) root: &'a Path,
    pub(crate) folder: Folder,
    pub(crate) maps: Value,
    /// The options as they were resolved; empty where ClinicaDL wrote the folder.
    pub(crate) configuration: Map<String, Value>,
    pub(crate) task: Task,
    pub(crate) label: Option<String>,
    pub(crate) classes: Vec<String>,
    pub(crate) selection_metrics: Vec<String>,
    pub(crate) catalog: &'a Catalog,
}

impl<'a> Source<'a> {
    pub(crate) fn open(root: &'a Path, catalog: &'a Catalog) -> Result<Self> {
        let folder = Folder::open(root)?;
        let maps = read(&root.join("maps.json"))?;
        let text = |name: &str| maps.get(name).and_then(Value::as_str).map(str::to_owned);
        let classes = experiment::classes(maps.get("label_code"));
        let classes = classes.map_err(|error| error.at(Place::File(root.join("maps.json"))))?;
        let metrics = maps.get("selection_metrics").and_then(Value::as_array);
        let metrics = metrics.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let configuration = maps.pointer("/neurhai/configuration").and_then(Value::as_object);
        Ok(Self {
            root,
            folder,
            configuration: configuration.cloned().unwrap_or_default(),
            task: text("network_task")
                .and_then(|name| Task::named(&name))
                .unwrap_or(Task::Classification),
            label: text("label"),
            classes,
            selection_metrics: metrics.collect(),
            catalog,
            maps,
        })
    }

    /// A text option of training.
    fn text(&self, name: &str) -> Option<&str> {
        self.configuration.get(name)?.as_str()
    }

    /// An option of the data.
    pub(crate) fn data(&self, name: &str) -> Option<&Value> {
        self.configuration.get("data")?.get(name)
    }

    /// Which values of a metric are better, where that is known: not of a script's or plugin's that is
    /// not there.
    pub(crate) fn direction(&self, metric: &str) -> Option<Direction> {
        // A loss is no metric of the catalog.
        let known = self.catalog.metrics.find(metric).map(|entry| entry.info.direction);
        known.or((metric == "loss").then_some(Direction::Lower))
    }

    /// The text of a file of the folder; nothing where it is not there.
    fn file(&self, name: &str) -> Result<Option<String>> {
        let file = self.root.join(name);
        if !file.is_file() {
            return Ok(None);
        }
        let bytes = files::read(&file, "read the experiment folder")?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Where results come from, in words: `split 2`.
pub fn place(whose: &Whose) -> String {
    whose
        .split
        .map_or_else(|| "ensemble of the splits".to_owned(), |split| format!("split {split}"))
}

/// Reads an experiment folder; `catalog` says which metrics there are.
///
/// # Errors
/// [`Code::BadMaps`](crate::Code::BadMaps) for a folder that is no experiment, and damaged files in it.
/// Images that are not there any more are no error: the report says so.
pub fn report(root: &Path, catalog: &Catalog) -> Result<Report> {
    let source = Source::open(root, catalog)?;
    let images = images::Images::of(root)?;
    let found = tables::groups(root, &source.folder)?;
    let (mut groups, mut results) = (Vec::new(), Vec::new());
    for one in &found {
        let (group, of_group) = group(&source, one, &images)?;
        groups.push(group);
        results.extend(of_group);
    }
    let people = people::people(&source)?;
    let leaked_splits = leaked::splits(&source.folder)?;
    let mut leaked = leaked::groups(root)?;
    let of_validation: usize = leaked_splits.iter().map(|(_, people)| people).sum();
    leaked.extend((of_validation > 0).then(|| ("validation".to_owned(), of_validation)));
    let standing = standing(root).unwrap_or_default();
    let done = |(split, standing): &(usize, Standing)| {
        matches!(standing, Standing::Finished(_)).then_some(*split)
    };
    let folders: Vec<_> = found.iter().map(|found| found.folder.clone()).collect();
    let (environment, used) = given::environment(&source)?;
    let network = source.file("information.log")?.unwrap_or_default();
    let network =
        network.split_once("- Model :\n").map_or(String::new(), |(_, text)| text.to_owned());
    let parameters = network.lines().rev().find_map(|line| line.trim().strip_suffix(" parameters"));
    let whole = root.canonicalize().unwrap_or_else(|_| root.into());
    let last: Vec<_> = whole.iter().rev().take(2).map(|name| name.to_string_lossy()).collect();
    // Experiments are often called maps, in a folder that says which.
    let name = last.iter().rev().filter(|name| *name != "/").map(|name| &**name);
    let name = name.collect::<Vec<_>>().join("/");
    let mut report = Report {
        name,
        task: source.task,
        label: source.label.clone(),
        classes: source.classes.clone(),
        selection_metrics: source.selection_metrics.clone(),
        warnings: Vec::new(),
        flow: people.flow,
        demographics: people.demographics,
        shared_people: people.shared,
        leaked,
        finished: standing.iter().filter_map(done).collect(),
        planned: standing.len(),
        folds: people.folds,
        curves: curves::curves(&source.folder, &source.selection_metrics, &|metric| {
            source.direction(metric)
        })?,
        over_splits: over_splits(&results),
        groups,
        weights: parts::weights(&source, &images)?,
        attributions: parts::attributions(&source, &folders)?,
        methods: String::new(),
        options: given::options(&source.configuration),
        environment,
        used,
        parameters: parameters.and_then(|number| number.parse().ok()),
        network,
        script: source.file("script.rhai")?,
        inputs: source.file("groups/inputs.tsv")?.map(|text| files::text_hash(&text)),
    };
    report.warnings = warnings::warnings(&source, &report, &leaked_splits, people.unread);
    report.methods = methods::methods(&source, &report);
    Ok(report)
}

fn group(
    source: &Source<'_>,
    found: &tables::Found,
    images: &images::Images,
) -> Result<(Group, Vec<GroupResult>)> {
    let mut group = Group {
        whose: found.whose.clone(),
        levels: Vec::new(),
        classes: None,
        numbers: None,
        errors: Vec::new(),
        worst: Vec::new(),
        cohorts: None,
        networks: None,
        lacking_parts: 0,
    };
    let mut results = Vec::new();
    for level in found.levels()? {
        let scores = tables::scores(&found.file(&level, "metrics"))?;
        let rows =
            tables::predictions(&found.file(&level, "prediction"), source.task, &source.classes)?;
        let first = group.levels.is_empty();
        if let Some((rows, names)) = rows.as_ref().filter(|_| first) {
            match source.task {
                Task::Classification => {
                    let figures = classes::figures(rows, &source.classes, source.catalog);
                    let place = found.file(&level, "prediction");
                    group.classes = figures.map_err(|error| at(error, &place))?;
                }
                Task::Regression => group.numbers = numbers::figures(rows),
                Task::Reconstruction => {
                    group.errors = names
                        .iter()
                        .enumerate()
                        .filter_map(|(at, name)| {
                            let values: Vec<f64> =
                                rows.iter().map(|row| row.probabilities[at]).collect();
                            numbers::histogram(name, &values)
                        })
                        .collect();
                }
            }
            // Whoever is shown is somebody that the network had not learned from.
            if found.whose.group != "train" {
                group.worst = worst::worst(source, &found.whose.group, rows, names, images);
            }
        }
        if level != "image"
            && let Some((rows, _)) = &rows
        {
            group.lacking_parts = lacking_parts(rows);
        }
        if first {
            group.cohorts = tables::sheet(&found.file(&level, "metrics_per_cohort"))?;
            group.networks = tables::sheet(&found.file(&level, "metrics_per_network"))?;
        }
        results.extend(found.whose.split.map(|split| result(&found.whose, split, &level, &scores)));
        group.levels.push(Level { level, rows: rows.map(|(rows, _)| rows.len()), scores });
    }
    Ok((group, results))
}

fn at(error: Error, file: &Path) -> Error {
    error.at(crate::Place::File(file.into()))
}

/// How many images have fewer parts than the most that one has.
fn lacking_parts(rows: &[crate::import::Prediction]) -> usize {
    let mut parts = BTreeMap::new();
    for row in rows {
        *parts.entry(tables::key(row)).or_insert(0_usize) += 1;
    }
    let most = parts.values().copied().max().unwrap_or(0);
    parts.values().filter(|parts| **parts < most).count()
}

fn result(whose: &Whose, split: usize, level: &str, scores: &[Score]) -> GroupResult {
    let scores = scores.iter().map(|score| MetricScore {
        metric: score.metric.clone(),
        value: score.value,
        interval: score.interval,
    });
    GroupResult {
        split,
        selection_metric: whose.selection_metric.clone(),
        group: whose.group.clone(),
        level: level.to_owned(),
        scores: scores.collect(),
        cohorts: Vec::new(),
    }
}
