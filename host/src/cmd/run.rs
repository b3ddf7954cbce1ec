//! `host run`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{ScriptArgs, failed};
use crate::plugins::Options;
use crate::report::Failure;
use crate::runtime::Mode;
use crate::track;

/// Run a script
///
/// Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 finish the step that is running and save where training stands;
/// `host resume` goes on from there. The exit code is then 128 and the signal's number: 130 for Ctrl-C,
/// 143 for SIGTERM, 138 for SIGUSR1, which clusters send before a job's time is up.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    tracking: track::Options,

    /// A file of options that win over all others: a trial of a search, or a point of a learning curve
    #[arg(long, value_name = "FILE", hide = true)]
    trial: Option<PathBuf>,

    #[command(flatten)]
    script: ScriptArgs,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.script.runtime_of(args.trial.as_deref(), Mode::Run, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    args.tracking.track.iter().for_each(track::begin);
    let done = runtime.run_file(&args.script.script);
    track::finish();
    match done {
        Ok(_) => match runtime.check_overrides() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&Failure::from(error), runtime.sources()),
        },
        Err(failure) => failed(&failure, runtime.sources()),
    }
}
