//! Who took part: how many images and people there are at every step, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Source;
use crate::data::cohorts::{is_table, read_table};
use crate::data::participants::{Key, SINGLE, read_members};
use crate::data::table::Table;
use crate::error::Result;
use crate::task::Task;
use crate::transfer::folder::list;

/// How many there are at a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What the step is.
    pub step: String,
    /// How many images, or rows of tables.
    pub images: usize,
    /// Of how many people they are.
    pub people: usize,
    /// How many images each class has; none where that is not known.
    pub classes: Vec<(String, usize)>,
    /// How many images each cohort has, where there are several.
    pub cohorts: Vec<(String, usize)>,
}

/// What tables tell of the people whose images were used.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Demographics {
    /// People whose images were used.
    pub people: usize,
    /// Their images.
    pub images: usize,
    /// Mean, standard deviation (n − 1), smallest and largest age, and of how many images it is known.
    pub age: Option<(f64, f64, f64, f64, usize)>,
    /// How many people there are of each sex that the tables name; empty where they name none.
    pub sex: Vec<(String, usize)>,
}

/// A list of sessions with the class of each, where it has one.
struct Members {
    keys: Vec<Key>,
    classes: Vec<Option<String>>,
}

impl Members {
    fn read(file: &Path, label: Option<&str>) -> Result<Self> {
        let table = Table::read(file)?;
        let keys = read_members(&table)?.iter().map(|session| session.key()).collect();
        let column = label.and_then(|label| table.find_column(label));
        let class = |row| column.and_then(|column| table.text(row, column)).map(str::to_owned);
        Ok(Self { keys, classes: (0..table.len()).map(class).collect() })
    }

    fn step(&self, step: String) -> Step {
        let mut people = BTreeSet::new();
        let (mut classes, mut cohorts) = (BTreeMap::new(), BTreeMap::new());
        for ((cohort, participant, _), class) in self.keys.iter().zip(&self.classes) {
            people.insert((cohort, participant));
            *cohorts.entry(cohort.clone()).or_insert(0) += 1;
            if let Some(class) = class {
                *classes.entry(class.clone()).or_insert(0) += 1;
            }
        }
        cohorts.remove(SINGLE);
        Step {
            step,
            images: self.keys.len(),
            people: people.len(),
            classes: classes.into_iter().collect(),
            cohorts: cohorts.into_iter().collect(),
        }
    }
}

/// How many there are from the tables to the groups, who they are, and how many of them are on both
/// sides of a split.
///
/// # Errors
/// Damaged lists in the experiment folder. Tables outside of it that are gone or damaged are left out.
pub(super) fn people(source: &Source<'_>) -> Result<(Vec<Step>, Demographics, usize)> {
    let mut steps = Vec::new();
    let label = (source.task == Task::Classification).then_some(source.label.as_deref()).flatten();
    let tables = outside(source);
    if !tables.is_empty() {
        let keys = tables.keys().cloned().collect();
        let classes = tables.values().map(|row| row.get(label?).cloned()).collect();
        let step = "rows in the tables of the splits, each session once";
        steps.push(Members { keys, classes }.step(step.into()));
    }
    let groups = source.root.join("groups");
    let used = groups.join("train+validation.tsv");
    let used = if used.is_file() { Some(Members::read(&used, None)?) } else { None };
    if let Some(used) = &used {
        steps.push(used.step("selected, for training or validation".into()));
    }
    let inputs = groups.join("inputs.tsv");
    if inputs.is_file() {
        let images = super::images::inputs(&inputs)?;
        let keys: Vec<Key> = images.into_iter().map(|(key, _)| key).collect();
        let classes = vec![None; keys.len()];
        steps.push(Members { keys, classes }.step("with an image that was read".into()));
    }
    let mut names = if groups.is_dir() { list(&groups)? } else { Vec::new() };
    // Training comes before validation, and both before what was predicted later.
    names.sort_by_key(|name| match name.as_str() {
        "train" => 0,
        "validation" => 1,
        _ => 2,
    });
    let (mut train, mut shared) = (BTreeSet::new(), 0);
    for name in names.iter().filter(|name| groups.join(name).is_dir()) {
        let alone = groups.join(name).join("data.tsv");
        if alone.is_file() {
            let step = format!("group {name}");
            steps.push(Members::read(&alone, label)?.step(step));
            continue;
        }
        for split in source.folder.splits()? {
            let file = source.folder.group(name, split);
            if file.is_file() {
                let members = Members::read(&file, label)?;
                let people = members.keys.iter().map(|key| (split, key.0.clone(), key.1.clone()));
                match name.as_str() {
                    "train" => train.extend(people),
                    "validation" => {
                        let people: BTreeSet<_> = people.collect();
                        shared += people.intersection(&train).count();
                    }
                    _ => {}
                }
                steps.push(members.step(format!("{name}, split {split}")));
            }
        }
    }
    let keys = used.map_or_else(Vec::new, |used| used.keys);
    Ok((steps, demographics(&keys, &tables), shared))
}

/// The cells of each session, by their columns, in all the tables that the splits were read from.
type Rows = BTreeMap<Key, BTreeMap<String, String>>;

fn outside(source: &Source<'_>) -> Rows {
    let mut rows = Rows::new();
    let Some(path) = source.text("splits").map(PathBuf::from) else { return rows };
    let folders: Vec<(String, PathBuf)> = match is_table(&path) {
        true => match read_table(&path) {
            Ok(lines) => lines.into_iter().map(|line| (line.cohort, line.path)).collect(),
            Err(_) => Vec::new(),
        },
        false => vec![(SINGLE.to_owned(), path)],
    };
    for (cohort, folder) in folders {
        let inner = list(&folder).unwrap_or_default();
        let splits = inner.iter().filter(|name| name.starts_with("split-"));
        let all: Vec<PathBuf> =
            splits.map(|name| folder.join(name)).chain([folder.clone()]).collect();
        for folder in all {
            for name in list(&folder).unwrap_or_default() {
                let side =
                    ["train", "validation", "test"].iter().any(|side| name.starts_with(side));
                if side && name.ends_with(".tsv") {
                    take(&folder.join(name), &cohort, &mut rows);
                }
            }
        }
    }
    rows
}

fn take(file: &Path, cohort: &str, rows: &mut Rows) {
    let Ok(table) = Table::read(file) else { return };
    let columns = ["participant_id", "session_id"].map(|name| table.find_column(name));
    let [Some(participant), Some(session)] = columns else { return };
    for row in 0..table.len() {
        let cell = |column| table.text(row, column).map(str::to_owned);
        let (Some(participant), Some(session)) = (cell(participant), cell(session)) else {
            continue;
        };
        let known = rows.entry((cohort.to_owned(), participant, session)).or_default();
        for (column, name) in table.columns().iter().enumerate() {
            if let Some(cell) = cell(column) {
                known.entry(name.clone()).or_insert(cell);
            }
        }
    }
}

fn demographics(used: &[Key], tables: &Rows) -> Demographics {
    let mut ages = Vec::new();
    let (mut people, mut sexes) = (BTreeSet::new(), BTreeMap::new());
    for key in used {
        let row = tables.get(key);
        let cell = |name: &str| row.and_then(|row| row.get(name));
        ages.extend(
            cell("age").and_then(|age| age.parse::<f64>().ok()).filter(|age| age.is_finite()),
        );
        if people.insert((&key.0, &key.1))
            && let Some(sex) = cell("sex")
        {
            *sexes.entry(sex.clone()).or_insert(0) += 1;
        }
    }
    let n = ages.len() as f64;
    let mean = ages.iter().sum::<f64>() / n;
    let age = (ages.len() > 1).then(|| {
        let squares = ages.iter().map(|age| (age - mean).powi(2)).sum::<f64>();
        let low = ages.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ages.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (mean, (squares / (n - 1.0)).sqrt(), low, high, ages.len())
    });
    Demographics { people: people.len(), images: used.len(), age, sex: sexes.into_iter().collect() }
}
