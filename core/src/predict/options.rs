//! What may be said about a prediction.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::group::GroupOptions;
use super::save::Saved;
use crate::data::split::check_label;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::options::{Kind, OptionSpec, Options};
use crate::train::sides::selection;

/// The options of [`predict`](super::predict).
pub fn options() -> Vec<OptionSpec> {
    let flag = |name, help| OptionSpec::new(name, Kind::Bool, false, help);
    vec![
        OptionSpec::absent(
            "caps",
            Kind::Text,
            "that of the experiment, or of the group",
            "the CAPS with the images, or a .tsv of cohorts; of a group that is there, where they are now",
        ),
        OptionSpec::absent(
            "participants",
            Kind::Text,
            "those of the group that the experiment has",
            "the table of a new group's sessions, or a .tsv with a table for each cohort",
        ),
        OptionSpec::absent(
            "label",
            Kind::Text,
            "that of the experiment, where the table has it",
            "the column that says what is true",
        ),
        OptionSpec::new("labels", Kind::Bool, true, "whether to look for what is true"),
        OptionSpec::absent(
            "classes",
            Kind::Texts,
            "all sessions, which must be of classes that the network knows",
            "the classes whose sessions are kept",
        ),
        OptionSpec::absent(
            "select",
            Kind::Map,
            "all sessions",
            "the sessions to keep: one column and its values, { diagnosis: [\"CN\"] }",
        ),
        OptionSpec::absent("split", Kind::Ints, "all", "the splits whose networks predict"),
        OptionSpec::absent(
            "selection_metrics",
            Kind::Texts,
            "all",
            "the metrics whose best networks predict",
        ),
        flag("allow_leakage", "go on where the networks have seen participants of the group"),
        flag("save_tensors", "write what the networks see and give of each part as .pt"),
        flag("save_nifti", "write what they see and reconstruct as images"),
        flag("save_latent", "write the codes of each part as .pt"),
        flag("overwrite", "replace results that are there already"),
        OptionSpec::absent(
            "batch_size",
            Kind::Int { min: 1, max: 1 << 20 },
            "as in the evaluations of training",
            "samples per forward pass",
        ),
        OptionSpec::new("device", Kind::Text, json!("auto"), "auto, cpu, cuda or cuda:N"),
        OptionSpec::absent(
            "threads",
            Kind::Int { min: 1, max: 1024 },
            "all processors",
            "threads that networks compute with; files are written by all processors",
        ),
    ]
}

/// The options, read.
pub(crate) struct Asked {
    pub(crate) group: GroupOptions,
    pub(crate) splits: Option<Vec<usize>>,
    pub(crate) metrics: Option<Vec<String>>,
    pub(crate) saved: Saved,
    pub(crate) batch_size: Option<usize>,
    pub(crate) device: String,
    pub(crate) threads: Option<i32>,
}

impl Asked {
    /// Checks all options at once.
    pub(crate) fn read(given: &Map<String, Value>) -> Result<Self> {
        let options = Options::check(&options(), given, "predict")?;
        let path = |name| -> Result<Option<PathBuf>> {
            Ok(if options.has(name) { Some(options.text(name)?.into()) } else { None })
        };
        let texts = |name: &str| -> Result<Option<Vec<String>>> {
            let found = if options.has(name) { Some(options.texts(name)?) } else { None };
            match found {
                Some(names) if names.is_empty() => Err(empty(name)),
                found => Ok(found),
            }
        };
        let count = |name| -> Result<Option<usize>> {
            Ok(if options.has(name) { Some(options.int(name)? as usize) } else { None })
        };
        let splits = || -> Result<Option<Vec<usize>>> {
            if !options.has("split") {
                return Ok(None);
            }
            let splits = options.ints("split")?;
            let numbers = splits.iter().map(|split| {
                usize::try_from(*split).map_err(|_| {
                    Error::new(Code::BadOption, format!("there is no split {split}"))
                        .at(Place::Option("split".into()))
                })
            });
            let numbers: Vec<usize> = numbers.collect::<Result<_>>()?;
            if numbers.is_empty() { Err(empty("split")) } else { Ok(Some(numbers)) }
        };
        let mut problems = Problems::default();
        if options.has("label") {
            problems.take(check_label(options.text("label")?));
        }
        let (splits, metrics) =
            (problems.take(splits()), problems.take(texts("selection_metrics")));
        let (classes, select) =
            (problems.take(texts("classes")), problems.take(selection(&options)));
        problems.into_result()?;
        Ok(Self {
            group: GroupOptions {
                caps: path("caps")?,
                participants: path("participants")?,
                label: match options.has("label") {
                    true => Some(options.text("label")?.to_owned()),
                    false => None,
                },
                no_labels: !options.flag("labels")?,
                classes: classes.flatten(),
                select: select.flatten(),
                allow_leakage: options.flag("allow_leakage")?,
                overwrite: options.flag("overwrite")?,
            },
            splits: splits.flatten(),
            metrics: metrics.flatten(),
            saved: Saved {
                tensors: options.flag("save_tensors")?,
                nifti: options.flag("save_nifti")?,
                latent: options.flag("save_latent")?,
            },
            batch_size: count("batch_size")?,
            device: options.text("device")?.to_owned(),
            threads: count("threads")?.map(|threads| threads as i32),
        })
    }
}

fn empty(name: &str) -> Error {
    Error::new(Code::BadOption, format!("{name} is an empty list"))
        .at(Place::Option(name.into()))
        .help("leave it out for all")
}
