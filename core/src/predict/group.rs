//! A group of people whose images networks are asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::leak;
use super::opened::Opened;
use crate::data::cohorts::{Cohorts, is_table};
use crate::data::loader::Source;
use crate::data::participants::{Key, Person, Session as Visit};
use crate::data::split::{Belonging, GroupTable, Known, Label, Row, Selection, Target, read_group};
use crate::error::{Code, Error, Place, Result};
use crate::experiment::read;
use crate::files;
use crate::maps::{make_folder, pretty, write_inputs, write_sessions};
use crate::task::Task;
use crate::train::cohorts::{check_images, hashed};
use crate::train::inputs::check_inputs;
use crate::train::sides::places;
use crate::train::{Event, Session};

/// The groups of training, which have a list of sessions for each split.
pub(crate) const TRAINING: [&str; 2] = ["train", "validation"];

/// What is said about a group; of one that the experiment has already, nothing need be.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupOptions {
    /// The CAPS, or the `.tsv` of several; by default that of the experiment.
    pub(crate) caps: Option<PathBuf>,
    /// The table of its sessions, or of a table for each cohort.
    pub(crate) participants: Option<PathBuf>,
    /// The column that says what is true; by default that of the experiment, where the table has it.
    pub(crate) label: Option<String>,
    /// Whether what is true is not to be known.
    pub(crate) no_labels: bool,
    /// The classes wanted; sessions of others are left out.
    pub(crate) classes: Option<Vec<String>>,
    /// The sessions wanted.
    pub(crate) select: Option<Selection>,
    /// Whether people whom the networks have seen may be in it.
    pub(crate) allow_leakage: bool,
    /// Whether a group of this name may be replaced.
    pub(crate) overwrite: bool,
}

impl GroupOptions {
    /// The first option that says who is in the group, or what is true of them.
    fn defining(&self) -> Option<&'static str> {
        let given = [
            ("participants", self.participants.is_some()),
            ("label", self.label.is_some()),
            ("labels", self.no_labels),
            ("classes", self.classes.is_some()),
            ("select", self.select.is_some()),
        ];
        given.into_iter().find_map(|(name, given)| given.then_some(name))
    }
}

/// Where a group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is one of [`TRAINING`].
    Training,
    /// The experiment has it already.
    Known,
    /// It is new, or takes the place of another one.
    New,
}

/// People, their images, and where it is known what is true of them.
pub(crate) struct DataGroup {
    pub(crate) name: String,
    pub(crate) standing: Standing,
    /// The column that says what is true; none where that is not known.
    pub(crate) label: Option<String>,
    pub(crate) cohorts: Cohorts,
    pub(crate) source: Source,
    /// Who of them trained or validated the networks.
    pub(crate) leaked: Vec<Person>,
    /// The images of a split's group; those of a group that is the same for all are under none.
    members: BTreeMap<Option<usize>, Vec<(usize, Label)>>,
    /// What its maps.json says.
    definition: Value,
    /// The tables that it was read from.
    tables: Vec<PathBuf>,
    classes: Vec<String>,
}

/// Who is in a group, before their images are looked for.
struct Found {
    standing: Standing,
    caps: PathBuf,
    label: Option<String>,
    rows: BTreeMap<Option<usize>, Vec<Row>>,
    left_out: usize,
    /// The lists of hashes that the images must have.
    inputs: PathBuf,
    allow_leakage: bool,
}

impl DataGroup {
    /// Opens the group `name`: one of training, in these `splits`; one that the experiment has; or a
    /// new one, which is not written until [`DataGroup::write`].
    ///
    /// # Errors
    /// A name that cannot be one; [`Code::GroupInUse`] where something is said about a group that is
    /// there, unless it is to be replaced; what is wrong with the tables and images, all at once;
    /// [`Code::Leakage`] naming whom the networks have seen, unless that is allowed.
    pub(crate) fn open(
        opened: &Opened,
        name: &str,
        options: &GroupOptions,
        splits: &[usize],
        session: &Session<'_>,
    ) -> Result<Self> {
        check_name(name)?;
        let found = match standing(opened, name, options)? {
            Standing::Training => of_training(opened, name, options, splits)?,
            Standing::Known => known(opened, name, options)?,
            Standing::New => new(opened, name, options)?,
        };
        let cohorts = cohorts(&found.caps, found.standing)?;
        let visits: BTreeMap<Key, Visit> = (found.rows.values().flatten())
            .map(|row| (row.session.key(), row.session.clone()))
            .collect();
        let people: BTreeSet<Person> = visits.values().map(Visit::person).collect();
        let leaked = match found.standing {
            Standing::Training => Vec::new(),
            _ => leak::check(opened, people, &found.caps, found.allow_leakage, session)?,
        };
        check_images(visits.values(), &cohorts)?;
        let (sessions, participants) = (visits.len(), {
            let people: BTreeSet<Person> = visits.values().map(Visit::person).collect();
            people.len()
        });
        let source = opened.source(&cohorts, visits.into_values().collect(), session)?;
        if found.inputs.is_file() {
            let (what, help) = match found.standing {
                Standing::Training => ("training", "bring the image back"),
                _ => ("the group", "bring the image back, or replace the group: overwrite"),
            };
            check_inputs(&source.images, &found.inputs, what, help)?;
        }
        let images = places(&source.images);
        let place = |row: Row| Some((*images.get(&row.session.key())?, row.label));
        let members = (found.rows.into_iter())
            .map(|(split, rows)| (split, rows.into_iter().filter_map(place).collect()))
            .collect();
        let group = Self {
            name: name.into(),
            standing: found.standing,
            definition: definition(&found.caps, &cohorts, options, &found.label, &leaked)?,
            tables: options.participants.iter().cloned().collect(),
            label: found.label,
            cohorts,
            source,
            leaked,
            members,
            classes: opened.classes.clone(),
        };
        session.tell(Event::Group {
            group: name.into(),
            sessions,
            participants,
            label: group.label.clone(),
            left_out: found.left_out,
        });
        Ok(group)
    }

    /// The images of the group, in the order of its table, with what is true of each; of a group of
    /// training those of the split.
    pub(crate) fn members(&self, split: usize) -> &[(usize, Label)] {
        let found = self.members.get(&Some(split)).or_else(|| self.members.get(&None));
        found.map_or(&[], Vec::as_slice)
    }

    /// Writes what the group is into `folder`, its folder below `groups/`: `data.tsv` with its
    /// sessions, `maps.json` with what was asked for, and `inputs.tsv` with the hashes of all that
    /// was read.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        make_folder(folder)?;
        let columns: Vec<&str> = ["cohort"].into_iter().chain(self.label.as_deref()).collect();
        let rows = self.members.values().flatten().map(|(image, label)| {
            let visit = self.source.images.session(*image);
            let label = match label {
                Label::Class(class) => self.classes.get(*class).cloned(),
                Label::Number(number) => Some(number.to_string()),
                Label::None => None,
            };
            (visit, [visit.cohort.clone()].into_iter().chain(label).collect())
        });
        write_sessions(&folder.join("data.tsv"), &columns, rows)?;
        let hashes = self.source.images.hashes()?;
        let tables = hashed(self.tables.iter().cloned())?;
        write_inputs(&folder.join("inputs.tsv"), &self.source.images, &hashes, &tables)?;
        let text = pretty(&self.definition);
        files::write_atomic(&folder.join("maps.json"), |out| out.write_all(text.as_bytes()))
    }
}

/// A group's name is that of folders, and part of the names of files.
fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 100 && name.chars().all(fits) {
        return Ok(());
    }
    let message = format!("{name:?} cannot be the name of a group");
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option("group".into()))
        .help("it names folders and files: take letters, digits, - and _"))
}

/// Whether the group is there already, and may be what it is asked to be.
fn standing(opened: &Opened, name: &str, options: &GroupOptions) -> Result<Standing> {
    let here = |option: &str| Place::Option(option.into());
    if TRAINING.contains(&name) {
        let refuse = |option: &str, message: String| {
            Err(Error::new(Code::BadOption, message)
                .at(here(option))
                .help("give a group of your own another name"))
        };
        if options.overwrite {
            let message = format!("what training wrote about the group {name:?} is not replaced");
            return refuse("overwrite", message);
        }
        return match options.defining() {
            Some(option) => refuse(option, format!("training says who is in the group {name:?}")),
            None => Ok(Standing::Training),
        };
    }
    let folder = opened.root.join("groups").join(name);
    if !folder.exists() {
        return Ok(Standing::New);
    }
    let given = options.defining().or(options.caps.as_ref().map(|_| "caps"));
    match given {
        None => Ok(Standing::Known),
        Some(_) if options.overwrite => Ok(Standing::New),
        Some(option) => {
            let message = format!("the group {name:?} is there already");
            Err(Error::new(Code::GroupInUse, message).at(Place::File(folder)).help(format!(
                "leave {option} out to go on with it as it is, choose another name, or pass \
                 overwrite to replace it and all its results"
            )))
        }
    }
}

fn cohorts(caps: &Path, standing: Standing) -> Result<Cohorts> {
    Cohorts::open(caps).map_err(|error| {
        let error = error.at(Place::Option("caps".into()));
        match standing {
            Standing::New => error,
            Standing::Training => error.help("name where the images are now with caps"),
            Standing::Known => error.help("to name another CAPS, replace the group: overwrite"),
        }
    })
}

/// What is learned, in a column.
fn target(task: Task, column: &str, classes: Option<Vec<String>>) -> Target {
    let column = column.to_owned();
    match task {
        Task::Classification => Target::Class { column, classes },
        Task::Regression => Target::Number { column },
        Task::Reconstruction => Target::None,
    }
}

/// A group of training, in each of these splits.
fn of_training(
    opened: &Opened,
    name: &str,
    options: &GroupOptions,
    splits: &[usize],
) -> Result<Found> {
    let config = &opened.config;
    let column = config.label()?;
    let mut rows = BTreeMap::new();
    for split in splits {
        let file = opened.folder.group(name, *split);
        let known = Known {
            target: target(config.task, column, None),
            needed: true,
            classes: &opened.classes,
            select: None,
        };
        rows.insert(Some(*split), read_group(&file, Belonging::Listed, &known)?.rows);
    }
    let caps = match &options.caps {
        Some(caps) => caps.clone(),
        None => config.data.text("caps")?.into(),
    };
    Ok(Found {
        standing: Standing::Training,
        caps,
        label: (config.task != Task::Reconstruction).then(|| column.to_owned()),
        rows,
        left_out: 0,
        inputs: opened.root.join("groups/inputs.tsv"),
        allow_leakage: true,
    })
}

/// A group that the experiment has.
fn known(opened: &Opened, name: &str, options: &GroupOptions) -> Result<Found> {
    let folder = opened.root.join("groups").join(name);
    let file = folder.join("maps.json");
    let about = read(&file)?;
    let bad = |message: &str| Error::new(Code::BadMaps, message).at(Place::File(file.clone()));
    let caps = about.get("caps_directory").and_then(Value::as_str);
    let caps = caps.ok_or_else(|| bad("the file does not say where the images are"))?;
    let own = about.get("neurhai");
    let label = match own.and_then(|own| own.get("label")) {
        Some(Value::Null) => None,
        Some(Value::String(label)) => Some(label.as_str()),
        Some(_) => return Err(bad("the file is damaged: label is no text")),
        // ClinicaDL's do not say it.
        None => Some(opened.config.label()?),
    };
    let allowed = own.and_then(|own| own.get("allow_leakage")).and_then(Value::as_bool);
    let known = Known {
        target: label.map_or(Target::None, |label| target(opened.config.task, label, None)),
        needed: own.is_some(),
        classes: &opened.classes,
        select: None,
    };
    let table = read_group(&folder.join("data.tsv"), Belonging::Listed, &known)?;
    let label = label.filter(|_| table.labelled).map(str::to_owned);
    Ok(Found {
        standing: Standing::Known,
        caps: caps.into(),
        label,
        rows: BTreeMap::from([(None, table.rows)]),
        left_out: 0,
        inputs: folder.join("inputs.tsv"),
        allow_leakage: options.allow_leakage || allowed.unwrap_or(false),
    })
}

/// A new group.
fn new(opened: &Opened, name: &str, options: &GroupOptions) -> Result<Found> {
    let config = &opened.config;
    let Some(participants) = &options.participants else {
        let message = format!("the experiment has no group {name:?}: who is in it?");
        return Err(Error::new(Code::MissingOption, message)
            .at(Place::Option("participants".into()))
            .help(format!(
                "name a table with the columns participant_id and session_id; its groups are {}",
                groups(opened)?.join(", ")
            )));
    };
    check_labels(config.task, options)?;
    let caps: PathBuf = match &options.caps {
        Some(caps) => caps.clone(),
        None => config.data.text("caps")?.into(),
    };
    let column = options.label.as_deref().map_or_else(|| config.label(), Ok)?;
    let known = Known {
        target: match options.no_labels {
            true => Target::None,
            false => target(config.task, column, options.classes.clone()),
        },
        needed: options.label.is_some() || options.classes.is_some(),
        classes: &opened.classes,
        select: options.select.as_ref(),
    };
    let belonging = if is_table(&caps) { Belonging::Cohorts } else { Belonging::Single };
    let GroupTable { rows, labelled, left_out } = read_group(participants, belonging, &known)
        .map_err(|error| error.at(Place::Option("participants".into())))?;
    Ok(Found {
        standing: Standing::New,
        caps,
        label: labelled.then(|| column.to_owned()),
        rows: BTreeMap::from([(None, rows)]),
        left_out,
        inputs: PathBuf::new(),
        allow_leakage: options.allow_leakage,
    })
}

/// What is said about labels must fit together and the task.
fn check_labels(task: Task, options: &GroupOptions) -> Result<()> {
    let wrong = |option: &str, message: &str, help: &str| {
        let error = Error::new(Code::BadOption, message).at(Place::Option(option.into()));
        Err(error.help(help))
    };
    let (label, classes) = (options.label.is_some(), options.classes.is_some());
    if task == Task::Reconstruction && (label || classes) {
        let option = if label { "label" } else { "classes" };
        let message = "a reconstruction is compared with the image itself, whatever its label";
        return wrong(option, message, "leave it out; select chooses sessions by a column");
    }
    if task != Task::Classification && classes {
        let message = "a regression has no classes";
        return wrong("classes", message, "choose sessions by a column with select");
    }
    if options.no_labels && (label || classes) {
        let option = if label { "label" } else { "classes" };
        let message = "labels are not to be looked at, but this says something about them";
        return wrong(option, message, "choose sessions by a column with select");
    }
    Ok(())
}

/// The groups that there are.
fn groups(opened: &Opened) -> Result<Vec<String>> {
    let folder = opened.root.join("groups");
    let names = crate::transfer::folder::list(&folder)?;
    Ok(names.into_iter().filter(|name| folder.join(name).is_dir()).collect())
}

/// What a group's maps.json says: ClinicaDL's two keys, and what else was asked for.
fn definition(
    caps: &Path,
    cohorts: &Cohorts,
    options: &GroupOptions,
    label: &Option<String>,
    leaked: &[Person],
) -> Result<Value> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| Error::io(path, "find the folder", &error))
    };
    let participants = options.participants.as_deref().map(absolute).transpose()?;
    let select = options.select.as_ref().map(|select| json!({ &select.column: select.values }));
    Ok(json!({
        "caps_directory": absolute(caps)?,
        "multi_cohort": cohorts.several(),
        "neurhai": {
            "participants": participants,
            "label": label,
            "classes": options.classes,
            "select": select,
            "allow_leakage": options.allow_leakage,
            "leaked": leaked.iter().map(Person::to_string).collect::<Vec<_>>(),
        },
    }))
}
