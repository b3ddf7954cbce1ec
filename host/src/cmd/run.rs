//! `host run`.

use std::process::ExitCode;

use super::{ScriptArgs, failed};
use crate::plugins::Options;
use crate::runtime::Mode;

/// Run a script
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    script: ScriptArgs,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.script.runtime(Mode::Run, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.run_file(&args.script.script) {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, runtime.sources()),
    }
}
