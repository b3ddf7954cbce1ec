//! What an experiment was given: options, versions, hashes.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Source;
use crate::data;
use crate::error::Result;
use crate::options::{Default, OptionSpec, plain};
use crate::train;

/// An option as it was resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// Its name: `data.mode`.
    pub name: String,
    /// Its value, as JSON; texts without quotation marks.
    pub value: String,
    /// What it would be if it had not been given.
    pub default: String,
    /// Whether the value is another one.
    pub differs: bool,
    /// What it does.
    pub help: String,
}

/// All options of training and of the data, those that must be given among them.
pub(super) fn options(configuration: &Map<String, Value>) -> Vec<Given> {
    let empty = Map::new();
    let data = configuration.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let train = train::options();
    let train = train.iter().filter(|spec| spec.name != "data");
    let known: Vec<(String, &Map<String, Value>, OptionSpec)> = train
        .map(|spec| (spec.name.clone(), configuration, spec.clone()))
        .chain(data::options::specs().into_iter().map(|spec| {
            let name = format!("data.{}", spec.name);
            (name, data, spec)
        }))
        .collect();
    known.into_iter().filter_map(|(name, values, spec)| one(name, values, &spec)).collect()
}

fn one(name: String, values: &Map<String, Value>, spec: &OptionSpec) -> Option<Given> {
    let value = values.get(&spec.name);
    let (value, default, differs) = match (&spec.default, value) {
        // An experiment of an older version may not know it.
        (Default::Required | Default::Value(_), None) => return None,
        (Default::Required, Some(value)) => (plain(value), "must be given".to_owned(), true),
        (Default::Value(usual), Some(value)) => {
            let differs = spec.kind.accept(usual).as_ref() != Some(value) && usual != value;
            (plain(value), plain(usual), differs)
        }
        (Default::Absent(usual), None) => (format!("({usual})"), usual.clone(), false),
        (Default::Absent(usual), Some(value)) => (plain(value), usual.clone(), true),
    };
    Some(Given { name, value, default, differs, help: spec.help.clone() })
}

/// A pair of words, such as a name and its version.
pub type Pair = (String, String);

/// Versions and the machine, as environment.txt has them; then the plugins and scripts that were used,
/// with their hashes.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn environment(source: &Source<'_>) -> Result<(Vec<Pair>, Vec<Pair>)> {
    let text = source.file("environment.txt")?.unwrap_or_default();
    let pair = |line: &str| {
        // ClinicaDL writes what pip freeze says.
        let (name, value) = line.split_once("==")?;
        Some((name.to_owned(), value.to_owned()))
    };
    let versions = text.lines().filter_map(pair).collect();
    let entries = source.maps.pointer("/neurhai/entries").and_then(Value::as_array);
    let mut used: Vec<Pair> = Vec::new();
    for entry in entries.into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("from") == "plugin" || text("from") == "script" {
            let name = format!("{} {}", text("kind"), text("name"));
            let version = match text("version") {
                "" => String::new(),
                version => format!(" {version}"),
            };
            let from =
                format!("{} {}{version}, BLAKE3 {}", text("from"), text("file"), text("blake3"));
            used.push((name, from));
        }
    }
    Ok((versions, used))
}
