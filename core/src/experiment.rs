//! An experiment folder that is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::Device;

use crate::catalog::Catalog;
use crate::error::{Code, Error, Place, Result};
use crate::files;
use crate::network::{Network, NetworkSpec, Plan};
use crate::shape::Shape;
use crate::used::{self, Used};

/// What an experiment folder says about itself.
#[derive(Debug, Clone)]
pub struct Experiment {
    root: PathBuf,
    /// The network.
    pub network: NetworkSpec,
    /// What a network sees at once, without the batch axis.
    pub input: Shape,
    /// The entries of the catalog that were used.
    pub entries: Vec<Used>,
    /// The options of `train` as they were resolved, its data among them.
    pub configuration: Map<String, Value>,
    /// What the script was called with: the value of each name.
    pub arguments: BTreeMap<String, String>,
}

/// The remedy where another folder was meant.
pub(crate) const NO_EXPERIMENT: &str =
    "it is no experiment folder: name the one that training wrote, which holds maps.json";

/// The newest layout of the folder that this program reads.
const SCHEMA: u64 = 1;

impl Experiment {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for what is missing, damaged, or written by a newer program.
    pub fn open(root: &Path) -> Result<Self> {
        let network = read(&root.join("network.json"))?;
        let maps = read(&root.join("maps.json"))?;
        let bad = |file: &str, message: &str| {
            Error::new(Code::BadMaps, message).at(Place::File(root.join(file)))
        };
        let schema = network.get("schema").and_then(Value::as_u64);
        match schema {
            None => {
                return Err(bad("network.json", "the file does not say how it is laid out")
                    .help("it is damaged, or the folder was written by another program"));
            }
            Some(SCHEMA) => {}
            Some(_) => {
                return Err(bad("network.json", "the folder was written by a newer program")
                    .help("read it with the version that environment.txt names, or a newer one"));
            }
        }
        let part = |name: &str, from: &Value| from.get(name).cloned().unwrap_or_default();
        let spec = serde_json::json!({
            "architecture": part("architecture", &network),
            "parts": part("parts", &network),
        });
        let entries = maps.pointer("/neurhai/entries").cloned();
        Ok(Self {
            root: root.into(),
            network: decode(spec, &root.join("network.json"))?,
            input: decode(part("input", &network), &root.join("network.json"))?,
            entries: match entries {
                None => Vec::new(),
                Some(list) => decode(list, &root.join("maps.json"))?,
            },
            configuration: match maps.pointer("/neurhai/configuration") {
                Some(Value::Object(configuration)) => configuration.clone(),
                _ => Map::new(),
            },
            arguments: match maps.pointer("/neurhai/arguments").cloned() {
                None => BTreeMap::new(),
                Some(arguments) => decode(arguments, &root.join("maps.json"))?,
            },
        })
    }

    /// Compares what the experiment used with what `catalog` has; gives warnings where versions or
    /// texts differ.
    ///
    /// # Errors
    /// [`Code::MissingExtension`] for everything that is not there, with where it came from.
    pub fn check(&self, catalog: &Catalog) -> Result<Vec<String>> {
        used::compare(catalog, &self.entries, &self.root)
    }

    /// As [`Experiment::check`], for the layers alone: the network itself needs nothing else.
    fn check_layers(&self, catalog: &Catalog) -> Result<Vec<String>> {
        let layers = self.entries.iter().filter(|entry| entry.kind == "layer");
        let layers: Vec<Used> = layers.cloned().collect();
        used::compare(catalog, &layers, &self.root)
    }

    /// The network's plan, and warnings where the versions or texts of its layers differ.
    ///
    /// # Errors
    /// [`Code::MissingExtension`] for layers that are not there; what the shape check says.
    pub fn plan(&self, catalog: &Catalog) -> Result<(Plan, Vec<String>)> {
        let warnings = self.check_layers(catalog)?;
        Ok((Plan::new(self.network.clone(), &self.input, catalog)?, warnings))
    }

    /// The best network of a split by a selection metric, with its weights, and the warnings of
    /// [`Experiment::plan`].
    ///
    /// # Errors
    /// As [`Experiment::plan`]; weights that are missing or do not fit.
    pub fn model(
        &self,
        catalog: &Catalog,
        split: usize,
        metric: &str,
        device: Device,
    ) -> Result<(Network, Vec<String>)> {
        let (plan, warnings) = self.plan(catalog)?;
        let folder = self.root.join(format!("split-{split}/best-{metric}"));
        Ok((Network::read(plan, &folder.join("model.safetensors"), device)?, warnings))
    }
}

/// The names of the classes in the order of their codes, by `label_code` of maps.json; none where that
/// is absent or null. One that several labels share, as ClinicaDL lets them, has all their names: `AD+MCI`.
///
/// # Errors
/// [`Code::BadMaps`] for codes that are not 0, 1, … without a gap: what a network says of one class would
/// be told of another.
pub(crate) fn classes(label_code: Option<&Value>) -> Result<Vec<String>> {
    let Some(codes) = label_code.and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    let wrong = |name: &str| {
        let message = format!("label_code gives {name:?} the code {}, out of order", codes[name]);
        Error::new(Code::BadMaps, message)
            .help("its codes number the network's outputs: 0, 1, … without a gap")
    };
    let mut by_code: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (name, code) in codes {
        by_code.entry(code.as_u64().ok_or_else(|| wrong(name))?).or_default().push(name);
    }
    let mut classes = Vec::new();
    for (code, mut names) in by_code {
        names.sort_unstable();
        if code != classes.len() as u64 {
            return Err(wrong(names[0]));
        }
        classes.push(names.join("+"));
    }
    Ok(classes)
}

/// A JSON file of an experiment folder.
pub(crate) fn read(file: &Path) -> Result<Value> {
    let text =
        files::read(file, "read the experiment folder").map_err(|error| unreadable(file, error))?;
    serde_json::from_slice(&text).map_err(|error| damaged(file, error))
}

fn unreadable(file: &Path, failed: Error) -> Error {
    let folder = file.parent().unwrap_or(Path::new(""));
    if failed.code() != Code::FileNotFound {
        return failed;
    }
    // The lock is taken first, and maps.json is written last.
    let there = |name: &str| folder.join(name).is_file();
    failed.help(match (there("maps.json"), there(".lock")) {
        (true, _) => "it is an experiment of another program; host import reads those of ClinicaDL",
        (false, true) => {
            "the run was stopped before training began: remove the folder and run its script again"
        }
        (false, false) => NO_EXPERIMENT,
    })
}

fn decode<T: DeserializeOwned>(value: Value, file: &Path) -> Result<T> {
    serde_json::from_value(value).map_err(|error| damaged(file, error))
}

fn damaged(file: &Path, error: serde_json::Error) -> Error {
    Error::new(Code::BadMaps, "the file is damaged").at(Place::File(file.into())).because(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_are_named_in_the_order_of_their_codes() {
        assert!(classes(None).unwrap().is_empty());
        let found = |codes: Value| classes(Some(&codes));
        assert_eq!(found(json!({ "CN": 1, "AD": 0 })).unwrap(), ["AD", "CN"]);
        let shared = found(json!({ "MCI": 0, "AD": 0, "CN": 1 }));
        assert_eq!(shared.unwrap(), ["AD+MCI", "CN"]);
        for none in [json!(null), json!({})] {
            assert!(found(none).unwrap().is_empty());
        }
        for (codes, words) in [
            (json!({ "AD": 0, "CN": 2 }), "\"CN\" the code 2"),
            (json!({ "AD": -1, "CN": 0 }), "\"AD\" the code -1"),
            (json!({ "AD": "0", "CN": 1 }), "\"AD\" the code \"0\""),
            (json!({ "AD": 0.5, "CN": 1 }), "\"AD\" the code 0.5"),
        ] {
            let error = found(codes).unwrap_err();
            assert_eq!(error.code(), Code::BadMaps);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
