//! `host interpret`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::interpret::interpret;
use neurhai_core::{Code, Error, Place, Result};
use serde_json::{Map, Value, json};

use super::group::{Group, flag, path, unchanged};
use super::{Kept, failed_at, misused};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
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

    #[command(flatten)]
    of: Group,

    /// What was found as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    kept: Kept,
}

impl Args {
    /// What was said, as the options of the core.
    fn options(&self) -> Result<Map<String, Value>> {
        self.of.options([
            ("method", Some(json!(self.method))),
            ("method_options", Some(Value::Object(self.method_options()?))),
            ("target", self.target.as_ref().map(|target| json!(target))),
            ("randomise", flag(self.randomise)),
            ("atlas", path(&self.atlas)),
            ("atlas_names", path(&self.atlas_names)),
            ("pictures", self.no_pictures.then(|| json!(false))),
        ])
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
            if options.insert(name.into(), value).is_some() {
                return Err(Error::new(Code::BadOption, format!("{name} is given twice"))
                    .at(Place::Option("option".into()))
                    .help("give each option of the method once"));
            }
        }
        Ok(options)
    }
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let options = match args.options() {
        Ok(options) => options,
        Err(error) => return misused(error),
    };
    let runtime = match args.kept.runtime(&args.maps, plugins) {
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
        Err(error) => {
            let error = unchanged(error);
            let given = args.of.paths().chain(&args.atlas).chain(&args.atlas_names);
            failed_at(given, &Failure::from(error), runtime.sources())
        }
    }
}
