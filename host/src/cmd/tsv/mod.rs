//! `host tsv`: tables before training.

use std::process::ExitCode;

use neurhai_core::Result;

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
        Command::Labels(args) => labels::run(args),
        Command::Analysis(args) => analysis::run(args),
        Command::Adapt(args) => adapt::run(args),
    };
    done.map_err(divide::advised)
}

#[cfg(test)]
mod tests;
