//! `host predict`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::predict::predict;
use neurhai_core::{Code, Error, Experiment, Place, Result};
use serde_json::{Map, Value, json};

use super::{Kept, failed, misused};
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::show;

/// Predict a group of people with the networks of an experiment
///
/// Results go into the experiment folder, in the tables that training writes:
/// split-<k>/best-<metric>/<GROUP>/ for each split and selection metric, and what all splits say
/// together in ensemble/best-<metric>/<GROUP>/.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// The group: a new name, one that was predicted before, train or validation
    group: String,

    /// The CAPS with the images, or the .tsv of cohorts; by default that of the experiment
    #[arg(long, value_name = "PATH")]
    caps: Option<PathBuf>,

    /// The table of a new group's sessions, or a .tsv with a table for each cohort
    #[arg(long, value_name = "FILE")]
    participants: Option<PathBuf>,

    /// The column that says what is true; by default that of the experiment, where the table has it
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// Do not look for what is true: no metrics
    #[arg(long)]
    no_labels: bool,

    /// Keep only sessions of these classes
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,

    /// Keep only sessions with one of these values in a column
    #[arg(long, value_name = "COLUMN=VALUE,…")]
    select: Option<String>,

    /// The splits whose networks predict; by default all
    #[arg(long, value_name = "SPLIT,…", value_delimiter = ',')]
    split: Vec<usize>,

    /// The selection metrics whose best networks predict; by default all
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',')]
    selection_metrics: Vec<String>,

    /// Go on where the networks have seen participants of the group; this is recorded
    #[arg(long)]
    allow_leakage: bool,

    /// Write what the networks see and give, each part as .pt
    #[arg(long)]
    save_tensors: bool,

    /// Write what they see and reconstruct as images (.nii.gz)
    #[arg(long)]
    save_nifti: bool,

    /// Write the codes of each part as .pt
    #[arg(long)]
    save_latent: bool,

    /// Replace results that are there already, once the new ones are complete
    #[arg(long)]
    overwrite: bool,

    /// Samples per forward pass
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Threads that compute; by default as many as there are processors
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// The results as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    kept: Kept,
}

impl Args {
    /// What was said, as the options of the core.
    fn options(&self) -> Result<Map<String, Value>> {
        let path =
            |path: &Option<PathBuf>| path.as_ref().map(|path| json!(path.display().to_string()));
        let list = |all: Value| all.as_array().is_some_and(|all| !all.is_empty()).then_some(all);
        let select = self.select.as_deref().map(selection).transpose()?;
        let given = [
            ("caps", path(&self.caps)),
            ("participants", path(&self.participants)),
            ("label", self.label.as_ref().map(|label| json!(label))),
            ("labels", self.no_labels.then(|| json!(false))),
            ("classes", list(json!(self.classes))),
            ("select", select),
            ("split", list(json!(self.split))),
            ("selection_metrics", list(json!(self.selection_metrics))),
            ("allow_leakage", self.allow_leakage.then(|| json!(true))),
            ("save_tensors", self.save_tensors.then(|| json!(true))),
            ("save_nifti", self.save_nifti.then(|| json!(true))),
            ("save_latent", self.save_latent.then(|| json!(true))),
            ("overwrite", self.overwrite.then(|| json!(true))),
            ("batch_size", self.batch_size.map(|n| json!(n))),
            ("device", self.device.as_ref().map(|device| json!(device))),
            ("threads", self.threads.map(|n| json!(n))),
        ];
        Ok(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

/// `diagnosis=AD,CN` as a map.
pub(super) fn selection(text: &str) -> Result<Value> {
    match text.split_once('=') {
        Some((column, values)) if !column.is_empty() && !values.is_empty() => {
            let values: Vec<&str> = values.split(',').map(str::trim).collect();
            Ok(json!({ column: values }))
        }
        _ => {
            Err(Error::new(Code::BadOption, format!("{text:?} does not name a column and values"))
                .at(Place::Option("select".into()))
                .help("write --select diagnosis=AD,CN"))
        }
    }
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let options = match args.options() {
        Ok(options) => options,
        Err(error) => return misused(error),
    };
    let experiment = match Experiment::open(&args.maps) {
        Ok(experiment) => experiment,
        Err(error) => return failed(&Failure::from(error), &Sources::default()),
    };
    let registering = match args.kept.registering(&args.maps, &experiment) {
        Ok(registering) => registering,
        Err(error) => return misused(error),
    };
    let runtime = match registering.runtime_for(&args.kept.arguments, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let found = runtime.in_session(|session| {
        let found = predict(&args.maps, &args.group, &options, session)?;
        Ok(match args.json {
            true => serde_json::to_string_pretty(&found).map_err(|error| {
                Error::new(Code::Internal, "cannot write the results").because(error)
            })?,
            false => show::predicted(&found),
        })
    });
    match found {
        Ok(text) => {
            output::line(&text);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&Failure::from(error), runtime.sources()),
    }
}
