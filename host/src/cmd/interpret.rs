//! `host interpret`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::interpret::interpret;
use neurhai_core::{Code, Error, Experiment, Place, Result};
use serde_json::{Map, Value, json};

use super::predict::selection;
use super::{Kept, failed, misused};
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::show;

/// Show which voxels of a group's images the networks of an experiment go by
///
/// Maps go into the experiment folder: split-<k>/best-<metric>/<GROUP>/interpret-<NAME>/ has one for
/// each image, in its own space, their means, and pictures of them over the anatomy.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// The group: a new name, one that was asked about before, train or validation
    group: String,

    /// A name for this interpretation
    name: String,

    /// How maps are made: gradients, integrated_gradients, smooth_grad, grad_cam or occlusion;
    /// host explain tells more about each
    method: String,

    /// An option of the method, such as steps=100; may be given several times
    #[arg(short, long = "option", value_name = "OPTION=VALUE")]
    options: Vec<String>,

    /// The class whose output is explained, by name or code, or "predicted"; by default that with the
    /// code 0
    #[arg(long, value_name = "CLASS")]
    target: Option<String>,

    /// Compare each map with that of a network with random weights
    #[arg(long)]
    randomise: bool,

    /// An image of labels on the images' grid: write means per region
    #[arg(long, value_name = "FILE")]
    atlas: Option<PathBuf>,

    /// A table with the columns index and name: what the labels are called
    #[arg(long, value_name = "FILE")]
    atlas_names: Option<PathBuf>,

    /// Draw no pictures
    #[arg(long)]
    no_pictures: bool,

    /// The CAPS with the images, or the .tsv of cohorts; by default that of the experiment
    #[arg(long, value_name = "PATH")]
    caps: Option<PathBuf>,

    /// The table of a new group's sessions, or a .tsv with a table for each cohort
    #[arg(long, value_name = "FILE")]
    participants: Option<PathBuf>,

    /// The column that says what is true; by default that of the experiment, where the table has it
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// Do not look for what is true: no means per class
    #[arg(long)]
    no_labels: bool,

    /// Keep only sessions of these classes
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    classes: Vec<String>,

    /// Keep only sessions with one of these values in a column
    #[arg(long, value_name = "COLUMN=VALUE,…")]
    select: Option<String>,

    /// The splits whose networks are asked; by default all
    #[arg(long, value_name = "SPLIT,…", value_delimiter = ',')]
    split: Vec<usize>,

    /// The selection metrics whose best networks are asked; by default all
    #[arg(long, value_name = "METRIC,…", value_delimiter = ',')]
    selection_metrics: Vec<String>,

    /// Go on where the networks have seen participants of the group; this is recorded
    #[arg(long)]
    allow_leakage: bool,

    /// Replace an interpretation of this name, once the new one is complete
    #[arg(long)]
    overwrite: bool,

    /// Samples per pass
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Threads that compute; by default as many as there are processors
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// What was found as JSON
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
        let flag = |given: bool, value: bool| given.then(|| json!(value));
        let select = self.select.as_deref().map(selection).transpose()?;
        let given = [
            ("method", Some(json!(self.method))),
            ("method_options", Some(Value::Object(self.method_options()?))),
            ("target", self.target.as_ref().map(|target| json!(target))),
            ("randomise", flag(self.randomise, true)),
            ("atlas", path(&self.atlas)),
            ("atlas_names", path(&self.atlas_names)),
            ("pictures", flag(self.no_pictures, false)),
            ("caps", path(&self.caps)),
            ("participants", path(&self.participants)),
            ("label", self.label.as_ref().map(|label| json!(label))),
            ("labels", flag(self.no_labels, false)),
            ("classes", list(json!(self.classes))),
            ("select", select),
            ("split", list(json!(self.split))),
            ("selection_metrics", list(json!(self.selection_metrics))),
            ("allow_leakage", flag(self.allow_leakage, true)),
            ("overwrite", flag(self.overwrite, true)),
            ("batch_size", self.batch_size.map(|n| json!(n))),
            ("device", self.device.as_ref().map(|device| json!(device))),
            ("threads", self.threads.map(|n| json!(n))),
        ];
        Ok(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }

    fn method_options(&self) -> Result<Map<String, Value>> {
        let mut options = Map::new();
        for text in &self.options {
            let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty())
            else {
                let message = format!("{text:?} gives no option a value");
                return Err(Error::new(Code::BadOption, message)
                    .at(Place::Option("option".into()))
                    .help("write --option steps=100"));
            };
            // What is no JSON is a text.
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            options.insert(name.into(), value);
        }
        Ok(options)
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
        let found = interpret(&args.maps, &args.group, &args.name, &options, session)?;
        Ok(match args.json {
            true => serde_json::to_string_pretty(&found).map_err(|error| {
                Error::new(Code::Internal, "cannot write the results").because(error)
            })?,
            false => show::interpreted(&found),
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
