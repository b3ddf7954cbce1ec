//! Several trainings of one script that lie in one folder, each an experiment of its own: a search, or a
//! learning curve. What is done is read from the folder, so that it goes on however it was stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalog::Catalog;
use crate::data::participants::{Person, Session, read_members};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::files::{self, Lock};
use crate::maps::pretty;
use crate::metric::Direction;
use crate::task::Task;
use crate::train::scores::judges;
use crate::train::{Standing, standing};
use crate::transfer::folder::Folder;

pub mod curve;
mod given;
pub mod ranking;
mod score;

pub use score::{Score, mean};

/// What is the same for all trainings of a folder.
const DEFINITION: &str = "trials.json";

/// A folder of trainings that this process writes.
pub struct Trials {
    folder: PathBuf,
    _lock: Lock,
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing of it is there.
    Waiting,
    /// It was begun, and can go on.
    Begun,
    /// It is done.
    Finished,
    /// It ended with an error, and is not tried again.
    Failed,
}

impl State {
    /// The state in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

/// By what trainings are compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judge {
    /// The metric by which the best model of an epoch was kept.
    pub selection_metric: String,
    /// Which of its values are better.
    #[serde(skip)]
    pub selection: Direction,
    /// The metric that is compared.
    pub metric: String,
    /// Which of its values are better.
    pub direction: Direction,
}

impl Judge {
    /// By the metric asked for, or else by the first of those that models are kept by. Where models are
    /// kept by it, the best by it are compared, otherwise the best by the first.
    ///
    /// # Errors
    /// [`Code::UnknownName`] for a metric that does not judge the task.
    pub fn of(asked: Option<&str>, kept: &[String], task: Task, catalog: &Catalog) -> Result<Self> {
        let first = kept.first().map_or("loss", String::as_str);
        let metric = asked.unwrap_or(first);
        let selection = if kept.iter().any(|name| name == metric) { metric } else { first };
        let direction = |name: &str| -> Result<Direction> {
            let known = || judges(catalog, task);
            if name == "loss" {
                return Ok(Direction::Lower);
            }
            let found = known().find(|entry| entry.info.name == name);
            found.map(|entry| entry.info.direction).ok_or_else(|| {
                let names = || known().map(|entry| entry.info.name.as_str()).chain(["loss"]);
                let near = did_you_mean(name, names());
                Error::new(Code::UnknownName, format!("no metric {name:?} judges a {task}{near}"))
                    .help(format!("there are: {}", names().collect::<Vec<_>>().join(", ")))
            })
        };
        Ok(Self {
            selection_metric: selection.to_owned(),
            selection: direction(selection)?,
            metric: metric.to_owned(),
            direction: direction(metric)?,
        })
    }
}

impl Trials {
    /// Opens the folder, which is new, empty, or one of trainings that are to go on with the same
    /// `definition`; keeps other processes out of it.
    ///
    /// # Errors
    /// [`Code::OutputInUse`] for a folder with something else, or with trainings that are defined
    /// otherwise; [`Code::OutputLocked`]; what the disk says.
    pub fn open(folder: &Path, definition: &Value) -> Result<Self> {
        let file = folder.join(DEFINITION);
        if !file.exists() {
            if !only_opened(folder) {
                files::check_unused(folder)?;
            }
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io(folder, "create the folder", &error))?;
        }
        let lock = Lock::acquire(&folder.join(".lock"))?;
        if file.exists() {
            check_same(&file, definition)?;
        } else {
            write(&file, &pretty(definition))?;
        }
        Ok(Self { folder: folder.into(), _lock: lock })
    }

    /// What the trainings in a folder have in common; none where there is no folder of trainings.
    ///
    /// # Errors
    /// A damaged file.
    pub fn defined(folder: &Path) -> Result<Option<Value>> {
        let file = folder.join(DEFINITION);
        file.exists().then(|| definition(&file)).transpose()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What all trainings have in common, as it was given to [`Trials::open`].
    ///
    /// # Errors
    /// A damaged file.
    pub fn definition(&self) -> Result<Value> {
        definition(&self.folder.join(DEFINITION))
    }

    /// The experiment folder of a training.
    pub fn maps(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file with what a training is given in place of the script's options.
    pub fn configuration(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// The file that keeps what a training said.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn failure(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.failed"))
    }

    /// How many trainings `<prefix>000`, `<prefix>001`, … were given options, by the highest number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn numbered(&self, prefix: &str) -> Result<usize> {
        let names = files::entries(&self.folder)?;
        let number = |name: &String| -> Option<usize> {
            name.strip_prefix(prefix)?.strip_suffix(".json")?.parse().ok()
        };
        Ok(names.iter().filter_map(number).max().map_or(0, |last| last + 1))
    }

    /// How far a training is.
    ///
    /// # Errors
    /// A damaged experiment folder.
    pub fn state(&self, name: &str) -> Result<State> {
        if self.failure(name).exists() {
            return Ok(State::Failed);
        }
        let maps = self.maps(name);
        if !maps.join("maps.json").exists() {
            return Ok(State::Waiting);
        }
        let done = |standing: &Standing| matches!(standing, Standing::Finished(_));
        Ok(match standing(&maps)?.iter().all(|(_, standing)| done(standing)) {
            true => State::Finished,
            false => State::Begun,
        })
    }

    /// Makes ready what was not begun: writes its options, and clears away what a training left that
    /// was stopped before it began.
    ///
    /// # Errors
    /// [`Code::OutputLocked`] where a process still writes there; what the disk says.
    pub fn prepare(&self, name: &str, options: &Map<String, Value>) -> Result<()> {
        let maps = self.maps(name);
        let mut options = options.clone();
        options.insert("output".into(), maps.display().to_string().into());
        write(&self.configuration(name), &pretty(&options.into()))?;
        if maps.exists() && !maps.join("maps.json").exists() {
            let lock = Lock::acquire(&maps.join(".lock"))?;
            std::fs::remove_dir_all(&maps)
                .map_err(|error| Error::io(&maps, "clear away what was not begun", &error))?;
            drop(lock);
        }
        Ok(())
    }

    /// Notes that a training ended with an error.
    ///
    /// # Errors
    /// What the disk says.
    pub fn fail(&self, name: &str, why: &str) -> Result<()> {
        write(&self.failure(name), &format!("{}\n", why.trim_end()))
    }

    /// Why a training failed, where it did.
    pub fn why(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.failure(name)).ok().map(|text| text.trim_end().to_owned())
    }

    /// Notes how long a training ran, beside what it ran before it was stopped.
    ///
    /// # Errors
    /// What the disk says.
    pub fn add_seconds(&self, name: &str, seconds: f64) -> Result<()> {
        let file = self.folder.join("seconds.tsv");
        let mut all: BTreeMap<String, f64> = BTreeMap::new();
        if file.exists() {
            let table = Table::read(&file)?;
            let (names, numbers) = (table.column("trial")?, table.column("seconds")?);
            for row in 0..table.len() {
                let name = table.needed_text(row, names)?.to_owned();
                all.insert(name, table.needed_number(row, numbers)?);
            }
        }
        *all.entry(name.to_owned()).or_default() += seconds;
        let rows = all.into_iter().map(|(name, seconds)| [name, format!("{seconds:.1}")]);
        write_tsv(&file, &["trial", "seconds"], rows)
    }

    /// How many participants and images a training learned from, by split.
    ///
    /// # Errors
    /// Lists that are missing or damaged.
    pub fn learned_from(&self, name: &str) -> Result<Vec<(usize, usize)>> {
        let maps = self.maps(name);
        let mut sizes = Vec::new();
        for split in Folder::open(&maps)?.splits()? {
            let table = Table::read(&maps.join(format!("groups/train/split-{split}/data.tsv")))?;
            let visits = read_members(&table)?;
            let people: BTreeSet<Person> = visits.iter().map(Session::person).collect();
            sizes.push((people.len(), visits.len()));
        }
        Ok(sizes)
    }
}

/// Whether a folder holds nothing but what [`Trials::open`] makes before the definition is there: it was
/// stopped in that moment.
fn only_opened(folder: &Path) -> bool {
    let names = files::entries(folder).unwrap_or_default();
    !names.is_empty() && names.iter().all(|name| name == ".lock" || files::is_beside(name))
}

fn definition(file: &Path) -> Result<Value> {
    let text = files::read(file, "read what is tried")?;
    serde_json::from_slice(&text).map_err(|error| {
        Error::new(Code::BadMaps, "the file is damaged").at(Place::File(file.into())).because(error)
    })
}

/// The same definition as before, or the names of what differs.
fn check_same(file: &Path, definition: &Value) -> Result<()> {
    let before = self::definition(file)?;
    let names = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let mut all = names(definition);
    all.extend(names(&before).into_iter().filter(|name| definition.get(name).is_none()));
    all.retain(|name| before.get(name) != definition.get(name));
    if all.is_empty() {
        return Ok(());
    }
    let short = |value: Option<&Value>| match value {
        Some(value @ (Value::Number(_) | Value::String(_))) => Some(crate::options::plain(value)),
        _ => None,
    };
    let differs =
        all.iter().map(|name| match [&before, definition].map(|all| short(all.get(name))) {
            [Some(then), Some(now)] => format!("{name} ({then} before, {now} now)"),
            _ => name.clone(),
        });
    let differs = differs.collect::<Vec<_>>().join(", ");
    let message = format!("the folder holds trials of something else, which differ in {differs}");
    Err(Error::new(Code::OutputInUse, message)
        .at(Place::File(file.into()))
        .help("go on with the same words as before, or choose another output folder"))
}

fn write(file: &Path, text: &str) -> Result<()> {
    files::write_atomic(file, |out| out.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests;
