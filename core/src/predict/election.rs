//! The vote of parts as it stood at the end of training.

use std::collections::BTreeMap;
use std::path::Path;

use super::opened::Opened;
use crate::catalog::Catalog;
use crate::data::loader::Sample;
use crate::data::part::Parts;
use crate::data::split::Label;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::import::{Prediction, read_predictions};
use crate::task::Task;
use crate::train::evaluate::{Evaluation, Row};
use crate::train::image_level::Election;
use crate::train::part_weights::PartWeights;

/// Votes need the scores that parts had at the end of training: those of an earlier end do not fit the
/// networks any more.
///
/// # Errors
/// [`Code::BadMaps`] for splits whose parts vote and whose training is not finished.
pub(crate) fn check_finished(opened: &Opened, splits: &[usize]) -> Result<()> {
    let unfinished = |split: &&usize| opened.folder.split(**split).join("tmp").is_dir();
    let list: Vec<String> = splits.iter().filter(unfinished).map(usize::to_string).collect();
    if list.is_empty() || !opened.votes()? {
        return Ok(());
    }
    let (which, verb) = match &list[..] {
        [one] => (format!("split {one}"), "is"),
        several => (format!("the splits {}", several.join(", ")), "are"),
    };
    let message = format!("{which} {verb} not finished, so it is not known yet how parts vote");
    Err(Error::new(Code::BadMaps, message)
        .at(Place::File(opened.root.clone()))
        .help("finish the training first, with host resume, or name finished splits"))
}

/// The vote of a split's best models by a metric, with the weights that it had in training: those in
/// `vote_weights.tsv`, or of an experiment of ClinicaDL by its table of predictions for validation.
///
/// # Errors
/// [`Code::BadMaps`] for files that are missing or not of this experiment; what the vote says.
pub(crate) fn election(
    opened: &Opened,
    (split, metric): (usize, &str),
    parts: &dyn Parts,
    catalog: &Catalog,
) -> Result<Election> {
    let (config, folder) = (&opened.config, opened.folder.best(split, metric));
    let fits = catalog.votes.get(config.train.text("vote")?)?.info.fits;
    let file = folder.join("vote_weights.tsv");
    let weights = match file.is_file() {
        true => read_weights(&file, parts)?,
        false => {
            let mode = parts.mode();
            let name = format!("validation/validation_{mode}_level_prediction.tsv");
            let validation = validation(opened, &folder.join(name), parts)?;
            let (score, threshold) =
                (config.vote_weights()?, config.train.float("selection_threshold")?);
            PartWeights::by(score, threshold, &validation, parts.count(), catalog)?
        }
    };
    let fitted = if fits { column(&folder.join("vote_fitted.tsv"), "value")? } else { Vec::new() };
    Election::known(config, weights, fitted, catalog)
}

/// The numbers in a column of a table.
fn column(file: &Path, name: &str) -> Result<Vec<f64>> {
    let help = "it tells how parts vote; bring it back, or train anew";
    let table = Table::read(file).map_err(|error| error.help(help))?;
    let column = table.column(name)?;
    (0..table.len()).map(|row| table.needed_number(row, column)).collect()
}

fn read_weights(file: &Path, parts: &dyn Parts) -> Result<PartWeights> {
    let ids = column(file, &format!("{}_id", parts.mode()))?;
    let weights = column(file, "weight")?;
    let expected = (0..parts.count()).map(|part| parts.id(part) as f64);
    let sum: f64 = weights.iter().sum();
    let positive = weights.iter().all(|weight| *weight >= 0.0) && (sum - 1.0).abs() < 1e-9;
    if ids != expected.collect::<Vec<_>>() || !positive {
        let message = format!("the weights are not those of {} parts, with sum 1", parts.count());
        return Err(Error::new(Code::BadMaps, message)
            .at(Place::File(file.into()))
            .help("the table was changed, or belongs to another experiment"));
    }
    Ok(PartWeights { scores: vec![None; weights.len()], weights })
}

/// What was predicted for validation. Its images are none of those that are predicted now, and are
/// told apart by numbers of their own.
fn validation(opened: &Opened, file: &Path, parts: &dyn Parts) -> Result<Evaluation> {
    let table = read_predictions(file).map_err(|error| {
        error.help("it tells what each part weighs, since there is no vote_weights.tsv beside it")
    })?;
    let known: BTreeMap<usize, usize> =
        (0..parts.count()).map(|part| (parts.id(part), part)).collect();
    let bad = |message: String| {
        Error::new(Code::BadMaps, message)
            .at(Place::File(file.into()))
            .help("the table was changed, or belongs to another experiment")
    };
    let mut images: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut rows = Vec::with_capacity(table.len());
    for Prediction { participant, session, part, truth, predicted, probabilities, .. } in table {
        let next = images.len();
        let image = *images.entry((participant, session)).or_insert(next);
        let Some(part) = known.get(&part) else {
            return Err(bad(format!("the images have no part {part}")));
        };
        let Some(truth) = truth else {
            return Err(bad("a row does not say what is true".into()));
        };
        let (truth, values) = match opened.config.task {
            Task::Classification => (Label::Class(truth as usize), probabilities),
            _ => (Label::Number(truth), vec![predicted]),
        };
        let classes = opened.classes.len();
        let codes = |truth: Label| matches!(truth, Label::Class(class) if class >= classes);
        if codes(truth) || (opened.config.task == Task::Classification && values.len() != classes) {
            return Err(bad(format!("a row is not one of {classes} classes")));
        }
        rows.push(Row { sample: Sample::new(image, *part), truth, values });
    }
    let outputs = rows.first().map_or(0, |row| row.values.len());
    Ok(Evaluation { task: opened.config.task, rows, outputs, loss: None })
}
