//! Who took part: how many images and people there are at every step, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Source;
use super::images::unchanged;
use crate::data::cohorts::{is_table, read_table};
use crate::data::participants::{Key, SINGLE, read_members};
use crate::data::table::Table;
use crate::error::Result;
use crate::files;
use crate::task::Task;

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

/// Who took part.
pub(super) struct People {
    /// How many there are from the tables to the groups.
    pub(super) flow: Vec<Step>,
    pub(super) demographics: Demographics,
    /// How many of them are on both sides of a split, over all splits.
    pub(super) shared: usize,
    /// Whether there are several splits, and nobody is in validation of two.
    pub(super) folds: bool,
    /// Why nothing is known from the tables of the splits.
    pub(super) unread: Option<String>,
}

/// Who took part, and how many are left at each step.
///
/// # Errors
/// Damaged lists in the experiment folder.
pub(super) fn people(source: &Source<'_>) -> Result<People> {
    let mut steps = Vec::new();
    let label = (source.task == Task::Classification).then_some(source.label.as_deref()).flatten();
    let (tables, unread) = match outside(source)? {
        Ok(tables) => (tables, None),
        Err(why) => (Rows::new(), Some(why)),
    };
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
        let keys: Vec<Key> = images.into_iter().filter_map(|image| image.key).collect();
        let classes = vec![None; keys.len()];
        steps.push(Members { keys, classes }.step("with an image that was read".into()));
    }
    let mut names = if groups.is_dir() { files::entries(&groups)? } else { Vec::new() };
    // Training comes before validation, and both before what was predicted later.
    names.sort_by_key(|name| match name.as_str() {
        "train" => 0,
        "validation" => 1,
        _ => 2,
    });
    let (mut train, mut shared) = (BTreeSet::new(), 0);
    let (mut validated, mut splits, mut again) = (BTreeSet::new(), 0, false);
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
                        splits += 1;
                        for (_, cohort, participant) in people {
                            again |= !validated.insert((cohort, participant));
                        }
                    }
                    _ => {}
                }
                steps.push(members.step(format!("{name}, split {split}")));
            }
        }
    }
    let keys = used.map_or_else(Vec::new, |used| used.keys);
    let demographics = demographics(&keys, &tables);
    Ok(People { flow: steps, demographics, shared, folds: splits > 1 && !again, unread })
}

/// The cells of each session, by their columns, in all the tables that the splits were read from.
type Rows = BTreeMap<Key, BTreeMap<String, String>>;

/// What the tables say that training read, or why they are not those any more.
fn outside(source: &Source<'_>) -> Result<std::result::Result<Rows, String>> {
    let mut rows = Rows::new();
    let Some(splits) = source.text("splits").map(PathBuf::from) else { return Ok(Ok(rows)) };
    let groups = source.root.join("groups");
    let (listed, inputs) = (groups.join("sources.tsv"), groups.join("inputs.tsv"));
    if !listed.is_file() {
        return Ok(Err("the experiment does not list them with their hashes".into()));
    }
    let changed = |file: &Path| Ok(Err(format!("{} is gone, or has changed", file.display())));
    let mut cohorts = Vec::new();
    if is_table(&splits) {
        let read = if inputs.is_file() { super::images::inputs(&inputs)? } else { Vec::new() };
        let own = read.into_iter().find(|input| input.file == splits);
        match read_table(&splits) {
            Ok(lines) if own.is_some_and(|own| unchanged(&splits, &own.blake3)) => cohorts = lines,
            _ => return changed(&splits),
        }
    }
    let table = Table::read(&listed)?;
    let [what, path, hash] = ["what", "file", "blake3"].map(|name| table.column(name));
    let (what, path, hash) = (what?, path?, hash?);
    for row in (0..table.len()).filter(|row| table.text(*row, what) == Some("table")) {
        let file = Path::new(table.needed_text(row, path)?);
        if !unchanged(file, table.needed_text(row, hash)?) {
            return changed(file);
        }
        // Of several folders that it is below, the innermost.
        let of = cohorts.iter().filter(|line| file.starts_with(&line.path));
        let of = of.max_by_key(|line| line.path.components().count());
        take(file, of.map_or(SINGLE, |line| &line.cohort), &mut rows);
    }
    Ok(Ok(rows))
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
