//! Options that replace those of a script: from configuration files and from the command line.
//!
//! A path names one: `epochs` as in the map that `train` takes, `data.normalize`, `options.width`,
//! `optimizer_options.momentum`. With `train.` before it the same is meant; with `train.1.` it holds
//! for the second training of a script alone, counted from 0.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::options::{self, Default, Kind, OptionSpec};
use crate::train;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The command line: `--set epochs=3`.
    Argument(String),
    /// A file, and the line where that is known.
    File(PathBuf, Option<usize>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(text) => f.write_str(text),
            Self::File(file, Some(line)) => write!(f, "{}:{line}", file.display()),
            Self::File(file, None) => write!(f, "{}", file.display()),
        }
    }
}

/// Options that name something, each with the options of what it names.
const NAMES: [(&str, &str); 6] = [
    ("architecture", "options"),
    ("loss", "loss_options"),
    ("optimizer", "optimizer_options"),
    ("schedule", "schedule_options"),
    ("sampler", "sampler_options"),
    ("vote", "vote_options"),
];

/// Whether an option holds further ones, each of which can be set by itself.
pub(crate) fn holds_options(name: &str) -> bool {
    name == "data" || NAMES.iter().any(|(_, options)| *options == name)
}

/// One option with its value.
#[derive(Debug, Clone)]
struct Override {
    /// The training it holds for; none for all.
    call: Option<usize>,
    /// `["epochs"]`, `["data", "normalize"]`.
    path: Vec<String>,
    value: Value,
    source: Source,
    layer: usize,
}

impl Override {
    /// The options of what it names, where it names something.
    fn options_of(&self) -> Option<&'static str> {
        let [name] = &self.path[..] else { return None };
        NAMES.iter().find(|(option, _)| option == name).map(|(_, options)| *options)
    }
}

/// Options in layers: a later layer wins.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    all: Vec<Override>,
    layers: usize,
}

/// An option that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// Its path.
    pub option: String,
    /// Its value now; none where it was left out, because what it belonged to was replaced.
    pub value: Option<Value>,
    /// What the script gives; none where it gives nothing.
    pub script: Option<Value>,
    /// Where the value comes from: `--set epochs=3`, `study.toml:4`.
    pub from: String,
}

impl Overrides {
    /// Begins a layer, which wins over those before.
    pub fn layer(&mut self) {
        self.layers += 1;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a value is set for the option of this path, for all trainings or for one.
    pub fn sets(&self, option: &str) -> bool {
        self.all.iter().any(|one| one.path.join(".") == option)
    }

    /// Sets what `path` names. A table in place of one value sets what it holds: under no path at all,
    /// `train`, `data`, `options`, and the like.
    ///
    /// # Errors
    /// Every option that does not exist or is given twice, and every value that does not fit, with the
    /// source that `source` gives for its path.
    pub fn set(
        &mut self,
        path: &[String],
        value: Value,
        source: &dyn Fn(&[String]) -> Source,
    ) -> Result<()> {
        let mut problems = Problems::default();
        let before = self.all.len();
        self.take(path, value, source, &mut problems);
        let new = &self.all[before..];
        for (i, one) in new.iter().enumerate() {
            if new[..i].iter().any(|other| (other.call, &other.path) == (one.call, &one.path)) {
                let message = format!("{} is given twice", one.path.join("."));
                let error = Error::new(Code::BadOption, message);
                let place = Place::Given(one.source.to_string());
                problems.push(error.at(place).help("leave one of the two out"));
            }
        }
        problems.into_result()
    }

    fn take(
        &mut self,
        path: &[String],
        value: Value,
        source: &dyn Fn(&[String]) -> Source,
        problems: &mut Problems,
    ) {
        let (call, inner) = match path {
            [train, inner @ ..] if train == "train" => match inner {
                [first, rest @ ..] => match first.parse::<usize>() {
                    Ok(call) => (Some(call), rest),
                    Err(_) => (None, inner),
                },
                [] => (None, inner),
            },
            _ => (None, path),
        };
        let given_by =
            |error: Error| error.placed(|_| Some(Place::Given(source(path).to_string())));
        let table = inner.is_empty() || matches!(inner, [name] if holds_options(name));
        match (table, value) {
            (true, Value::Object(map)) => {
                for (key, value) in map {
                    self.take(&[path, &[key]].concat(), value, source, problems);
                }
            }
            (true, other) => {
                let name = path.join(".");
                let message = format!("{name:?} holds options, and cannot be {other}");
                let help = format!("set one of its options: {name}.NAME");
                problems.push(given_by(Error::new(Code::BadOption, message).help(help)));
            }
            (false, value) => match judge(inner, value) {
                Ok(value) => self.all.push(Override {
                    call,
                    path: inner.to_vec(),
                    value,
                    source: source(path),
                    layer: self.layers,
                }),
                Err(error) => problems.push(given_by(error)),
            },
        }
    }

    /// Replaces what the options of a training hold, the `call`th of its script or one that counts for
    /// none. Where something else is named than before, such as another architecture, the options that
    /// lower layers gave for the former are left out.
    pub fn apply(&self, call: Option<usize>, options: &mut Map<String, Value>) -> Vec<Replaced> {
        let script = options.clone();
        let mut replaced: Vec<Replaced> = Vec::new();
        let mut note = |path: &[String], value: Option<Value>, source: &Source| {
            let option = path.join(".");
            replaced.retain(|other| other.option != option);
            let script = find(&script, path).cloned();
            if value.is_some() || script.is_some() {
                replaced.push(Replaced { option, value, script, from: source.to_string() });
            }
        };
        let mut all: Vec<&Override> =
            self.all.iter().filter(|one| one.call.is_none() || one.call == call).collect();
        all.sort_by_key(|one| (one.layer, one.options_of().is_none()));
        for one in all {
            if let Some(further) = one.options_of()
                && named(options, &one.path[0]) != Some(one.value.clone())
                && let Some(Value::Object(dropped)) = options.remove(further)
            {
                for key in dropped.keys() {
                    note(&[further.to_owned(), key.clone()], None, &one.source);
                }
            }
            match &one.path[..] {
                [name] => drop(options.insert(name.clone(), one.value.clone())),
                [outer, name] => {
                    let inner = options.entry(outer.clone()).or_insert_with(|| Map::new().into());
                    if !inner.is_object() {
                        *inner = Map::new().into();
                    }
                    inner[name.as_str()] = one.value.clone();
                }
                _ => continue,
            }
            note(&one.path, Some(one.value.clone()), &one.source);
        }
        replaced
    }

    /// Refuses what was set for trainings that a script does not have; `others` says whether it had
    /// other calls that take the options of a training.
    ///
    /// # Errors
    /// [`Code::UnknownOption`] for each.
    pub fn check_calls(&self, trainings: usize, others: bool) -> Result<()> {
        let mut problems = Problems::default();
        for one in &self.all {
            let message = match one.call {
                _ if trainings == 0 && !others => {
                    "it sets nothing: the script trains nothing".to_owned()
                }
                Some(call) if call >= trainings => format!(
                    "it sets nothing: the script has no training {call}: it has {trainings}, \
                     counted from 0"
                ),
                _ => continue,
            };
            let place = Place::Given(one.source.to_string());
            problems.push(Error::new(Code::UnknownOption, message).at(place));
        }
        problems.into_result()
    }
}

/// The value, in the form that the option at the path has, as far as that can be told without knowing
/// what else is given.
fn judge(path: &[String], value: Value) -> Result<Value> {
    let train = train::options();
    let known = |specs: &[OptionSpec], name: &str, owner: &str| -> Result<Kind> {
        let spec = specs.iter().find(|spec| spec.name == name);
        let spec = spec.ok_or_else(|| options::unknown(specs, name, owner))?;
        match spec.kind.accept(&value) {
            None if value.is_null() && matches!(spec.default, Default::Absent(_)) => {}
            None => return Err(options::misfit(spec, &value, owner)),
            Some(_) => {}
        }
        Ok(spec.kind.clone())
    };
    match path {
        [name] => known(&train, name, "train").map(drop)?,
        [data, name] if data == "data" => {
            known(&data::options::specs(), name, "data").map(drop)?;
        }
        [outer, _] if holds_options(outer) => {}
        [first, ..] => {
            let Some(spec) = train.iter().find(|spec| spec.name == *first) else {
                return Err(options::unknown(&train, first, "train"));
            };
            let whole = path[..path.len() - 1].join(".");
            let (message, help) = match spec.kind {
                Kind::Map => (
                    format!("{whole:?} is one value, and is replaced as a whole"),
                    format!("write all of it: {whole}={{ {} = … }}", path[path.len() - 1]),
                ),
                _ => (
                    format!("option {whole:?} holds no further options"),
                    format!("it is {}", spec.kind.describe()),
                ),
            };
            return Err(Error::new(Code::BadOption, message).help(help));
        }
        [] => {}
    }
    Ok(value)
}

fn find<'a>(options: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    match path {
        [name] => options.get(name),
        [outer, name] => options.get(outer)?.get(name),
        _ => None,
    }
}

/// What an option names: what is given, or its default.
fn named(options: &Map<String, Value>, name: &str) -> Option<Value> {
    options.get(name).cloned().or_else(|| {
        let spec = train::options().into_iter().find(|spec| spec.name == name)?;
        match spec.default {
            Default::Value(value) => Some(value),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests;
