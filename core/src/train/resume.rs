//! Going on with an experiment that was interrupted, or with more epochs than it had.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::config::Config;
use super::outcome::Outcome;
use super::prepare::{Prepared, prepare_network};
use super::run_split;
use super::session::{Event, Session};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::experiment::{Experiment, read};
use crate::files;
use crate::maps::Maps;
use crate::transfer::folder::list;

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
    Ok(splits.map(|split| (split as usize, of_split(maps, split as usize))).collect())
}

fn of_split(maps: &Path, split: usize) -> Standing {
    let folder = maps.join(format!("split-{split}"));
    // Of several networks the first one found tells.
    let there = |folder: &Path, name: &str| -> Option<PathBuf> {
        let names = list(folder).ok()?;
        names.into_iter().find(|file| file.ends_with(name)).map(|file| folder.join(file))
    };
    let last = || there(&folder, "last.safetensors");
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
    let standing = standing(maps)?;
    let mut options = experiment.configuration.clone();
    options.insert("output".into(), maps.display().to_string().into());
    if let Some(epochs) = epochs {
        options.insert("epochs".into(), json!(epochs));
    }
    let here = |error: Error| error.at(Place::File(maps.join("maps.json")));
    let config = Config::read(&options).map_err(here)?;
    let prepared = prepare_network(config, experiment.network, session)?;
    let longer = epochs.is_some_and(|n| experiment.configuration.get("epochs") != Some(&json!(n)));
    if longer && prepared.updates.schedule.spreads() {
        let message = "the schedule spreads the learning rate over the epochs that were asked for";
        return Err(here(Error::new(Code::BadOption, message))
            .help("finish it with its own epochs, or train anew with more of them"));
    }
    check_inputs(&prepared, &maps.join("groups/inputs.tsv"))?;
    let folder = Maps::reopen(maps)?;
    if epochs.is_some() {
        write_epochs(maps, prepared.config.epochs)?;
    }
    let mut results = Vec::new();
    for sides in &prepared.splits {
        let found = standing.iter().find(|(split, _)| *split == sides.split.index);
        if let Some((split, Standing::Finished(None))) = found {
            let message = format!("split {split} is finished, and its last state is gone");
            let error = Error::new(Code::BadMaps, message).at(Place::File(folder.split(*split)));
            return Err(error.help("train it anew, into another folder"));
        }
        results.extend(run_split(&prepared, sides, &folder, true, session)?);
    }
    session.tell(Event::Finished { maps: maps.into() });
    let (task, classes) = (prepared.config.task, prepared.classes);
    Ok(Outcome { maps: maps.into(), task, classes, results })
}

/// The images must be those that training began with.
fn check_inputs(prepared: &Prepared, file: &Path) -> Result<()> {
    let table = Table::read(file)?;
    let (participant, session) = (table.column("participant_id")?, table.column("session_id")?);
    let hash = table.column("blake3")?;
    let images = &prepared.source.images;
    let hashes = images.hashes()?;
    let mut problems = Problems::default();
    for (i, now) in hashes.iter().enumerate() {
        let visit = images.session(i);
        let row = (0..table.len()).find(|row| {
            table.text(*row, participant) == Some(visit.participant.as_str())
                && table.text(*row, session) == Some(visit.session.as_str())
        });
        let then = row.and_then(|row| table.text(row, hash));
        if then != Some(now.as_str()) {
            let message = match then {
                Some(_) => "the image is not the one that training began with",
                None => "training began without this image",
            };
            let place = visit.place(Some(images.file(i).into()));
            problems.push(
                Error::new(Code::BadMaps, message)
                    .at(place)
                    .help("bring the image back, or train anew into another folder"),
            );
        }
    }
    problems.into_result()
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
