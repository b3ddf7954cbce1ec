//! The tables of an experiment folder, with ClinicaDL's names and columns.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::Catalog;
use crate::data::images::Images;
use crate::data::loader::{Sample, Source};
use crate::data::part::Parts;
use crate::data::participants::{ALL, Session};
use crate::data::split::Label;
use crate::data::table::write_tsv;
use crate::error::Result;
use crate::files;
use crate::maps::make_folder;
use crate::task::Task;
use crate::train::OverSplits;
use crate::train::evaluate::Evaluation;
use crate::train::part_weights::PartWeights;
use crate::train::scores::{Score, judges};

/// A line of `training.tsv`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TrainingRow {
    pub(crate) epoch: usize,
    /// Batches done in the epoch.
    pub(crate) iteration: usize,
    pub(crate) train: Option<Vec<Score>>,
    pub(crate) validation: Vec<Score>,
    /// That of the last weight update.
    pub(crate) learning_rate: f64,
}

impl TrainingRow {
    /// A metric of the validation set, or its loss.
    pub(crate) fn validation_score(&self, name: &str) -> Option<f64> {
        self.validation.iter().find(|score| score.name == name)?.value
    }
}

/// A number as Python writes it, so that whole ones still read as real; `n/a` where there is none.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() && value.fract() == 0.0 && value.abs() < 1e15 => {
            format!("{value:.1}")
        }
        Some(value) => value.to_string(),
        None => "n/a".into(),
    }
}

pub(super) fn write_training(path: &Path, rows: &[TrainingRow]) -> Result<()> {
    let names: Vec<&str> =
        rows.iter().take(1).flat_map(|row| &row.validation).map(|s| s.name.as_str()).collect();
    let mut columns = vec!["epoch".to_owned(), "iteration".to_owned()];
    for set in ["train", "valid"] {
        columns.extend(names.iter().map(|name| format!("{name}_{set}")));
    }
    columns.push("learning_rate".to_owned());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let lines = rows.iter().map(|row| {
        let mut line = vec![row.epoch.to_string(), row.iteration.to_string()];
        match &row.train {
            Some(scores) => line.extend(scores.iter().map(|score| number(score.value))),
            None => line.extend(names.iter().map(|_| number(None))),
        }
        line.extend(row.validation.iter().map(|score| number(score.value)));
        line.push(number(Some(row.learning_rate)));
        line
    });
    write_tsv(path, &columns, lines)
}

/// Writes `augmentation/epoch-<e>.tsv`: what every transform draws for each of these samples, as JSON.
pub(super) fn write_augmentation(
    path: &Path,
    epoch: usize,
    source: &Source,
    samples: impl Iterator<Item = Sample>,
) -> Result<()> {
    let (id, several) = (format!("{}_id", source.parts.mode()), source.images.several_cohorts());
    let mut columns = vec!["epoch", "participant_id", "session_id", &id];
    columns.extend(["draw", "transform", "parameters"]);
    columns.extend(several.then_some("cohort"));
    let steps = source.augment.iter().flat_map(|(steps, _)| steps.iter());
    let names: Vec<&str> = steps.map(|(entry, _)| entry.info.name.as_str()).collect();
    let lines = |sample: Sample, drawn: Vec<Value>| {
        let visit = source.images.session(sample.image);
        let whose = [
            epoch.to_string(),
            visit.participant.clone(),
            visit.session.clone(),
            source.parts.id(sample.part).to_string(),
            sample.draw.to_string(),
        ];
        let lines = names.iter().zip(drawn).map(|(name, parameters)| {
            let mut line = whose.to_vec();
            line.extend([(*name).to_owned(), parameters.to_string()]);
            line.extend(several.then(|| visit.cohort.clone()));
            line
        });
        lines.collect::<Vec<_>>()
    };
    // Rows of an epoch may be more than fit into the memory, so they are written as they are drawn.
    let mut failed = None;
    let drawn = samples.map_while(|sample| match source.drawn(sample) {
        Ok(drawn) => Some(lines(sample, drawn)),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    write_tsv(path, &columns, drawn.flatten())?;
    match failed {
        Some(error) => files::remove(path).and(Err(error)),
        None => Ok(()),
    }
}

/// The predictions of a group at one level (`patch`, `image`, …).
pub(crate) struct Sheet<'a> {
    pub(crate) group: &'a str,
    pub(crate) level: &'a str,
    pub(crate) evaluation: &'a Evaluation,
    /// None where it is not known what is true.
    pub(crate) scores: Option<&'a [Score]>,
}

/// Writes the predictions and metrics of a group into
/// `<folder>/<group>_<level>_level_{prediction,metrics}.tsv`.
pub(crate) fn write_group(
    folder: &Path,
    sheet: &Sheet<'_>,
    images: &Images,
    parts: &dyn Parts,
    catalog: &Catalog,
) -> Result<()> {
    let Sheet { group, level, evaluation, scores } = *sheet;
    make_folder(folder)?;
    let file = |what: &str| folder.join(format!("{group}_{level}_level_{what}.tsv"));
    let mut columns: Vec<String> =
        ["participant_id", "session_id", &format!("{level}_id")].map(String::from).to_vec();
    let labels = || ["true_label", "predicted_label"].map(String::from);
    match evaluation.task {
        Task::Classification => {
            columns.extend(labels());
            columns.extend((0..evaluation.outputs).map(|class| format!("proba{class}")));
        }
        Task::Regression => columns.extend(labels()),
        Task::Reconstruction => {
            columns.extend(judges(catalog, evaluation.task).map(|entry| entry.info.name.clone()));
        }
    }
    let several = images.several_cohorts();
    columns.extend(several.then(|| "cohort".to_owned()));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let rows = evaluation.rows.iter().map(|row| {
        let visit = images.session(row.sample.image);
        let id = if level == parts.mode() { parts.id(row.sample.part) } else { 0 };
        let mut line = vec![visit.participant.clone(), visit.session.clone(), id.to_string()];
        match evaluation.task {
            Task::Classification => {
                let truth = match row.truth {
                    Label::None => number(None),
                    _ => row.class().to_string(),
                };
                line.extend([truth, row.winner().to_string()]);
            }
            Task::Regression => {
                line.push(number(Some(row.number()).filter(|_| row.truth != Label::None)));
            }
            Task::Reconstruction => {}
        }
        line.extend(row.values.iter().map(|value| number(Some(*value))));
        line.extend(several.then(|| visit.cohort.clone()));
        line
    });
    write_tsv(&file("prediction"), &columns, rows)?;

    let Some(scores) = scores else { return Ok(()) };
    let mut columns = vec!["Metrics"];
    columns.extend(scores.iter().map(|score| score.name.as_str()));
    let line = |title: &str, value: &dyn Fn(&Score) -> Option<f64>| {
        let mut line = vec![title.to_owned()];
        line.extend(scores.iter().map(|score| number(value(score))));
        line
    };
    let lines = [
        line("Values", &|score| score.value),
        line("Lower bound CI", &|score| Some(score.interval.as_ref()?.lower)),
        line("Upper bound CI", &|score| Some(score.interval.as_ref()?.upper)),
        line("SE", &|score| Some(score.interval.as_ref()?.standard_error)),
    ];
    write_tsv(&file("metrics"), &columns, lines)
}

/// Writes the metrics of each cohort, a line per cohort with its name, its number of images and the
/// values.
pub(crate) fn write_cohorts(path: &Path, cohorts: &[(&str, usize, Vec<Score>)]) -> Result<()> {
    let names = cohorts.iter().take(1).flat_map(|(.., scores)| scores);
    let names = names.map(|score| score.name.as_str());
    let columns: Vec<&str> = ["cohort", "images"].into_iter().chain(names).collect();
    let rows = cohorts.iter().map(|(cohort, images, scores)| {
        let values = scores.iter().map(|score| number(score.value));
        [(*cohort).to_owned(), images.to_string()].into_iter().chain(values).collect::<Vec<_>>()
    });
    write_tsv(path, &columns, rows)
}

/// Writes the metrics of each network, a line per network.
pub(crate) fn write_networks(path: &Path, networks: &[Vec<Score>]) -> Result<()> {
    let names = networks.iter().take(1).flatten().map(|score| score.name.as_str());
    let columns: Vec<&str> = ["network"].into_iter().chain(names).collect();
    let rows = networks.iter().enumerate().map(|(network, scores)| {
        let values = scores.iter().map(|score| number(score.value));
        [network.to_string()].into_iter().chain(values).collect::<Vec<String>>()
    });
    write_tsv(path, &columns, rows)
}

/// Writes what the splits say together, a line per metric; nothing where there is nothing to say.
pub(crate) fn write_over_splits(path: &Path, rows: &[OverSplits]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let cohorts = rows.iter().any(|row| row.cohort.is_some());
    let mut columns = vec!["selection_metric", "group", "level"];
    columns.extend(cohorts.then_some("cohort"));
    columns.extend(["metric", "splits", "mean", "standard_deviation", "lower", "upper"]);
    let lines = rows.iter().map(|row| {
        let mut line = [&row.selection_metric, &row.group, &row.level].map(String::clone).to_vec();
        line.extend(cohorts.then(|| row.cohort.clone().unwrap_or_else(|| ALL.into())));
        line.push(row.metric.clone());
        let splits: Vec<String> = row.splits.iter().map(usize::to_string).collect();
        line.push(if splits.is_empty() { "n/a".into() } else { splits.join(",") });
        let (lower, upper) = row.interval.unzip();
        line.extend([row.mean, row.standard_deviation, lower, upper].map(number));
        line
    });
    write_tsv(path, &columns, lines)
}

/// Writes what each part's vote weighs, and its score in validation that this comes from; `n/a` where
/// parts are not weighed by one.
pub(crate) fn write_weights(path: &Path, found: &PartWeights, parts: &dyn Parts) -> Result<()> {
    let id = format!("{}_id", parts.mode());
    let rows =
        found.scores.iter().zip(&found.weights).enumerate().map(|(part, (score, weight))| {
            vec![parts.id(part).to_string(), number(*score), number(Some(*weight))]
        });
    write_tsv(path, &[&id, "score", "weight"], rows)
}

/// Writes what a vote learned from the validation set.
pub(crate) fn write_fitted(path: &Path, fitted: &[f64]) -> Result<()> {
    let rows = fitted.iter().enumerate();
    let rows = rows.map(|(i, value)| vec![i.to_string(), number(Some(*value))]);
    write_tsv(path, &["coefficient", "value"], rows)
}

/// Writes a list of sessions, with further columns where there are any.
pub(crate) fn write_sessions<'a>(
    path: &Path,
    further: &[&str],
    rows: impl Iterator<Item = (&'a Session, Vec<String>)>,
) -> Result<()> {
    let columns = [&["participant_id", "session_id"], further].concat();
    let rows = rows.map(|(visit, cells)| {
        let mut row = vec![visit.participant.clone(), visit.session.clone()];
        row.extend(cells);
        row
    });
    write_tsv(path, &columns, rows)
}

/// Writes which file was read for each session, with its BLAKE3 hash; then other files that were
/// read, with theirs. All paths are absolute.
pub(crate) fn write_inputs(
    path: &Path,
    images: &Images,
    hashes: &[String],
    others: &[(PathBuf, String)],
) -> Result<()> {
    let several = images.several_cohorts();
    let mut columns = vec!["participant_id", "session_id", "file", "blake3"];
    columns.extend(several.then_some("cohort"));
    let place =
        |file: &Path| -> Result<String> { Ok(files::absolute(file)?.display().to_string()) };
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(hashes.len() + others.len());
    for (i, hash) in hashes.iter().enumerate() {
        let (visit, file) = (images.session(i), place(images.file(i))?);
        let row = [visit.participant.clone(), visit.session.clone(), file, hash.clone()];
        rows.push(row.into_iter().chain(several.then(|| visit.cohort.clone())).collect());
    }
    for (file, hash) in others {
        let none = || number(None);
        let row = [none(), none(), place(file)?, hash.clone()];
        rows.push(row.into_iter().chain(several.then(none)).collect());
    }
    write_tsv(path, &columns, rows)
}
