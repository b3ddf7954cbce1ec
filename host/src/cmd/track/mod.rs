//! `host track`: mirrors of experiments on tracking servers.

use std::process::ExitCode;

mod push;

/// Send the records of an experiment to a tracking server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Push(push::Args),
}

pub(super) fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Push(args) => push::run(args),
    }
}
