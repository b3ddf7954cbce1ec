//! Who is in a group, by its tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::group::{GroupOptions, Standing, TRAINING};
use super::opened::Opened;
use crate::data::cohorts::is_table;
use crate::data::split::{Belonging, GroupTable, Known, Row, Target, read_group};
use crate::error::{Code, Error, Place, Result};
use crate::experiment::read;
use crate::files;
use crate::task::Task;

/// Who is in a group, before their images are looked for.
pub(super) struct Found {
    pub(super) standing: Standing,
    pub(super) caps: PathBuf,
    pub(super) label: Option<String>,
    pub(super) rows: BTreeMap<Option<usize>, Vec<Row>>,
    pub(super) left_out: usize,
    /// The lists of hashes that the images must have.
    pub(super) inputs: PathBuf,
    pub(super) allow_leakage: bool,
}

/// Looks who is in the group `name`, for each of the `splits` where it is one of training.
///
/// # Errors
/// As [`DataGroup::open`](super::group::DataGroup::open), but for what is wrong with images.
pub(super) fn find(
    opened: &Opened,
    name: &str,
    options: &GroupOptions,
    splits: &[usize],
) -> Result<Found> {
    match standing(opened, name, options)? {
        Standing::Training => of_training(opened, name, options, splits),
        Standing::Known => known(opened, name, options),
        Standing::New => new(opened, name, options),
    }
}

/// A group's name is that of folders, and part of the names of files.
///
/// # Errors
/// [`Code::BadOption`] for one that cannot be.
pub(crate) fn check_name(name: &str) -> Result<()> {
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
///
/// # Errors
/// A name that cannot be one; what cannot be said about a group that is there.
pub(crate) fn standing(opened: &Opened, name: &str, options: &GroupOptions) -> Result<Standing> {
    check_name(name)?;
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
    match options.defining() {
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
    let caps = about.get("caps_directory").and_then(Value::as_str).map(PathBuf::from);
    let caps = options.caps.clone().or(caps);
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
        caps,
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
        let missing = |message: String| {
            Error::new(Code::MissingOption, message).at(Place::Option("participants".into()))
        };
        if opened.root.join("groups").join(name).exists() {
            let message = format!("the group {name:?} is not replaced: who is to be in it?");
            return Err(missing(message).help(
                "to replace the group, name who is in it: participants; to predict it again as it is, \
                 say nothing about who is in it",
            ));
        }
        let message = format!("the experiment has no group {name:?}: who is in it?");
        return Err(missing(message).help(format!(
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
    let names = files::entries(&folder)?;
    Ok(names.into_iter().filter(|name| folder.join(name).is_dir()).collect())
}
