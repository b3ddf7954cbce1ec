//! Predictions of an experiment computed anew, beside those that its tables hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::evaluate::Evaluation;
use super::image_level::Election;
use super::session::Session;
use super::sides::places;
use crate::data::cohorts::{Cohorts, is_table};
use crate::data::loader::Source;
use crate::data::participants::{SINGLE, Session as Visit};
use crate::data::split::Label;
use crate::error::{Code, Error, Place, Result};
use crate::files;
use crate::import::{Prediction, add_cohorts, read_predictions};
use crate::predict::Opened;
use crate::task::Task;
use crate::transfer::folder::Folder;

/// How a table of predictions agrees with what its model says now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// The split.
    pub split: usize,
    /// The metric that the model is the best by.
    pub metric: String,
    /// The group.
    pub group: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// Rows of the table.
    pub rows: usize,
    /// The largest difference of a probability, or of a predicted number.
    pub difference: f64,
    /// Rows for which another class is predicted.
    pub changed: usize,
}

/// The tables of one group by one model.
struct Group {
    name: String,
    of_parts: Vec<Prediction>,
    of_images: Option<Vec<Prediction>>,
}

impl Group {
    /// Says of which cohort each row is, where the tables do not.
    fn add_cohorts(&mut self, folder: &Folder, split: usize) -> Result<()> {
        for rows in [Some(&mut self.of_parts), self.of_images.as_mut()].into_iter().flatten() {
            if rows.iter().any(|row| row.cohort.is_none()) {
                add_cohorts(rows, &folder.members(&self.name, split))?;
            }
        }
        Ok(())
    }
}

/// Shows the images of every table of predictions to the model again, with the images in `caps`, which
/// may be a table of cohorts, and compares. Image-level tables are compared with the vote that the experiment names, with weights
/// from its validation group.
///
/// # Errors
/// A reconstruction, whose tables hold no predictions; images that are not there; everything that
/// is wrong with the folder.
pub fn recompute(maps: &Path, caps: &Path, session: &Session<'_>) -> Result<Vec<Agreement>> {
    let opened = Opened::open(maps, "auto", session)?;
    let (config, folder) = (&opened.config, &opened.folder);
    if config.task == Task::Reconstruction {
        let message = "the tables of a reconstruction hold no predictions to compare";
        return Err(Error::new(Code::BadMaps, message)
            .at(Place::File(maps.into()))
            .help("classifications and regressions can be computed again"));
    }
    let mode = config.data.text("mode")?;
    let mut tables = Vec::new();
    for split in folder.splits()? {
        for metric in folder.metrics(split)? {
            let mut groups = groups(&folder.best(split, &metric), mode)?;
            if is_table(caps) {
                groups.iter_mut().try_for_each(|group| group.add_cohorts(folder, split))?;
            }
            tables.push((split, metric, groups));
        }
    }
    if tables.iter().all(|(_, _, groups)| groups.iter().all(|group| group.of_parts.is_empty())) {
        let message = format!("the experiment has no predictions per {mode} to compare");
        return Err(Error::new(Code::EmptySelection, message).at(Place::File(maps.into())).help(
            format!(
                "they are expected in split-0/best-loss/validation/\
                 validation_{mode}_level_prediction.tsv and the like"
            ),
        ));
    }
    let cohorts = Cohorts::open(caps).map_err(|error| error.at(Place::Option("caps".into())))?;
    let source = opened.source(&cohorts, visits(&tables), session)?;
    let task = (config.task, opened.classes.len());
    let mut agreements = Vec::new();
    for (split, metric, groups) in tables {
        if groups.is_empty() {
            continue;
        }
        let models = opened.models(split, &metric)?;
        let objective = opened.objective(split)?;
        let evaluator = opened.evaluator(&objective, &source, session);
        let mut judged = Vec::new();
        for group in groups {
            let labels = labels(&group, &source, task)?;
            let labels: Vec<(usize, Label)> = labels.into_iter().collect();
            judged.push((opened.judge(&models, &evaluator, &labels, &group.name, None)?, group));
        }
        let validation = judged.iter().find(|(_, group)| group.name == "validation");
        for (evaluation, group) in &judged {
            let mut keep = |level: &str, (rows, difference, changed)| {
                let (group, level) = (group.name.clone(), level.to_owned());
                let metric = metric.clone();
                agreements.push(Agreement {
                    split,
                    metric,
                    group,
                    level,
                    rows,
                    difference,
                    changed,
                });
            };
            keep(source.parts.mode(), compare(&group.of_parts, evaluation, &source, true)?);
            if let (Some(table), Some((validation, _))) = (&group.of_images, validation) {
                let election = Election::of(config, validation, &source, session.catalog)?;
                let voted = election.take(evaluation, &source)?;
                keep("image", compare(table, &voted, &source, false)?);
            }
        }
    }
    Ok(agreements)
}

/// The groups that have tables of predictions by a model.
fn groups(folder: &Path, mode: &str) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in files::entries(folder)? {
        let table = |level: &str| -> PathBuf {
            folder.join(&name).join(format!("{name}_{level}_level_prediction.tsv"))
        };
        if !table(mode).is_file() {
            continue;
        }
        let of_images = match mode != "image" && table("image").is_file() {
            true => Some(read_predictions(&table("image"))?),
            false => None,
        };
        groups.push(Group { of_parts: read_predictions(&table(mode))?, of_images, name });
    }
    Ok(groups)
}

/// The sessions of all tables, each once.
fn visits(tables: &[(usize, String, Vec<Group>)]) -> Vec<Visit> {
    let groups = tables.iter().flat_map(|(_, _, groups)| groups);
    let visits: std::collections::BTreeSet<Visit> =
        groups.flat_map(|group| &group.of_parts).map(visit_of).collect();
    visits.into_iter().collect()
}

fn visit_of(row: &Prediction) -> Visit {
    Visit {
        cohort: row.cohort.clone().unwrap_or_else(|| SINGLE.to_owned()),
        participant: row.participant.clone(),
        session: row.session.clone(),
        row: 0,
    }
}

/// What is true of the images of a group, by their place.
///
/// # Errors
/// Of a classification, codes of classes for which the network has no output.
fn labels(
    group: &Group,
    source: &Source,
    (task, outputs): (Task, usize),
) -> Result<BTreeMap<usize, Label>> {
    let images = places(&source.images);
    let mut labels = BTreeMap::new();
    for row in &group.of_parts {
        let label = match (task, row.truth) {
            (Task::Classification, Some(code)) => {
                if code < 0.0 || code.fract() != 0.0 || code >= outputs as f64 {
                    let message = format!(
                        "a table of the group {:?} has the class {code}, the network {outputs} classes",
                        group.name
                    );
                    return Err(damaged(row, message));
                }
                Label::Class(code as usize)
            }
            (Task::Regression, Some(number)) => Label::Number(number),
            _ => Label::None,
        };
        if let Some(image) = images.get(&visit_of(row).key()) {
            labels.insert(*image, label);
        }
    }
    Ok(labels)
}

fn damaged(row: &Prediction, message: String) -> Error {
    Error::new(Code::BadMaps, message)
        .at(visit_of(row).place(None))
        .help("the table was changed, or belongs to another experiment")
}

/// The number of rows, the largest difference, and how many decisions differ.
///
/// # Errors
/// Rows of the one that the other does not have.
fn compare(
    table: &[Prediction],
    evaluation: &Evaluation,
    source: &Source,
    parts: bool,
) -> Result<(usize, f64, usize)> {
    let key = |visit: &Visit, part| (visit.key(), part);
    let mut found = BTreeMap::new();
    for row in &evaluation.rows {
        let part = if parts { source.parts.id(row.sample.part) } else { 0 };
        found.insert(key(source.images.session(row.sample.image), part), row);
    }
    let (mut difference, mut changed) = (0f64, 0);
    for row in table {
        let Some(now) = found.remove(&key(&visit_of(row), row.part)) else {
            let message = format!(
                "a table has the part {}, which the image does not have or which is there twice",
                row.part
            );
            return Err(damaged(row, message));
        };
        let (then, decided) = match evaluation.task {
            Task::Classification => (&row.probabilities[..], now.winner() as f64),
            _ => (std::slice::from_ref(&row.predicted), row.predicted),
        };
        if then.len() != now.values.len() {
            let message =
                format!("a table has {} outputs, the network {}", then.len(), now.values.len());
            return Err(damaged(row, message));
        }
        for (then, now) in then.iter().zip(&now.values) {
            let off = (then - now).abs();
            // What is no number agrees with nothing.
            difference = difference.max(if off.is_nan() { f64::INFINITY } else { off });
        }
        changed += usize::from(decided != row.predicted);
    }
    match (found.keys().next(), table.first()) {
        (Some(((_, participant, session), part)), Some(row)) => Err(damaged(
            row,
            format!("the part {part} of {participant} {session} is in no row of the table"),
        )),
        _ => Ok((table.len(), difference, changed)),
    }
}
