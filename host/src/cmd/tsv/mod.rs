//! `host tsv`: tables before training.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::Result;
use serde_json::{Value, json};

use crate::output;
use crate::report::{Failure, Sources};

mod adapt;
mod analysis;
mod divide;
mod experiment;
mod kfold;
mod labels;
mod metadata;
mod progression;
mod split;

/// Make the tables that trainings read: who takes part, and on which side of a split
///
/// Tables are tab-separated, with participant_id and session_id. All sessions of a participant stay
/// on one side.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What was done as JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Labels(labels::Args),
    Split(split::Args),
    Kfold(kfold::Args),
    Experiment(experiment::Args),
    Metadata(metadata::Args),
    Progression(progression::Args),
    Analysis(analysis::Args),
    Adapt(adapt::Args),
}

/// What a command did.
#[derive(Debug)]
struct Done {
    text: String,
    /// The same for programs: an object.
    json: Value,
    warnings: Vec<String>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let (json, given) = (args.json, args.command.paths());
    match done(args) {
        Ok(mut done) => {
            done.warnings.iter().for_each(|text| output::note(&format!("warning: {text}")));
            done.json["warnings"] = json!(done.warnings);
            output::line(&if json { done.json.to_string() } else { done.text });
            ExitCode::SUCCESS
        }
        Err(error) => super::failed_at(&given, &Failure::from(error), &Sources::default()),
    }
}

impl Command {
    /// The paths that were given to read.
    fn paths(&self) -> Vec<PathBuf> {
        let (first, second) = match self {
            Self::Labels(args) => (&args.merged, args.restriction.as_ref()),
            Self::Split(args) => (&args.divide.table, None),
            Self::Kfold(args) => (&args.divide.table, None),
            Self::Experiment(args) => (&args.divide.table, None),
            Self::Metadata(args) => (&args.table, Some(&args.from)),
            Self::Progression(args) => (&args.table, None),
            Self::Analysis(args) => (&args.table, args.from.as_ref()),
            Self::Adapt(args) => (&args.old, None),
        };
        second.into_iter().chain([first]).cloned().collect()
    }
}

fn done(args: Args) -> Result<Done> {
    let done = match args.command {
        Command::Split(args) => split::run(args),
        Command::Kfold(args) => kfold::run(args),
        Command::Experiment(args) => experiment::run(args),
        Command::Metadata(args) => metadata::run(args),
        Command::Progression(args) => progression::run(args),
        Command::Labels(args) => labels::run(args),
        Command::Analysis(args) => analysis::run(args),
        Command::Adapt(args) => adapt::run(args),
    };
    done.map_err(divide::advised)
}

#[cfg(test)]
mod tests;
