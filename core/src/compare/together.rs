//! Several experiments together: where their options differ, how they score, and whether the
//! differences are more than chance, on the images that all of them predicted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::options_of;
use super::paired::{Family, family};
use super::shared::{Shared, shared};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Place, Result};
use crate::predict;
use crate::report::tables::{self, Found};
use crate::report::{Source, Whose, leaked};
use crate::train::{GroupResult, MetricScore, over_splits};

/// What several experiments say together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// The experiments, as they were named; the others refer to them by their place here.
    pub runs: Vec<PathBuf>,
    /// Options that are not the same in all.
    pub options: Vec<Differing>,
    /// How each scores, in groups that it did not learn from.
    pub scores: Vec<Scores>,
    /// Paired tests on images that two have predicted, the p values adjusted by Holm's method.
    pub tests: Vec<Family>,
    /// Why there are no tests where one might expect some.
    pub notes: Vec<String>,
}

/// An option with its value in each experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// Its name: `data.mode`.
    pub name: String,
    /// Its values; nothing where it is not there.
    pub values: Vec<Value>,
}

/// A metric of a group in each experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// `validation`, or the name given to `host predict`.
    pub group: String,
    /// The metric whose best models predicted.
    pub selection_metric: String,
    /// `image`, or what images were cut into.
    pub level: String,
    /// The metric.
    pub metric: String,
    /// In each experiment; nothing where it has no such result.
    pub runs: Vec<Option<RunScore>>,
}

/// A metric in an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunScore {
    /// The value, or the mean over splits.
    pub value: f64,
    /// The standard deviation over splits, where there are several.
    pub standard_deviation: Option<f64>,
    /// The interval: of a split by the bootstrap, over splits of validation by Student's t. None over the
    /// splits of other groups, as their networks predict the same images: see [`over_splits`].
    pub interval: Option<(f64, f64)>,
    /// The splits.
    pub splits: Vec<usize>,
}

/// Experiments, opened.
pub(super) struct Runs<'a> {
    pub(super) sources: Vec<Source<'a>>,
    pub(super) groups: Vec<Vec<Found>>,
}

/// Puts experiments of one task side by side; `catalog` says which metrics there are.
///
/// Tests look at pairs of experiments and at images that both predicted at image level, by models that
/// were chosen by the same metric. They say whether these trained networks differ on such images; that
/// training again would give the same difference only the test over splits asks.
///
/// # Errors
/// Fewer than two folders, folders that are no experiments, other tasks or classes, damaged tables.
pub fn together(maps: &[&Path], catalog: &Catalog) -> Result<Together> {
    let sources: Vec<Source<'_>> =
        maps.iter().map(|maps| Source::open(maps, catalog)).collect::<Result<_>>()?;
    let Some(first) = sources.first().filter(|_| sources.len() > 1) else {
        return Err(Error::new(Code::BadOption, "two experiments or more are needed to compare"));
    };
    let groups = sources
        .iter()
        .map(|source| tables::groups(source.root, &source.folder))
        .collect::<Result<Vec<_>>>()?;
    let flat = options_of(maps)?;
    let mut names: Vec<&String> = flat.iter().flat_map(|flat| flat.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differing = names.into_iter().map(|name| Differing {
        name: name.clone(),
        values: flat.iter().map(|flat| flat.get(name).cloned().unwrap_or(Value::Null)).collect(),
    });
    let options = differing.filter(|one| one.values.iter().any(|v| *v != one.values[0])).collect();
    let mut notes = stale(&sources)?;
    let other =
        sources.iter().find(|other| other.task != first.task || other.classes != first.classes);
    if let Some(other) = other {
        notes.push(format!(
            "{} learned something else than {}: scores are not compared",
            other.root.display(),
            first.root.display()
        ));
    }
    let comparable = other.is_none();
    for source in &sources {
        let validation = leaked::splits(&source.folder)?;
        let validation: usize = validation.iter().map(|(_, people)| people).sum();
        let validation = (validation > 0).then(|| ("validation".to_owned(), validation));
        for (group, people) in leaked::groups(source.root)?.into_iter().chain(validation) {
            notes.push(format!(
                "{}: {people} of the people of {group} had been learned from, as was allowed, so its \
                 scores are too good",
                source.root.display()
            ));
        }
    }
    let runs = Runs { sources, groups };
    let (mut tests, mut scores) = (Vec::new(), Vec::new());
    if comparable {
        scores = self::scores(&runs)?;
        let before = notes.len();
        for Shared { whose, places } in shared(&runs) {
            for place in places {
                tests.extend(family(&runs, &whose, place, &mut notes)?);
            }
        }
        if tests.is_empty() && notes.len() == before {
            notes.push(
                "no two of the experiments predicted the same images by the same metric".into(),
            );
        }
    }
    let mut told = BTreeSet::new();
    notes.retain(|note| told.insert(note.clone()));
    Ok(Together {
        runs: maps.iter().map(|maps| maps.to_path_buf()).collect(),
        options,
        scores,
        tests,
        notes,
    })
}

/// Where results were made by weights that training has replaced since.
fn stale(sources: &[Source<'_>]) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for source in sources {
        for place in predict::stale(source.root)? {
            let place = source.root.join(place);
            notes.push(format!(
                "{} was made by weights that training has replaced since: make it again, with overwrite",
                place.display()
            ));
        }
    }
    Ok(notes)
}

/// The metrics that are compared of a task.
pub(super) fn metrics(source: &Source<'_>) -> Vec<&'static str> {
    match source.task {
        crate::Task::Classification => vec!["BA", "accuracy", "ROC_AUC"],
        crate::Task::Regression => vec!["MAE", "RMSE", "R2_score"],
        crate::Task::Reconstruction => vec!["SSIM", "PSNR", "MAE"],
    }
}

fn scores(runs: &Runs<'_>) -> Result<Vec<Scores>> {
    let mut rows: Vec<Scores> = Vec::new();
    for (at, groups) in runs.groups.iter().enumerate() {
        let mut results = Vec::new();
        for found in groups.iter().filter(|found| found.whose.group != "train") {
            let Some(level) = found.levels()?.into_iter().next() else { continue };
            let scores = tables::scores(&found.file(&level, "metrics"))?;
            results.push((found.whose.clone(), level, scores));
        }
        let of_splits: Vec<GroupResult> = results
            .iter()
            .filter_map(|(whose, level, scores)| {
                let scores = scores.iter().map(|score| MetricScore {
                    metric: score.metric.clone(),
                    value: score.value,
                    interval: score.interval,
                });
                Some(GroupResult {
                    split: whose.split?,
                    selection_metric: whose.selection_metric.clone(),
                    group: whose.group.clone(),
                    level: level.clone(),
                    scores: scores.collect(),
                    cohorts: Vec::new(),
                })
            })
            .collect();
        let over = over_splits(&of_splits);
        for metric in metrics(&runs.sources[0]) {
            for result in &of_splits {
                let score = result.scores.iter().find(|score| score.metric == metric);
                let Some((value, score)) = score.and_then(|score| Some((score.value?, score)))
                else {
                    continue;
                };
                let together = over.iter().find(|row| {
                    row.group == result.group
                        && row.selection_metric == result.selection_metric
                        && row.level == result.level
                        && row.metric == metric
                        && row.splits.len() > 1
                });
                let found = match together {
                    Some(row) => RunScore {
                        value: row.mean.unwrap_or(value),
                        standard_deviation: row.standard_deviation,
                        interval: row.interval,
                        splits: row.splits.clone(),
                    },
                    None => RunScore {
                        value,
                        standard_deviation: None,
                        interval: score.interval,
                        splits: vec![result.split],
                    },
                };
                put(&mut rows, result, metric, at, found, runs.sources.len());
            }
        }
    }
    Ok(rows)
}

fn put(
    rows: &mut Vec<Scores>,
    of: &GroupResult,
    metric: &str,
    run: usize,
    score: RunScore,
    runs: usize,
) {
    let same = |row: &&mut Scores| {
        row.group == of.group
            && row.selection_metric == of.selection_metric
            && row.level == of.level
            && row.metric == metric
    };
    if let Some(row) = rows.iter_mut().find(same) {
        row.runs[run].get_or_insert(score);
        return;
    }
    let mut all = vec![None; runs];
    all[run] = Some(score);
    rows.push(Scores {
        group: of.group.clone(),
        selection_metric: of.selection_metric.clone(),
        level: of.level.clone(),
        metric: metric.to_owned(),
        runs: all,
    });
}

impl Runs<'_> {
    /// Two runs, as messages name them.
    pub(super) fn names(&self, at: [usize; 2]) -> String {
        at.map(|at| self.sources[at].root.display().to_string()).join(" and ")
    }

    /// The folder of a run's results.
    pub(super) fn found(&self, run: usize, whose: &Whose) -> Option<&Found> {
        self.groups[run].iter().find(|found| found.whose == *whose)
    }
}

/// Where something of a run lies.
pub(super) fn in_run(source: &Source<'_>, error: Error) -> Error {
    error.at(Place::File(source.root.into()))
}
