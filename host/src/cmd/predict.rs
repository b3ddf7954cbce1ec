//! `host predict`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::predict::predict;
use neurhai_core::{Code, Error, Result};
use serde_json::{Map, Value};

use super::group::{Group, flag, unchanged};
use super::{Kept, failed_at, misused};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
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

    #[command(flatten)]
    of: Group,

    /// Write what the networks see and give, each part as .pt
    #[arg(long)]
    save_tensors: bool,

    /// Write what they see and reconstruct as images (.nii.gz)
    #[arg(long)]
    save_nifti: bool,

    /// Write the codes of each part as .pt
    #[arg(long)]
    save_latent: bool,

    /// The results as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    kept: Kept,
}

impl Args {
    /// What was said, as the options of the core.
    fn options(&self) -> Result<Map<String, Value>> {
        self.of.options([
            ("save_tensors", flag(self.save_tensors)),
            ("save_nifti", flag(self.save_nifti)),
            ("save_latent", flag(self.save_latent)),
        ])
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
        Err(error) => {
            let error = unchanged(error);
            failed_at(args.of.paths(), &Failure::from(error), runtime.sources())
        }
    }
}
