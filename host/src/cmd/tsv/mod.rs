//! `host tsv`: tables before training.

use std::process::ExitCode;

use crate::output;
use crate::report::{Failure, Sources};

mod divide;
mod experiment;
mod kfold;
mod split;

/// Divide the participants of a table into splits: stratified, balanced, reproducible
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
}

pub(super) fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Split(args) => split::run(args),
        Command::Kfold(args) => kfold::run(args),
        Command::Experiment(args) => experiment::run(args),
    };
    match done {
        Ok(text) => {
            output::line(&text);
            ExitCode::SUCCESS
        }
        Err(error) => super::failed(&Failure::from(error), &Sources::default()),
    }
}
