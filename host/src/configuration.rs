//! Options from the command line and from configuration files: text into what the core merges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use neurhai_core::overrides::{Overrides, Source};
use neurhai_core::{Code, Error, Place, Result};
use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeTable, DeValue};

use crate::unique;

/// A file of options is text that someone wrote.
const MAX_BYTES: u64 = 4 << 20;
/// How deep tables may nest.
const MAX_DEPTH: usize = 16;
/// The table that says over what a search goes.
const SEARCH: &str = "search";

/// What the command line and the files say together.
#[derive(Debug, Default)]
pub struct Configuration {
    /// Options in place of the script's.
    pub overrides: Overrides,
    /// The tables `search` of the files, one after another, each with where its entries stand.
    pub search: Vec<(Map<String, Value>, Lines)>,
}

/// Where the entries of a file stand.
#[derive(Debug, Clone)]
pub struct Lines {
    file: PathBuf,
    lines: BTreeMap<Vec<String>, usize>,
}

impl Lines {
    /// Where what a path names stands in the file.
    pub fn source(&self, path: &[String]) -> Source {
        Source::File(self.file.clone(), self.lines.get(path).copied())
    }
}

impl Configuration {
    /// Reads the files, of which later ones win, then `--set`, which wins over all of them, and then the
    /// file of a trial, which wins over everything and else counts as `--set` does.
    ///
    /// # Errors
    /// Files that cannot be read, and every option that does not exist or does not fit.
    pub fn read(files: &[PathBuf], set: &[String], trial: Option<&Path>) -> Result<Self> {
        let mut problems = neurhai_core::Problems::default();
        let mut found = Self::default();
        for file in files {
            found.overrides.layer();
            problems.take(found.file(file));
        }
        found.overrides.layer();
        for text in set {
            problems.take(found.argument(text));
        }
        if let Some(file) = trial {
            problems.take(found.file(file));
        }
        problems.into_result()?;
        Ok(found)
    }

    fn file(&mut self, file: &Path) -> Result<()> {
        let text = read(file)?;
        let mut lines = Lines { file: file.into(), lines: BTreeMap::new() };
        let mut options = match file.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => {
                let table = DeTable::parse(&text).map_err(|error| broken_toml(file, &text, &error));
                of_table(table?.get_ref(), &text, &mut Vec::new(), &mut lines)?
            }
            Some("json") => of_json(file, &text)?,
            _ => {
                let message = "a configuration file is .toml or .json by its name";
                return Err(
                    Error::new(Code::BadConfiguration, message).at(Place::File(file.into()))
                );
            }
        };
        match options.remove(SEARCH) {
            Some(Value::Object(search)) => self.search.push((search, lines.clone())),
            Some(other) => {
                let message = format!("{SEARCH} is a table of options, not {other}");
                let place = Place::Given(lines.source(&[SEARCH.into()]).to_string());
                return Err(Error::new(Code::BadConfiguration, message).at(place));
            }
            None => {}
        }
        self.overrides.set(&[], options.into(), &|path| lines.source(path))
    }

    fn argument(&mut self, text: &str) -> Result<()> {
        let source = Source::Argument(format!("--set {text}"));
        let (path, value) =
            assignment(text).map_err(|error| error.at(Place::Given(source.to_string())))?;
        self.overrides.set(&path, value, &|_| source.clone())
    }
}

/// `PATH=VALUE`: a dotted key of TOML, and one of its values, or text without quotes.
///
/// # Errors
/// What is neither.
pub(crate) fn assignment(text: &str) -> Result<(Vec<String>, Value)> {
    let wrong = |message: String| {
        Error::new(Code::BadOption, message).help(
            "write OPTION=VALUE: epochs=3, data.normalize=false, 'selection_metrics=[\"loss\", \"BA\"]'",
        )
    };
    let Some((key, value)) = split(text) else {
        return Err(wrong("it has no value".into()));
    };
    let path = path(key).ok_or_else(|| wrong(format!("{key:?} is no name of an option")))?;
    let value = value.trim();
    if value.is_empty() {
        return Err(wrong("it has no value".into()));
    }
    Ok((path, of_text(value).map_err(wrong)?))
}

/// Cuts at the first `=` outside of quotes.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let equals = text.char_indices().find(|(_, letter)| match (quote, letter) {
        (None, '=') => true,
        (None, '"' | '\'') => {
            quote = Some(*letter);
            false
        }
        (Some(open), letter) => {
            if open == *letter {
                quote = None;
            }
            false
        }
        _ => false,
    });
    equals.map(|(at, _)| (&text[..at], &text[at + 1..]))
}

/// The parts of a dotted key.
pub(crate) fn path(key: &str) -> Option<Vec<String>> {
    let text = format!("{} = 0", key.trim());
    let table = DeTable::parse(&text).ok()?;
    let mut path = Vec::new();
    let mut table = table.get_ref();
    loop {
        let mut entries = table.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else { return None };
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Integer(_) => return Some(path),
            _ => return None,
        }
    }
}

/// A value as TOML writes it, or text that cannot be meant as anything else.
pub(crate) fn of_text(text: &str) -> std::result::Result<Value, String> {
    let line = format!("v = {text}");
    let mut lines = Lines { file: PathBuf::new(), lines: BTreeMap::new() };
    match DeTable::parse(&line) {
        Ok(table) if table.get_ref().len() == 1 => {
            let Some((_, value)) = table.get_ref().iter().next() else { return Err(String::new()) };
            match value.get_ref() {
                // A folder may be called like a date, or like a number but for its end.
                DeValue::Datetime(_) => Ok(text.into()),
                DeValue::Integer(number) if whole(number).is_none() => Ok(text.into()),
                DeValue::Float(number) if number.as_str().parse::<f64>().is_err() => {
                    Ok(text.into())
                }
                value => of_value(value, &line, &mut Vec::new(), &mut lines)
                    .map_err(|error| error.problems()[0].message.clone()),
            }
        }
        Err(error) if text.starts_with(['"', '\'', '[', '{']) => Err(format!(
            "{text:?} is no value of TOML ({}); texts in lists and tables need quotes",
            error.message()
        )),
        _ if text.contains(char::is_control) => Err(format!("{text:?} is more than one line")),
        _ => Ok(text.into()),
    }
}

fn of_table(
    table: &DeTable<'_>,
    text: &str,
    path: &mut Vec<String>,
    lines: &mut Lines,
) -> Result<Map<String, Value>> {
    let mut map = Map::new();
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        lines.lines.insert(path.clone(), line_at(text, key.span().start));
        let value = of_value(value.get_ref(), text, path, lines);
        let place = || Place::Given(lines.source(path).to_string());
        map.insert(key.get_ref().to_string(), value.map_err(|error| error.at(place()))?);
        path.pop();
    }
    Ok(map)
}

fn of_value(
    value: &DeValue<'_>,
    text: &str,
    path: &mut Vec<String>,
    lines: &mut Lines,
) -> Result<Value> {
    let unusable = |what: &str| Error::new(Code::BadOption, format!("{what} cannot be used here"));
    if path.len() > MAX_DEPTH {
        return Err(unusable(&format!("what nests deeper than {MAX_DEPTH} tables")));
    }
    Ok(match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) => {
            whole(number).ok_or_else(|| unusable(&format!("the number {number}")))?.into()
        }
        DeValue::Float(number) => {
            let finite = number.as_str().parse::<f64>().ok().and_then(Number::from_f64);
            finite.ok_or_else(|| unusable(number.as_str()))?.into()
        }
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(list) => {
            path.push("[]".into());
            let items = list.iter().map(|item| of_value(item.get_ref(), text, path, lines));
            let items = items.collect::<Result<Vec<_>>>();
            path.pop();
            items?.into()
        }
        DeValue::Table(table) => of_table(table, text, path, lines)?.into(),
    })
}

fn whole(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn broken_toml(file: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map(|span| line_at(text, span.start));
    let place = Place::Given(Source::File(file.into(), line).to_string());
    Error::new(Code::BadConfiguration, "the file is not TOML").at(place).because(error.message())
}

fn read(file: &Path) -> Result<String> {
    use std::io::Read as _;
    let failed = |error| Error::io(file, "read the configuration", &error);
    let unusable =
        |message: &str| Error::new(Code::BadConfiguration, message).at(Place::File(file.into()));
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).map_err(failed)?;
    open.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unusable("the file is too large to be a configuration"));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|_| unusable("the file holds something else than text"))?;
    // Some editors mark text as UTF-8 by this.
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Options in JSON: a table of them, or `maps.json` of an experiment, whose own are taken but for
/// the folder that it was written to.
fn of_json(file: &Path, text: &str) -> Result<Map<String, Value>> {
    let value = unique::parse(text).map_err(|error| {
        let place = Source::File(file.into(), Some(error.line())).to_string();
        Error::new(Code::BadConfiguration, "the file is not JSON")
            .at(Place::Given(place))
            .because(error)
    })?;
    let place = || Place::File(file.into());
    let Value::Object(mut map) = value else {
        let message = "the file holds no table of options";
        return Err(Error::new(Code::BadConfiguration, message).at(place()));
    };
    let own = map.get_mut("neurhai").and_then(|own| own.get_mut("configuration"));
    if let Some(Value::Object(configuration)) = own {
        configuration.remove("output");
        return Ok(std::mem::take(configuration));
    }
    if map.contains_key("network_task") || map.contains_key("caps_directory") {
        let here = CLINICADL.iter().filter(|(theirs, _)| map.contains_key(*theirs));
        let pairs: Vec<String> = here.map(|(theirs, ours)| format!("{theirs} is {ours}")).collect();
        return Err(Error::new(Code::BadConfiguration, "the file is a configuration of ClinicaDL")
            .at(place())
            .help(format!("options have other names here: {}", pairs.join(", "))));
    }
    Ok(map)
}

/// Keys of ClinicaDL that are called otherwise here.
const CLINICADL: &[(&str, &str)] = &[
    ("network_task", "task"),
    ("caps_directory", "data.caps"),
    ("tsv_path", "splits"),
    ("preprocessing_dict", "data.preprocessing, data.mode and the like"),
    ("diagnoses", "classes"),
    ("normalize", "data.normalize"),
    ("dropout", "options.dropout"),
    ("data_augmentation", "augmentation"),
    ("adaptive_learning_rate", "schedule = \"ReduceLROnPlateau\""),
    ("amp", "precision = \"float16\""),
    ("gpu", "device = \"cuda\" or \"cpu\""),
    ("transfer_path", "transfer"),
    ("transfer_selection_metric", "transfer_metric"),
    ("nb_unfrozen_layer", "freeze_all_but"),
    ("n_proc", "loader_threads"),
];

#[cfg(test)]
mod tests;
