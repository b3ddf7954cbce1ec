//! Who trains and who validates, with what is to be learned of each.

use std::collections::BTreeMap;
use std::path::Path;

use super::config::Config;
use super::fraction;
use super::objective::Objective;
use super::start::Start;
use crate::data::images::Images;
use crate::data::participants::Key;
use crate::data::split::{Classes, Label, Row, Selection, Split, SplitOptions, Splits, Target};
use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};
use crate::options::Options;
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
    pub(super) fn new(
        split: Split,
        images: &BTreeMap<Key, usize>,
        objective: Objective,
        start: Start,
    ) -> Self {
        let side = |rows: &[Row]| -> Vec<(usize, Label)> {
            let image = |row: &Row| Some((*images.get(&row.session.key())?, row.label));
            rows.iter().filter_map(image).collect()
        };
        Self {
            train: side(&split.train),
            validation: side(&split.validation),
            split,
            objective,
            start,
        }
    }
}

/// The place of each session's image.
pub(crate) fn places(images: &Images) -> BTreeMap<Key, usize> {
    (0..images.len()).map(|i| (images.session(i).key(), i)).collect()
}

/// Class weights that neither vanish nor overflow in float32, their products with a loss included.
const WEIGHTS: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

/// What should be known of a split whose validation lacks a class.
pub(super) fn missing_classes(split: &Split) -> Option<String> {
    let classes = split.classes.as_ref()?;
    let counts = classes.names.iter().zip(&classes.validation);
    let missing: Vec<String> =
        counts.filter(|(_, n)| **n == 0).map(|(name, _)| format!("{name:?}")).collect();
    if missing.is_empty() {
        return None;
    }
    Some(format!(
        "validation of split {} has no image of {}: BA and the like are those of the other classes",
        split.index,
        missing.join(", ")
    ))
}

/// What a sample's loss is multiplied by, by its class; empty where nothing was asked for. Balanced
/// are n / (classes · n of the class), where n counts the training sessions of the split; so they
/// have mean 1 over them, as scikit-learn's `class_weight="balanced"`.
///
/// # Errors
/// Weights of classes that do not exist, and what is no weight.
pub(crate) fn class_weights(classes: Option<&Classes>, config: &Config) -> Result<Vec<f64>> {
    // That classes are learned is checked with the options.
    let Some(classes) = classes else { return Ok(Vec::new()) };
    if config.train.flag("balance_classes")? {
        let total: usize = classes.train.iter().sum();
        let share = |n: &usize| total as f64 / (classes.train.len() * n) as f64;
        return Ok(classes.train.iter().map(share).collect());
    }
    if !config.train.has("class_weights") {
        return Ok(Vec::new());
    }
    let mut problems = Problems::default();
    let mut wrong = |code, message: String, help: String| {
        let here = Place::Option("class_weights".into());
        problems.push(Error::new(code, message).at(here).help(help));
    };
    let mut weights = vec![1.0; classes.names.len()];
    for (name, weight) in config.train.map("class_weights")? {
        let number = weight.as_f64().filter(|w| *w == 0.0 || WEIGHTS.contains(w));
        match (classes.code(name), number) {
            (Some(class), Some(number)) => weights[class] = number,
            (None, _) => {
                let near = did_you_mean(name, classes.names.iter().map(String::as_str));
                let help = format!("the classes are: {}", classes.names.join(", "));
                wrong(Code::UnknownName, format!("there is no class {name:?}{near}"), help);
            }
            (Some(_), None) => wrong(
                Code::BadOption,
                format!("the weight of the class {name:?} cannot be {weight}"),
                format!(
                    "a weight is 0, or a number from {:e} to {:e}",
                    WEIGHTS.start(),
                    WEIGHTS.end()
                ),
            ),
        }
    }
    if !weights.iter().any(|weight| *weight > 0.0) {
        let message = "every class has the weight 0, so nothing would be learned";
        wrong(Code::BadOption, message.into(), "give a class a weight above 0".into());
    }
    problems.into_result()?;
    Ok(weights)
}

/// The splits asked for, and whether there is a single one that is no fold.
pub(super) fn read_splits(config: &Config) -> Result<(Vec<Split>, bool)> {
    let tables = Splits::open(Path::new(config.train.text("splits")?))?;
    let all = tables.indices();
    let wanted = match config.train.has("split") {
        false => all,
        true => wanted(&config.train.ints("split")?, &all)?,
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
        select: selection(&config.train)?,
        baseline: config.train.flag("baseline")?,
        valid_longitudinal: config.train.flag("valid_longitudinal")?,
        allow_leakage: config.train.flag("allow_leakage")?,
    };
    let mut splits = tables.read_all(&wanted, &options)?;
    let share = config.train.float("train_fraction")?;
    splits.iter_mut().for_each(|split| fraction::keep(split, share, config.seed));
    Ok((splits, tables.single()))
}

/// The splits that the option asks for: one or more, each once and there.
fn wanted(asked: &[i64], all: &[usize]) -> Result<Vec<usize>> {
    let known = || all.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let wrong = |code, message: String| {
        Error::new(code, message)
            .at(Place::Option("split".into()))
            .help(format!("name one or more of {}, or leave it out for all", known()))
    };
    let mut wanted = Vec::with_capacity(asked.len());
    for index in asked {
        match usize::try_from(*index).ok().filter(|index| all.contains(index)) {
            Some(found) if !wanted.contains(&found) => wanted.push(found),
            Some(found) => {
                return Err(wrong(Code::BadOption, format!("split {found} is asked for twice")));
            }
            None => return Err(wrong(Code::BadSplit, format!("there is no split {index}"))),
        }
    }
    match wanted.is_empty() {
        true => Err(wrong(Code::BadOption, "no split is asked for".into())),
        false => Ok(wanted),
    }
}

/// The rows to use: one column and its values.
///
/// # Errors
/// What does not name one column and values.
pub(crate) fn selection(options: &Options) -> Result<Option<Selection>> {
    if !options.has("select") {
        return Ok(None);
    }
    let wrong = |message: &str| {
        Error::new(Code::BadOption, message)
            .at(Place::Option("select".into()))
            .help("name one column and the values to keep: select: #{ diagnosis: [\"CN\"] }")
    };
    let mut columns = options.map("select")?.iter();
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
