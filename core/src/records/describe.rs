//! What an experiment folder holds, of this program or of ClinicaDL, and how far it is.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::meaning::Meanings;
use super::values;
use crate::data::table::Table;
use crate::error::{Error, Place, Result};
use crate::experiment::{classes, read};
use crate::files;
use crate::files::is_locked;
use crate::network::checkpoint_progress;
use crate::predict::stale;
use crate::train::{Best, Standing, standing_of};
use crate::transfer::Source;
use crate::transfer::folder::Folder;

/// An experiment folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Described {
    /// The folder.
    pub maps: PathBuf,
    /// What wrote it: `Neurhai 0.1.0`, or `ClinicaDL`.
    pub program: String,
    /// What is learned: `classification`.
    pub task: Option<String>,
    /// The column that is learned.
    pub label: Option<String>,
    /// The classes.
    pub classes: Vec<String>,
    /// The architecture.
    pub architecture: Option<String>,
    /// What a network sees of an image.
    pub mode: Option<String>,
    /// Whether a process is writing there now.
    pub writing: bool,
    /// The splits that were asked for or are there.
    pub splits: Vec<SplitState>,
    /// Predictions and interpretations by weights that training has replaced since, as folders within
    /// this one.
    pub stale: Vec<PathBuf>,
    /// The folder with everything in it.
    pub tree: Item,
}

/// How far a split is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitState {
    /// Its number.
    pub split: usize,
    /// `absent`, `begun` or `finished`.
    pub state: &'static str,
    /// Epochs that are done, where that is known; of several networks, by the one with the fewest.
    pub epochs: Option<usize>,
    /// Epochs that were asked for.
    pub of: Option<usize>,
    /// Whether early stopping ended it; where there are several networks, all of them.
    pub stopped_early: bool,
    /// Its best models.
    pub best: Vec<BestModel>,
}

/// The best model of a selection metric; where there are several networks, all of theirs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestModel {
    /// The metric.
    pub metric: String,
    /// The epoch it is from, counted from 0, where that is known and the same for all networks.
    pub epoch: Option<usize>,
    /// The metric in validation: of whole images where they have it, otherwise of their parts.
    pub score: Option<f64>,
}

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it is; nothing for what is no part of an experiment.
    pub meaning: Option<&'static str>,
    /// Bytes; of a folder, of everything in it.
    pub bytes: u64,
    /// What is in it, where it is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
}

impl Item {
    /// The paths within this folder that have no meaning; a folder's contents are not told beside it.
    pub fn unknown(&self) -> Vec<String> {
        let mut found = Vec::new();
        for item in self.items.iter().flatten() {
            match item.meaning {
                None => found.push(item.name.clone()),
                Some(_) => {
                    let inner = item.unknown();
                    found.extend(inner.into_iter().map(|name| format!("{}/{name}", item.name)));
                }
            }
        }
        found
    }
}

/// Reads what an experiment folder says about itself and lists everything in it.
///
/// # Errors
/// [`Code::BadMaps`](crate::Code::BadMaps) for a folder without `maps.json`, or with a damaged one; what
/// the disk says.
pub fn describe(maps: &Path) -> Result<Described> {
    let folder = Folder::open(maps)?;
    let parameters = read(&maps.join("maps.json"))?;
    let text = |key: &str| parameters.get(key).and_then(Value::as_str).map(str::to_owned);
    let version = parameters.pointer("/neurhai/version").and_then(Value::as_str);
    let classes = classes(parameters.get("label_code"));
    let classes = classes.map_err(|error| error.at(Place::File(maps.join("maps.json"))))?;
    Ok(Described {
        maps: maps.into(),
        program: version.map_or_else(|| "ClinicaDL".into(), |version| format!("Neurhai {version}")),
        task: text("network_task"),
        label: text("label"),
        classes,
        architecture: text("architecture"),
        mode: text("mode"),
        writing: is_locked(&maps.join(".lock")),
        splits: splits(&folder, &parameters)?,
        stale: stale(maps)?,
        tree: tree(maps, String::new(), &Meanings::new())?,
    })
}

fn tree(folder: &Path, within: String, meanings: &Meanings) -> Result<Item> {
    let mut items = Vec::new();
    for name in files::entries(folder)? {
        let path = folder.join(&name);
        let failed = |error| Error::io(&path, "look at the file", &error);
        let about = std::fs::symlink_metadata(&path).map_err(failed)?;
        let mut item = match about.is_dir() {
            true => tree(&path, format!("{within}{name}/"), meanings)?,
            false => Item { name: String::new(), meaning: None, bytes: about.len(), items: None },
        };
        item.name = name;
        if item.items.is_none() {
            let path = format!("{within}{}", item.name);
            item.meaning = meanings.of(&path).map(|meaning| meaning.text);
        }
        items.push(item);
    }
    Ok(Item {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        meaning: meanings.of(&within).map(|meaning| meaning.text),
        bytes: items.iter().map(|item| item.bytes).sum(),
        items: Some(items),
    })
}

fn splits(folder: &Folder, parameters: &Value) -> Result<Vec<SplitState>> {
    let asked = parameters.get("split").and_then(Value::as_array).into_iter().flatten();
    let mut splits: Vec<usize> =
        asked.filter_map(Value::as_u64).map(|split| split as usize).collect();
    splits.extend(folder.splits()?);
    splits.sort_unstable();
    splits.dedup();
    splits.into_iter().map(|split| state(folder, split, parameters)).collect()
}

/// What checkpoints and last states say.
#[derive(Deserialize)]
struct Progress {
    epoch: usize,
    stopped: bool,
    #[serde(default)]
    best: Vec<Best>,
}

fn state(folder: &Folder, split: usize, parameters: &Value) -> Result<SplitState> {
    let path = folder.split(split);
    let (state, states) = match standing_of(&path) {
        Standing::Absent => ("absent", Vec::new()),
        Standing::Begun(_) => (
            "begun",
            progresses(&path.join("tmp"), &|name| name.ends_with("checkpoint.safetensors"))?,
        ),
        Standing::Finished(_) => {
            ("finished", progresses(&path, &|name| name.ends_with("last.safetensors"))?)
        }
    };
    let epochs = match states.iter().map(|progress| progress.epoch).min() {
        Some(epochs) => Some(epochs),
        None => logged(&path.join("training_logs/training.tsv"))?,
    };
    let metrics = if path.is_dir() { folder.metrics(split)? } else { Vec::new() };
    let best = metrics.into_iter().map(|metric| {
        let epochs = states.iter().map(|progress| {
            let mut all = progress.best.iter();
            Some(all.find(|best| best.metric == metric)?.record?.1)
        });
        let epoch = match all_the_same(epochs) {
            None if states.is_empty() => saved(folder, split, &metric)?,
            epoch => epoch.flatten(),
        };
        let score = score(&folder.best(split, &metric), &metric)?;
        Ok(BestModel { metric, epoch, score })
    });
    Ok(SplitState {
        split,
        state,
        epochs,
        of: parameters.get("epochs").and_then(Value::as_u64).map(|epochs| epochs as usize),
        stopped_early: !states.is_empty() && states.iter().all(|progress| progress.stopped),
        best: best.collect::<Result<_>>()?,
    })
}

fn all_the_same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// Where training stands, by the files in a folder whose names are `wanted`: one for each network.
fn progresses(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Progress>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let names = files::entries(folder)?.into_iter().filter(|name| wanted(name));
    let mut found = Vec::new();
    for name in names {
        let progress = checkpoint_progress(&folder.join(name))?;
        // Another program's checkpoint tells nothing.
        found.extend(serde_json::from_str(&progress).ok());
    }
    Ok(found)
}

/// The epochs, from 0, that the best models of a network of a split are from, by their metrics, as the
/// state of training tells: nothing where there is none.
///
/// # Errors
/// A damaged state; what the disk says.
pub(crate) fn kept_epochs(split: &Path, network: Option<usize>) -> Result<Vec<(String, usize)>> {
    let network = network.map_or_else(String::new, |number| format!("network-{number}_"));
    let (last, checkpoint) = ("last.safetensors", "checkpoint.safetensors");
    // While training goes on, the state of an extension comes before that of its start.
    let running =
        progresses(&split.join("tmp"), &|name| *name == format!("{network}{checkpoint}"))?;
    let ended = progresses(split, &|name| *name == format!("{network}{last}"))?;
    let best = running.into_iter().chain(ended).next().map(|progress| progress.best);
    let best = best.into_iter().flatten();
    Ok(best.filter_map(|best| Some((best.metric, best.record?.1))).collect())
}

/// How many epochs a training log has, in which they are counted from 0.
fn logged(file: &Path) -> Result<Option<usize>> {
    if !file.is_file() {
        return Ok(None);
    }
    let table = Table::read(file)?;
    let Some(column) = table.find_column("epoch") else { return Ok(None) };
    let epochs = (0..table.len()).filter_map(|row| table.text(row, column)?.parse::<usize>().ok());
    Ok(epochs.max().map(|last| last + 1))
}

/// The epoch that a model of ClinicaDL says it is from.
fn saved(folder: &Folder, split: usize, metric: &str) -> Result<Option<usize>> {
    let models = folder.models(split, metric)?;
    let epochs = models.iter().map(|model| match Source::file(&model.file) {
        Ok(source) => source.epoch,
        Err(_) => None,
    });
    let epoch = all_the_same(epochs.collect::<Vec<_>>().into_iter()).flatten();
    Ok(epoch.and_then(|epoch| usize::try_from(epoch).ok()))
}

/// A metric in validation, by the tables of a best model.
fn score(best: &Path, metric: &str) -> Result<Option<f64>> {
    let folder = best.join("validation");
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut tables = files::entries(&folder)?;
    tables.retain(|name| name.ends_with("_level_metrics.tsv"));
    // That of images comes first; of a loss only their parts may have one.
    tables.sort_by_key(|name| !name.contains("_image_level_"));
    for name in tables {
        let values = values(&folder.join(name))?;
        if let Some((_, Some(score))) = values.iter().find(|(name, _)| name == metric) {
            return Ok(Some(*score));
        }
    }
    Ok(None)
}
