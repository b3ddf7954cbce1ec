//! Two experiments side by side: what they were given, what they did, and what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data::participants::{Key, SINGLE};
use crate::data::table::Table;
use crate::error::Result;
use crate::experiment::read;
use crate::files;
use crate::transfer::folder::Folder;

mod epochs;
mod folds;
mod pair;
mod paired;
mod permutation;
mod results;
mod shared;
#[cfg(test)]
mod tests;
mod together;

pub use epochs::{Course, Parting};
pub use paired::{Family, PairTest};
pub use results::Score;
pub use together::{Differing, RunScore, Scores, Together, together};

/// How two experiments differ. Lists are in an order that does not depend on anything else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Options with other values; where the results went, and how many threads worked, do not count.
    pub options: Vec<Given>,
    /// Versions and the machine, as environment.txt has them, and plugins.
    pub environment: Vec<Given>,
    /// Files of one and the other that differ or are missing: the network, the script, who is in
    /// which group.
    pub files: Vec<PathBuf>,
    /// Images with another hash, or that only one of the two has.
    pub images: Vec<Image>,
    /// The course of each network's training.
    pub courses: Vec<Course>,
    /// Scores that differ.
    pub scores: Vec<Score>,
    /// Tables of predictions, and splits or models, that differ or that only one of the two has.
    pub results: Vec<PathBuf>,
    /// Groups that only one of the two was asked about after training, and interpretations.
    pub alone: Vec<Alone>,
}

/// A folder that only one of two experiments has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alone {
    /// Its place: `groups/test`.
    pub folder: PathBuf,
    /// Whether the first has it, and not the second.
    pub first: bool,
}

/// Something that both were given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// Its name: `data.mode`.
    pub name: String,
    /// In the first; nothing where it is not there.
    pub a: Value,
    /// In the second.
    pub b: Value,
}

/// An image that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Image {
    /// Whose CAPS it is of, where there are several.
    pub cohort: Option<String>,
    /// The participant.
    pub participant: String,
    /// The session.
    pub session: String,
    /// The BLAKE3 hash of the file in the first; nothing where it has none.
    pub a: Option<String>,
    /// That in the second.
    pub b: Option<String>,
}

impl Comparison {
    /// Whether both did the same: every epoch that is known of, and every result. What only one of them
    /// was asked for after training does not count.
    pub fn same(&self) -> bool {
        let same = |course: &Course| {
            let (a, b) = course.epochs;
            // An experiment without fingerprints does not tell how many epochs it had.
            course.parting.is_none() && (a == b || a == 0 || b == 0)
        };
        self.courses.iter().all(same) && self.scores.is_empty() && self.results.is_empty()
    }
}

/// Options that say where things lie, how fast they are done or how often they are saved.
const APART: [&str; 8] = [
    "output",
    "loader_threads",
    "networks_at_once",
    "data.cache_mb",
    "data.cache",
    "data.cache_gb",
    "device",
    "checkpoint_minutes",
];

/// Compares two experiment folders.
///
/// # Errors
/// What is wrong with the folders.
pub fn compare(a: &Path, b: &Path) -> Result<Comparison> {
    let folders = [Folder::open(a)?, Folder::open(b)?];
    let roots = [a, b];
    let (mut courses, mut found) = (Vec::new(), results::Found::default());
    let splits = [folders[0].splits()?, folders[1].splits()?];
    for split in union(&splits) {
        let name = PathBuf::from(format!("split-{split}"));
        if splits.iter().any(|splits| !splits.contains(&split)) {
            found.results.push(name);
            continue;
        }
        let of_split = [folders[0].split(split), folders[1].split(split)];
        courses.extend(epochs::courses(split, [&of_split[0], &of_split[1]])?);
        results::compare(split, [&of_split[0], &of_split[1]], &mut found)?;
    }
    results::groups(roots, &mut found)?;
    let results::Found { scores, results, alone } = found;
    Ok(Comparison {
        options: options(roots)?,
        environment: environment(roots)?,
        files: given_files(roots)?,
        images: images(roots)?,
        courses,
        scores,
        results,
        alone,
    })
}

/// What is in one list or in both, in order.
fn union<T: Ord + Clone>(lists: &[Vec<T>; 2]) -> Vec<T> {
    let mut all = lists.concat();
    all.sort_unstable();
    all.dedup();
    all
}

/// What differs of two maps.
fn differing(a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>) -> Vec<Given> {
    let names = union(&[a.keys().cloned().collect(), b.keys().cloned().collect()]);
    let given = names.into_iter().map(|name| {
        let value = |of: &BTreeMap<String, Value>| of.get(&name).cloned().unwrap_or(Value::Null);
        Given { a: value(a), b: value(b), name }
    });
    given.filter(|given| given.a != given.b).collect()
}

/// The options as they were resolved, or ClinicaDL's parameters where one of the folders has no others;
/// by their names, those of maps within with a dot.
fn options_of(roots: &[&Path]) -> Result<Vec<BTreeMap<String, Value>>> {
    let maps =
        roots.iter().map(|root| read(&root.join("maps.json"))).collect::<Result<Vec<_>>>()?;
    let own = |maps: &Value| -> Option<Map<String, Value>> {
        let own = maps.pointer("/neurhai/configuration")?.as_object()?;
        (!own.is_empty()).then(|| own.clone())
    };
    let all: Option<Vec<_>> = maps.iter().map(own).collect();
    let all = all.unwrap_or_else(|| {
        let parameters = maps.into_iter().map(|maps| {
            let mut all = maps.as_object().cloned().unwrap_or_default();
            all.remove("neurhai");
            all
        });
        parameters.collect()
    });
    Ok(all.iter().map(flat_options).collect())
}

/// The options by their paths, without those that say where things lie or how fast they are done.
pub(crate) fn flat_options(options: &Map<String, Value>) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    flatten("", options, &mut flat);
    flat.retain(|name, _| !APART.contains(&name.as_str()));
    flat
}

fn flatten(path: &str, map: &Map<String, Value>, flat: &mut BTreeMap<String, Value>) {
    for (name, value) in map {
        let name = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(inner) => flatten(&name, inner, flat),
            value => drop(flat.insert(name, value.clone())),
        }
    }
}

fn options(roots: [&Path; 2]) -> Result<Vec<Given>> {
    let flat = options_of(&roots)?;
    Ok(differing(&flat[0], &flat[1]))
}

fn environment([a, b]: [&Path; 2]) -> Result<Vec<Given>> {
    let read = |root: &Path| -> Result<BTreeMap<String, Value>> {
        let Some(text) = text(&root.join("environment.txt"))? else { return Ok(BTreeMap::new()) };
        let lines = text.lines().filter_map(|line| line.split_once("=="));
        // How much memory happens to be free on a GPU is no difference.
        let plain = |value: &str| value.split(" (").next().unwrap_or(value).to_owned();
        let mut found = plugins(root)?;
        found.extend(lines.map(|(name, value)| (name.to_owned(), plain(value).into())));
        Ok(found)
    };
    Ok(differing(&read(a)?, &read(b)?))
}

/// The entries of plugins that were used, with version and hash.
fn plugins(root: &Path) -> Result<BTreeMap<String, Value>> {
    let maps = read(&root.join("maps.json"))?;
    let entries = maps.pointer("/neurhai/entries").and_then(Value::as_array);
    let mut found = BTreeMap::new();
    for entry in entries.into_iter().flatten().filter_map(Value::as_object) {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("from") == "plugin" {
            let mut origin = entry.clone();
            origin.retain(|key, _| !["kind", "name", "from", "file"].contains(&key.as_str()));
            found.insert(format!("{} {}", text("kind"), text("name")), origin.into());
        }
    }
    Ok(found)
}

/// A text file; nothing where it is not there.
fn text(file: &Path) -> Result<Option<String>> {
    Ok(bytes(file)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// A file; nothing where it is not there.
fn bytes(file: &Path) -> Result<Option<Vec<u8>>> {
    if file.is_file() { files::read(file, "compare the file").map(Some) } else { Ok(None) }
}

/// Files that say what was to be done, and that are not the same.
fn given_files([a, b]: [&Path; 2]) -> Result<Vec<PathBuf>> {
    let mut names: Vec<PathBuf> = ["network.json", "script.rhai"].map(PathBuf::from).to_vec();
    for group in ["train", "validation"] {
        let group = Path::new("groups").join(group);
        let folders = [a, b].map(|root| root.join(&group)).map(|folder| match folder.is_dir() {
            true => files::entries(&folder),
            false => Ok(Vec::new()),
        });
        let [a, b] = folders;
        for split in union(&[a?, b?]) {
            names.push(group.join(split).join("data.tsv"));
        }
    }
    let mut differ = Vec::new();
    for name in names {
        if bytes(&a.join(&name))? != bytes(&b.join(&name))? {
            differ.push(name);
        }
    }
    Ok(differ)
}

fn images([a, b]: [&Path; 2]) -> Result<Vec<Image>> {
    let read = |root: &Path| -> Result<Option<BTreeMap<Key, String>>> {
        let file = root.join("groups/inputs.tsv");
        if !file.is_file() {
            return Ok(None);
        }
        let table = Table::read(&file)?;
        let columns = ["participant_id", "session_id", "blake3"];
        let [participant, session, hash] = columns.map(|name| table.column(name));
        let (participant, session, hash) = (participant?, session?, hash?);
        let cohort = table.find_column("cohort");
        let cell = |row, column| table.text(row, column).map(str::to_owned);
        // The tables of cohorts have no session.
        let image = |row| {
            let cohort = cohort.and_then(|column| cell(row, column));
            let key = (
                cohort.unwrap_or_else(|| SINGLE.into()),
                cell(row, participant)?,
                cell(row, session)?,
            );
            Some((key, cell(row, hash).unwrap_or_default()))
        };
        Ok(Some((0..table.len()).filter_map(image).collect()))
    };
    // Experiments of ClinicaDL do not tell.
    let (Some(a), Some(b)) = (read(a)?, read(b)?) else { return Ok(Vec::new()) };
    let visits = union(&[a.keys().cloned().collect(), b.keys().cloned().collect()]);
    let images = visits.into_iter().map(|visit| {
        let (a, b) = (a.get(&visit).cloned(), b.get(&visit).cloned());
        let (cohort, participant, session) = visit;
        Image { cohort: (cohort != SINGLE).then_some(cohort), participant, session, a, b }
    });
    Ok(images.filter(|image| image.a != image.b).collect())
}
