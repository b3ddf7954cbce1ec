//! `host check`.

use std::process::ExitCode;

use super::{ScriptArgs, failed};
use crate::output;
use crate::plugins::Options;
use crate::runtime::{Ending, Mode};
use crate::show;

/// Check a script and its data: everything short of training, all problems at once
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    script: ScriptArgs,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.script.runtime(Mode::Check, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&args.script.script);
    for report in runtime.reports() {
        output::line(&show::check_report(&runtime.catalog(), &report));
    }
    match ending {
        Ok(Ending::ResultsNeeded(Some(place))) => {
            output::line(&format!(
                "ready to run; what follows {place} needs results and was not checked"
            ));
            ExitCode::SUCCESS
        }
        Ok(_) => {
            let trains = !runtime.reports().is_empty();
            output::line(if trains { "ready to run" } else { "the script trains nothing" });
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure, runtime.sources()),
    }
}
