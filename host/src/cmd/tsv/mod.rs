//! `host tsv`: tables before training.

use std::process::ExitCode;

use neurhai_core::Result;

use crate::output;
use crate::report::{Failure, Sources};

mod divide;
mod experiment;
mod kfold;
mod metadata;
mod progression;
mod split;

/// Make the tables that trainings read: who takes part, and on which side of a split
///
/// Tables are tab-separated, with participant_id and session_id. All sessions of a participant stay
/// on one side.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Split(split::Args),
    Kfold(kfold::Args),
    Experiment(experiment::Args),
    Metadata(metadata::Args),
    Progression(progression::Args),
}

/// What a command did.
#[derive(Debug)]
struct Done {
    text: String,
    warnings: Vec<String>,
}

pub(super) fn run(args: Args) -> ExitCode {
    match done(args) {
        Ok(done) => {
            done.warnings.iter().for_each(|text| output::note(&format!("warning: {text}")));
            output::line(&done.text);
            ExitCode::SUCCESS
        }
        Err(error) => super::failed(&Failure::from(error), &Sources::default()),
    }
}

fn done(args: Args) -> Result<Done> {
    let done = match args.command {
        Command::Split(args) => split::run(args),
        Command::Kfold(args) => kfold::run(args),
        Command::Experiment(args) => experiment::run(args),
        Command::Metadata(args) => metadata::run(args),
        Command::Progression(args) => progression::run(args),
    };
    done.map_err(divide::advised)
}

#[cfg(test)]
mod tests;
