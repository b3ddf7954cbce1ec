//! Going on with an experiment that was interrupted, or with more epochs than it had.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::Config;
use super::inputs::check_inputs;
use super::outcome::Outcome;
use super::over_splits::over_splits;
use super::prepare::{Existing, Prepared, prepare_existing};
use super::record::cells;
use super::run_split;
use super::session::{Event, Session};
use super::sides::Sides;
use super::sources;
use crate::data::participants::{Key, read_members};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::experiment::{Experiment, read};
use crate::files;
use crate::maps::{Maps, write_over_splits};
use crate::network::checkpoint_progress;
use crate::predict;
use crate::records::{remove_manifest, write_manifest};
use crate::task::Task;
use crate::transfer::folder::Folder;

/// How far a split is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing of it is there.
    Absent,
    /// It was begun; where there is a checkpoint, this is its file.
    Begun(Option<PathBuf>),
    /// It is finished; where it can be extended, this is its last state.
    Finished(Option<PathBuf>),
}

/// How far the splits of an experiment are, those that were asked for and not begun among them.
///
/// # Errors
/// What is wrong with the folder.
pub fn standing(maps: &Path) -> Result<Vec<(usize, Standing)>> {
    let file = maps.join("maps.json");
    let parameters = read(&file)?;
    let splits = parameters.get("split").and_then(Value::as_array);
    let splits = splits.into_iter().flatten().filter_map(Value::as_u64);
    let of = |split: usize| (split, standing_of(&maps.join(format!("split-{split}"))));
    Ok(splits.map(|split| of(split as usize)).collect())
}

/// Where training stands in a checkpoint or a last state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Epochs that are done.
    pub epoch: usize,
    /// Batches of the next one that are done.
    pub batch: usize,
    /// Whether early stopping ended it.
    pub stopped: bool,
}

/// Reads where training stands in one of the files of [`standing`].
///
/// # Errors
/// [`Code::BadMaps`] for a damaged file; what the disk says.
pub fn reached(file: &Path) -> Result<Reached> {
    let progress = checkpoint_progress(file)?;
    serde_json::from_str(&progress).map_err(|error| {
        let error = Error::new(Code::BadMaps, "the checkpoint is damaged").because(error);
        error.at(Place::File(file.into()))
    })
}

/// How far a split is, by its folder.
pub(crate) fn standing_of(folder: &Path) -> Standing {
    // Of several networks the first one found tells.
    let there = |folder: &Path, name: &str| -> Option<PathBuf> {
        let names = files::entries(folder).ok()?;
        names.into_iter().find(|file| file.ends_with(name)).map(|file| folder.join(file))
    };
    let last = || there(folder, "last.safetensors");
    if folder.join("tmp").is_dir() {
        // An extension that was interrupted before its first checkpoint begins with the last state.
        let checkpoint = there(&folder.join("tmp"), "checkpoint.safetensors");
        return Standing::Begun(checkpoint.or_else(last));
    }
    match folder.is_dir() {
        true => Standing::Finished(last()),
        false => Standing::Absent,
    }
}

/// Trains what is not finished of an experiment, each split from its checkpoint, and evaluates. The
/// result is, byte by byte, what it would have been without the interruption. With `epochs`, that
/// many are trained in all, which extends a finished experiment.
///
/// # Errors
/// Entries of plugins and scripts that are missing; images that are not there any more or changed;
/// everything that training can say.
pub fn resume(maps: &Path, epochs: Option<usize>, session: &Session<'_>) -> Result<Outcome> {
    let experiment = Experiment::open(maps)?;
    for text in experiment.check(session.catalog)? {
        session.tell(Event::Warning { text });
    }
    let folder = Maps::reopen(maps)?;
    let standing = standing(maps)?;
    let mut options = experiment.configuration.clone();
    options.insert("output".into(), maps.display().to_string().into());
    if let Some(epochs) = epochs {
        options.insert("epochs".into(), json!(epochs));
    }
    let here = |error: Error| error.at(Place::File(maps.join("maps.json")));
    let config = Config::read(&options).map_err(here)?;
    let begun = begun(&folder, &config, &standing)?;
    let existing = Existing { network: experiment.network, begun };
    let prepared = prepare_existing(config, existing, session)?;
    let longer = epochs.is_some_and(|n| experiment.configuration.get("epochs") != Some(&json!(n)));
    if longer && prepared.updates.schedule.spreads() {
        let message = "the schedule spreads the learning rate over the epochs that were asked for";
        return Err(here(Error::new(Code::BadOption, message))
            .help("finish it with its own epochs, or train anew with more of them"));
    }
    check_epochs(&standing, epochs)?;
    check_groups(&prepared, maps)?;
    let help = "bring the image back, or train anew into another folder";
    let inputs = maps.join("groups/inputs.tsv");
    check_inputs(&prepared.source.images, &inputs, "training", help)?;
    sources::check(&prepared, &maps.join("groups/sources.tsv"))?;
    remove_manifest(maps)?;
    if epochs.is_some() {
        write_epochs(maps, prepared.config.epochs)?;
    }
    if longer {
        // It would tell of some splits with more epochs and of others with fewer.
        files::remove(&folder.over_splits())?;
    }
    session.tell(Event::Opened { maps: maps.into() });
    let (mut results, mut done) = (Vec::new(), Vec::new());
    for sides in &prepared.splits {
        let found = standing.iter().find(|(split, _)| *split == sides.split.index);
        if let Some((split, Standing::Finished(None))) = found {
            let message = format!("split {split} is finished, and its last state is gone");
            let error = Error::new(Code::BadMaps, message).at(Place::File(folder.split(*split)));
            return Err(error.help("train it anew, into another folder"));
        }
        results.extend(run_split(&prepared, sides, &folder, true, session)?);
        done.push(sides.split.index);
        let finished = standing.iter().filter(|(_, s)| matches!(s, Standing::Finished(_)));
        if finished.map(|(split, _)| split).all(|split| done.contains(split)) {
            write_over_splits(&folder.over_splits(), &over_splits(&results))?;
        }
    }
    write_manifest(maps)?;
    let stale: Vec<String> =
        predict::stale(maps)?.iter().map(|place| place.display().to_string()).collect();
    if !stale.is_empty() {
        let text = format!(
            "training has replaced the weights that made these results: {}; make them again, with \
             overwrite",
            stale.join(", ")
        );
        session.tell(Event::Warning { text });
    }
    session.tell(Event::Finished { maps: maps.into() });
    let (task, classes) = (prepared.config.task, prepared.classes);
    Ok(Outcome { maps: maps.into(), task, classes, results })
}

/// The splits in which every network has a state to go on from.
fn begun(folder: &Maps, config: &Config, splits: &[(usize, Standing)]) -> Result<Vec<usize>> {
    let file = folder.root().join("maps.json");
    let networks = match config.multi_network {
        true => {
            let count = read(&file)?.get("num_networks").and_then(Value::as_u64);
            let missing = || Error::new(Code::BadMaps, "num_networks is missing");
            let count = count.ok_or_else(|| missing().at(Place::File(file)))?;
            (0..count as usize).map(Some).collect()
        }
        false => vec![None],
    };
    let all = |split: &usize| networks.iter().all(|n| folder.goes_on(*split, *n).is_some());
    Ok(splits.iter().map(|(split, _)| *split).filter(all).collect())
}

/// What was trained stays: there is no going back to fewer epochs.
fn check_epochs(splits: &[(usize, Standing)], epochs: Option<usize>) -> Result<()> {
    let Some(epochs) = epochs else { return Ok(()) };
    for (split, standing) in splits {
        let (Standing::Begun(Some(file)) | Standing::Finished(Some(file))) = standing else {
            continue;
        };
        let done = reached(file)?.epoch;
        if done > epochs {
            let message = format!("split {split} was trained for {done} epochs already");
            return Err(Error::new(Code::BadOption, message)
                .at(Place::File(file.clone()))
                .help(format!("ask for {done} epochs or more in all")));
        }
    }
    Ok(())
}

/// Who trains and who validates must be those that training began with, in the same order, and what is
/// learned of them the same.
fn check_groups(prepared: &Prepared, maps: &Path) -> Result<()> {
    let folder = Folder::open(maps)?;
    let mut problems = Problems::default();
    for Sides { split, train, validation, .. } in &prepared.splits {
        for (group, side) in [("train", train), ("validation", validation)] {
            let file = folder.group(group, split.index);
            let now = side.iter().map(|(image, label)| {
                let visit = prepared.source.images.session(*image);
                (visit.key(), cells(prepared, &visit.cohort, *label).get(1).cloned())
            });
            if members(prepared, &file)? != now.collect::<Vec<_>>() {
                let message = format!(
                    "the sessions in {group} of split {}, or what is learned of them, are not what \
                     training began with",
                    split.index
                );
                let error = Error::new(Code::BadMaps, message).at(Place::File(file));
                problems.push(error.help(
                    "bring the tables of the splits back, or train anew into another folder",
                ));
            }
        }
    }
    problems.into_result()
}

/// The sessions of a list in an experiment folder, with what is learned of them.
fn members(prepared: &Prepared, file: &Path) -> Result<Vec<(Key, Option<String>)>> {
    let table = Table::read(file)?;
    let label = match prepared.config.task {
        Task::Reconstruction => None,
        _ => Some(table.column(prepared.config.label()?)?),
    };
    let label = |row| label.and_then(|column| table.text(row, column)).map(str::to_owned);
    let visits = read_members(&table)?.into_iter().enumerate();
    Ok(visits.map(|(row, visit)| (visit.key(), label(row))).collect())
}

/// Notes that more epochs were asked for.
fn write_epochs(maps: &Path, epochs: usize) -> Result<()> {
    let file = maps.join("maps.json");
    let mut parameters = read(&file)?;
    parameters["epochs"] = json!(epochs);
    parameters["neurhai"]["configuration"]["epochs"] = json!(epochs);
    let text = crate::maps::pretty(&parameters);
    files::write_atomic(&file, |out| out.write_all(text.as_bytes()))
}
