//! Who trains and who validates, with what is to be learned of each.

use std::collections::BTreeMap;
use std::path::Path;

use super::config::Config;
use super::objective::Objective;
use super::start::Start;
use crate::data::images::Images;
use crate::data::split::{Label, Row, Selection, Split, SplitFolder, SplitOptions, Target};
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::network::Plan;
use crate::task::Task;

/// The two sides of a split, as images with what is to be learned of them.
pub(crate) struct Sides {
    pub(crate) split: Split,
    pub(crate) train: Vec<(usize, Label)>,
    pub(crate) validation: Vec<(usize, Label)>,
    pub(crate) objective: Objective,
    pub(crate) start: Start,
}

impl Sides {
    /// The sides of `split`, where `images` gives the place of each participant's session.
    ///
    /// # Errors
    /// Weights of classes that do not exist.
    pub(super) fn new(
        mut split: Split,
        images: &BTreeMap<(String, String), usize>,
        objective: &Objective,
        config: &Config,
        plan: &Plan,
    ) -> Result<Self> {
        let start = Start::of(&mut split, config, plan)?;
        let side = |rows: &[Row]| -> Vec<(usize, Label)> {
            let image = |row: &Row| {
                let key = (row.session.participant.clone(), row.session.session.clone());
                Some((*images.get(&key)?, row.label))
            };
            rows.iter().filter_map(image).collect()
        };
        let objective =
            Objective { class_weights: class_weights(&split, config)?, ..objective.clone() };
        Ok(Self {
            train: side(&split.train),
            validation: side(&split.validation),
            split,
            objective,
            start,
        })
    }
}

/// The place of each session's image.
pub(super) fn places(images: &Images) -> BTreeMap<(String, String), usize> {
    let place = |i| {
        let visit = images.session(i);
        ((visit.participant.clone(), visit.session.clone()), i)
    };
    (0..images.len()).map(place).collect()
}

/// What a sample's loss is multiplied by, by its class; empty where nothing was asked for.
fn class_weights(split: &Split, config: &Config) -> Result<Vec<f64>> {
    let balance = config.train.flag("balance_classes")?;
    let given = match config.train.has("class_weights") {
        true => Some(config.train.map("class_weights")?),
        false => None,
    };
    let option = if balance { "balance_classes" } else { "class_weights" };
    let wrong = |code, message: String| Error::new(code, message).at(Place::Option(option.into()));
    if !balance && given.is_none() {
        return Ok(Vec::new());
    }
    let Some(classes) = split.classes.as_ref() else {
        return Err(wrong(Code::BadOption, format!("a {} has no classes", config.task)));
    };
    let Some(given) = given else {
        let total: usize = classes.train.iter().sum();
        let share = |n: &usize| total as f64 / (classes.train.len() * n) as f64;
        return Ok(classes.train.iter().map(share).collect());
    };
    if balance {
        return Err(wrong(Code::BadOption, "either weigh the classes or balance them".into()));
    }
    let mut weights = vec![1.0; classes.names.len()];
    for (name, weight) in given {
        let Some(class) = classes.code(name) else {
            let near = did_you_mean(name, classes.names.iter().map(String::as_str));
            let message = format!("there is no class {name:?}{near}");
            let help = format!("the classes are: {}", classes.names.join(", "));
            return Err(wrong(Code::UnknownName, message).help(help));
        };
        match weight.as_f64().filter(|weight| weight.is_finite() && *weight >= 0.0) {
            Some(weight) => weights[class] = weight,
            None => {
                let message = format!("the weight of {name:?} must be a number, 0 or more");
                return Err(wrong(Code::BadOption, message));
            }
        }
    }
    Ok(weights)
}

/// The splits asked for, and whether the folder holds a single one.
pub(super) fn read_splits(config: &Config) -> Result<(Vec<Split>, bool)> {
    let folder = SplitFolder::open(Path::new(config.train.text("splits")?))?;
    let all = folder.indices();
    let wanted = match config.train.has("split") {
        false => all.clone(),
        true => config
            .train
            .ints("split")?
            .iter()
            .map(|i| usize::try_from(*i).unwrap_or(usize::MAX))
            .collect(),
    };
    let classes = match config.train.has("classes") {
        true => Some(config.train.texts("classes")?),
        false => None,
    };
    let column = config.label()?.to_owned();
    let target = match config.task {
        Task::Classification => Target::Class { column, classes },
        Task::Regression => Target::Number { column },
        Task::Reconstruction => Target::None,
    };
    let options = SplitOptions {
        target,
        select: selection(config)?,
        baseline: config.train.flag("baseline")?,
        valid_longitudinal: config.train.flag("valid_longitudinal")?,
        allow_leakage: config.train.flag("allow_leakage")?,
    };
    let splits = folder.read_all(&wanted, &options)?;
    let names = |split: &Split| split.classes.as_ref().map(|classes| classes.names.clone());
    for split in &splits[1..] {
        if names(split) != names(&splits[0]) {
            return Err(Error::new(
                Code::BadClasses,
                format!(
                    "split {} has the classes {:?}, split {} {:?}",
                    splits[0].index,
                    names(&splits[0]).unwrap_or_default(),
                    split.index,
                    names(split).unwrap_or_default()
                ),
            )
            .help("name the classes with the option classes, or train the splits one by one"));
        }
    }
    let single = !folder.path().join(format!("split-{}", all[0])).is_dir()
        && !folder.path().join(format!("fold-{}", all[0])).is_dir();
    Ok((splits, single))
}

/// The rows to use: one column and its values.
fn selection(config: &Config) -> Result<Option<Selection>> {
    if !config.train.has("select") {
        return Ok(None);
    }
    let wrong = |message: &str| {
        Error::new(Code::BadOption, message)
            .at(Place::Option("select".into()))
            .help("name one column and the values to keep: select: #{ diagnosis: [\"CN\"] }")
    };
    let mut columns = config.train.map("select")?.iter();
    let (Some((column, values)), None) = (columns.next(), columns.next()) else {
        return Err(wrong("it must name one column"));
    };
    let values = match values {
        serde_json::Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values: Option<Vec<String>> = values.iter().map(text).collect();
    match values.filter(|values| !values.is_empty()) {
        Some(values) => Ok(Some(Selection { column: column.clone(), values })),
        None => Err(wrong("the values to keep must be a list of texts")),
    }
}
