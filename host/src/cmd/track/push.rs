//! `host track push`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::super::failed_at;
use crate::output;
use crate::report::{Failure, Sources};
use crate::track::{Target, push};

/// Send what a server does not have yet of an experiment: options, versions and all evaluations
///
/// It can be done while the run goes on, after it, and again: nothing is sent twice. MLflow shows a run
/// for each split.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// The server: mlflow:http://HOST:PORT, and after a # the experiment [neurhai]
    #[arg(long, value_name = "SERVER", env = "NEURHAI_TRACK")]
    to: Target,
}

pub(in super::super) fn run(args: &Args) -> ExitCode {
    match push(&args.maps, &args.to, false) {
        Ok(sent) => {
            for one in &sent {
                let (split, values) = (one.split, one.values);
                output::line(&format!("split {split}: {values} values sent, {}", one.page));
            }
            if sent.is_empty() {
                output::line("no split was begun: there is nothing to send");
            }
            ExitCode::SUCCESS
        }
        Err(error) => failed_at([&args.maps], &Failure::from(error), &Sources::default()),
    }
}
