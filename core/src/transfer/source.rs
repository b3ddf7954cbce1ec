//! Where weights come from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::Tensor;

use super::folder::{Folder, Model, NO_WEIGHTS};
use crate::data::participants::{Key, SINGLE, Session, read_members};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::files;
use crate::network::parse_tensors;
use crate::pickle::{parse_checkpoint, unreadable};

/// Which model of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The split; may be left out where there is one only.
    pub split: Option<usize>,
    /// The metric that the model is the best by.
    pub metric: String,
    /// The network, where the experiment has one per part of the image. Experiments with a single
    /// network give that one.
    pub network: Option<usize>,
}

impl Default for Choice {
    /// The best by the loss.
    fn default() -> Self {
        Self { split: None, metric: "loss".into(), network: None }
    }
}

/// Weights of a network, and where they come from.
#[derive(Debug)]
pub struct Source {
    /// The tensors under their names.
    pub tensors: Vec<(String, Tensor)>,
    /// What was opened: an experiment folder or a file.
    pub path: PathBuf,
    /// The file with the weights.
    pub file: PathBuf,
    /// The BLAKE3 hash of that file, in hexadecimal.
    pub blake3: String,
    /// The split, of an experiment.
    pub split: Option<usize>,
    /// The metric that the model is the best by, of an experiment.
    pub metric: Option<String>,
    /// The network's number, of an experiment with one per part of the image.
    pub network: Option<usize>,
    /// The epoch the weights are from, counted from 0, where the file says it.
    pub epoch: Option<i64>,
    /// The architecture, where it is known.
    pub architecture: Option<String>,
    /// Whom the weights have seen: the sessions of the split's train and validation groups, each
    /// once, in order. Empty for a file alone.
    pub sessions: Vec<Session>,
    /// Those among them that the weights were learned from: the split's train group, and whom the
    /// weights that it began with had been learned from. Empty for a file alone.
    pub learned: Vec<Session>,
}

impl Source {
    /// Reads weights out of an experiment folder, of this program or of ClinicaDL, or out of a file:
    /// `.safetensors`, or what `torch.save` wrote. Of a file alone, `choice` is not looked at.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for a split, metric or network that is not there, listing those that are;
    /// [`Code::BadWeights`] for weights that cannot be read; what the disk says.
    pub fn open(path: &Path, choice: &Choice) -> Result<Self> {
        if !path.is_dir() {
            return read(path, path).map_err(|error| match error.code() {
                Code::FileNotFound => error.help(NO_WEIGHTS),
                _ => error,
            });
        }
        let folder = Folder::of_weights(path)?;
        let split = choose_split(&folder, path, choice.split)?;
        let model = choose_model(&folder, path, split, choice)?;
        let mut source = read(path, &model.file)?;
        source.architecture = architecture(path).or(source.architecture);
        let before = learned_before(&folder, split)?;
        source.sessions = sessions(&folder, split, &before)?;
        source.learned = read_members(&Table::read(&folder.group("train", split))?)?;
        let known: BTreeSet<Key> = source.learned.iter().map(Session::key).collect();
        let new = before.into_iter().filter(|visit| !known.contains(&visit.key()));
        source.learned.extend(new.collect::<Vec<_>>());
        source.split = Some(split);
        source.metric = Some(choice.metric.clone());
        source.network = model.network;
        Ok(source)
    }

    /// As [`Source::open`], of a file.
    pub(crate) fn file(file: &Path) -> Result<Self> {
        read(file, file)
    }

    /// The participants among [`Source::sessions`], each once, in order.
    pub fn participants(&self) -> BTreeSet<&str> {
        self.sessions.iter().map(|session| session.participant.as_str()).collect()
    }
}

/// Reads the weights in `file`, found by way of `path`.
fn read(path: &Path, file: &Path) -> Result<Source> {
    let bytes = files::read(file, "read the weights")?;
    let safe = file.extension().is_some_and(|extension| extension == "safetensors");
    let (tensors, epoch, architecture) = match safe {
        true => (parse_tensors(file, &bytes)?, None, None),
        false => {
            let found = parse_checkpoint(&bytes).map_err(|message| unreadable(file, message))?;
            (found.tensors, found.epoch, found.name)
        }
    };
    // Names are shown as they are, on terminals, too.
    let odd = |name: &str| name.is_empty() || name.contains(char::is_control);
    let wrong = match tensors.iter().find(|(name, _)| odd(name)) {
        Some((name, _)) => Some(format!("no tensor of a network is called {name:?}")),
        None => tensors.is_empty().then(|| "it holds no tensors".into()),
    };
    if let Some(message) = wrong {
        return Err(Error::new(Code::BadWeights, message)
            .at(Place::File(file.into()))
            .help("name the file with the weights of a network"));
    }
    Ok(Source {
        tensors,
        path: path.into(),
        file: file.into(),
        blake3: blake3::hash(&bytes).to_hex().to_string(),
        split: None,
        metric: None,
        network: None,
        epoch,
        architecture,
        sessions: Vec::new(),
        learned: Vec::new(),
    })
}

fn missing(path: &Path, message: String) -> Error {
    Error::new(Code::BadMaps, message).at(Place::File(path.into()))
}

fn choose_split(folder: &Folder, path: &Path, wanted: Option<usize>) -> Result<usize> {
    let splits = folder.splits()?;
    let list = || splits.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    match (wanted, &splits[..]) {
        (_, []) => Err(missing(path, "the experiment has no trained splits".into())),
        (Some(wanted), _) if splits.contains(&wanted) => Ok(wanted),
        (Some(wanted), _) => {
            let message =
                format!("the experiment has no split {wanted}; its splits are {}", list());
            Err(missing(path, message))
        }
        (None, [only]) => Ok(*only),
        (None, _) => {
            let message = format!("the experiment has the splits {}", list());
            Err(missing(path, message).help("say which one"))
        }
    }
}

fn choose_model(folder: &Folder, path: &Path, split: usize, choice: &Choice) -> Result<Model> {
    let metrics = folder.metrics(split)?;
    let metric = &choice.metric;
    if !metrics.contains(metric) {
        let near = did_you_mean(metric, metrics.iter().map(String::as_str));
        let list = if metrics.is_empty() { "none".to_owned() } else { metrics.join(", ") };
        let message = format!(
            "split {split} of the experiment has no model that is the best by {metric:?}{near}"
        );
        return Err(missing(path, message).help(format!("the metrics that it has are: {list}")));
    }
    let models = folder.models(split, metric)?;
    let numbers: Vec<String> =
        models.iter().filter_map(|model| Some(model.network?.to_string())).collect();
    let here = || folder.best(split, metric);
    match (&models[..], choice.network) {
        ([], _) => {
            let error = missing(&here(), "the folder holds no weights".into());
            Err(error.help("training of this split may not have finished an epoch"))
        }
        ([one @ Model { network: None, .. }, ..], _) => Ok(one.clone()),
        (_, Some(wanted)) => {
            let found = models.iter().find(|model| model.network == Some(wanted));
            found.cloned().ok_or_else(|| {
                let list = numbers.join(", ");
                let message = format!("there is no network {wanted}; the networks are {list}");
                missing(&here(), message)
            })
        }
        (_, None) => {
            let message = format!(
                "the experiment has one network per part of the image: {}",
                numbers.join(", ")
            );
            Err(missing(&here(), message).help("say which one a single network begins with"))
        }
    }
}

/// The architecture of an experiment, as far as it says it.
fn architecture(root: &Path) -> Option<String> {
    let read = |file: &str, key: &str| -> Option<String> {
        let text = std::fs::read_to_string(root.join(file)).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        Some(value.get(key)?.as_str()?.to_owned())
    };
    read("network.json", "architecture")
        .or_else(|| read("maps.json", "architecture"))
        // So it was called before 1.0.
        .or_else(|| read("maps.json", "model"))
}

/// The sessions that the weights which a split began with were learned from.
pub(crate) fn learned_before(folder: &Folder, split: usize) -> Result<Vec<Session>> {
    let Some((file, value)) = folder.transfer(split)? else { return Ok(Vec::new()) };
    let damaged = |error| missing(&file, "the file is damaged".into()).because(error);
    let learned = value.get("learned").cloned().unwrap_or_default();
    let learned: Vec<Vec<String>> = serde_json::from_value(learned).map_err(damaged)?;
    let visit = |ids: Vec<String>| {
        let (participant, session, cohort) = match &ids[..] {
            [participant, session] => (participant, session, SINGLE),
            [participant, session, cohort] => (participant, session, cohort.as_str()),
            _ => return Err(missing(&file, "the file is damaged".into())),
        };
        let [cohort, participant, session] = [cohort, participant, session].map(str::to_owned);
        Ok(Session { cohort, participant, session, row: 0 })
    };
    learned.into_iter().map(visit).collect()
}

/// The sessions of a split's train and validation groups, and those learned from `before`.
fn sessions(folder: &Folder, split: usize, before: &[Session]) -> Result<Vec<Session>> {
    let mut all = BTreeSet::new();
    for group in ["train", "validation"] {
        let table = Table::read(&folder.group(group, split)).map_err(|error| {
            error.help(
                "it tells whom the weights have seen; where that is known not to matter, name the \
                 file of the weights in place of the folder",
            )
        })?;
        let sessions = read_members(&table)?;
        all.extend(sessions.into_iter().map(|session| Session { row: 0, ..session }));
    }
    all.extend(before.iter().map(|session| Session { row: 0, ..session.clone() }));
    Ok(all.into_iter().collect())
}
