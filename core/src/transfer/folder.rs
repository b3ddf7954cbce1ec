//! The models in an experiment folder, of this program or of ClinicaDL.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Code, Error, Place, Result};
use crate::experiment::{NO_EXPERIMENT, read};
use crate::files;

/// An experiment folder, as far as it tells where its models lie.
pub(crate) struct Folder {
    root: PathBuf,
    /// `split`; `fold` in experiments of ClinicaDL before 1.0.
    word: &'static str,
}

/// The weights of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// Its number, where there is one network per part of the image.
    pub(crate) network: Option<usize>,
    pub(crate) file: PathBuf,
}

/// The remedy where neither weights nor an experiment were named.
pub(super) const NO_WEIGHTS: &str =
    "name an experiment folder, or a file of weights (.safetensors, .pth.tar, .pt)";

/// Names that weights have, the preferred one first.
const SUFFIXES: [&str; 2] = ["model.safetensors", "model.pth.tar"];

impl Folder {
    /// # Errors
    /// [`Code::BadMaps`] for a folder without `maps.json`, or with one that is not of an experiment; what
    /// the disk says.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        Self::open_as(root, NO_EXPERIMENT)
    }

    /// The same, where a file of weights might have been named as well.
    pub(crate) fn of_weights(root: &Path) -> Result<Self> {
        Self::open_as(root, NO_WEIGHTS)
    }

    fn open_as(root: &Path, help: &str) -> Result<Self> {
        let names = files::entries(root).map_err(|error| match error.code() {
            Code::FileNotFound => error.help(help),
            _ => error,
        })?;
        if !names.iter().any(|name| name == "maps.json") {
            let error =
                Error::new(Code::BadMaps, "the folder is no experiment: it has no maps.json");
            return Err(error.at(Place::File(root.into())).help(help));
        }
        let file = root.join("maps.json");
        let maps = read(&file)?;
        if ["network_task", "neurhai"].iter().all(|key| maps.get(key).is_none()) {
            let error = Error::new(
                Code::BadMaps,
                "the file names no task: it is not that of an experiment",
            );
            return Err(error.at(Place::File(file)).help(help));
        }
        // As ClinicaDL does: one folder of the old name decides for all.
        let old = names.iter().any(|name| number(name, "fold-", "").is_some());
        Ok(Self { root: root.into(), word: if old { "fold" } else { "split" } })
    }

    /// The splits that there are, in order.
    pub(crate) fn splits(&self) -> Result<Vec<usize>> {
        let prefix = format!("{}-", self.word);
        let mut splits: Vec<usize> = files::entries(&self.root)?
            .iter()
            .filter_map(|name| number(name, &prefix, ""))
            .collect();
        splits.sort_unstable();
        Ok(splits)
    }

    /// The folder of a split.
    pub(crate) fn split(&self, split: usize) -> PathBuf {
        self.root.join(format!("{}-{split}", self.word))
    }

    /// The folder of the best models by a metric.
    pub(crate) fn best(&self, split: usize, metric: &str) -> PathBuf {
        self.split(split).join(format!("best-{metric}"))
    }

    /// The metrics of a split by which models were kept, in order of their names.
    pub(crate) fn metrics(&self, split: usize) -> Result<Vec<String>> {
        let names = files::entries(&self.split(split))?;
        let metrics = names.iter().filter_map(|name| name.strip_prefix("best-"));
        let named = |metric: &&str| !metric.is_empty() && !metric.contains(char::is_control);
        Ok(metrics.filter(named).map(str::to_owned).collect())
    }

    /// The models that are the best of a split by a metric: one, or one per network, in order.
    pub(crate) fn models(&self, split: usize, metric: &str) -> Result<Vec<Model>> {
        let folder = self.best(split, metric);
        let names = files::entries(&folder)?;
        let mut models: Vec<Model> = Vec::new();
        for suffix in SUFFIXES {
            let of_networks = format!("_{suffix}");
            for name in &names {
                let network = number(name, "network-", &of_networks);
                let new = models.iter().all(|model| model.network != network);
                if new && (network.is_some() || name == suffix) {
                    models.push(Model { network, file: folder.join(name) });
                }
            }
        }
        models.sort_by_key(|model| model.network);
        Ok(models)
    }

    /// The file that says which weights a split began with, and what it says; nothing where they
    /// were drawn.
    pub(crate) fn transfer(&self, split: usize) -> Result<Option<(PathBuf, Value)>> {
        let file = self.split(split).join("transfer.json");
        if !file.is_file() {
            return Ok(None);
        }
        let bytes = std::fs::read(&file).map_err(|error| Error::io(&file, "read it", &error))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            let error = Error::new(Code::BadMaps, "the file is damaged").because(error);
            error.at(Place::File(file.clone()))
        })?;
        Ok(Some((file, value)))
    }

    /// The hash of the weights that a split began with.
    pub(crate) fn begun_with(&self, split: usize) -> Result<Option<String>> {
        let found = self.transfer(split)?;
        Ok(found.and_then(|(_, value)| Some(value.get("blake3")?.as_str()?.to_owned())))
    }

    /// The list of sessions of a group, for the split where it has one for each.
    pub(crate) fn members(&self, group: &str, split: usize) -> PathBuf {
        let all = self.root.join("groups").join(group).join("data.tsv");
        if all.is_file() { all } else { self.group(group, split) }
    }

    /// The list of sessions of a group in a split.
    pub(crate) fn group(&self, group: &str, split: usize) -> PathBuf {
        self.root.join("groups").join(group).join(format!("{}-{split}", self.word)).join("data.tsv")
    }
}

/// The number between `before` and `after`, if it is written as numbers are: `split-00` is no split.
fn number(name: &str, before: &str, after: &str) -> Option<usize> {
    let digits = name.strip_prefix(before)?.strip_suffix(after)?;
    digits.parse().ok().filter(|number: &usize| number.to_string() == digits)
}
