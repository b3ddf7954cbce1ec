//! `host check`.

use std::process::ExitCode;

use super::{ScriptArgs, failed, show_config};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
use crate::runtime::{Ending, Mode};
use crate::show;

/// Check a script and its data: everything short of training, all problems at once
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only show this of the script, without looking at its data
    #[arg(long, value_name = "WHAT")]
    show: Option<Show>,

    /// As JSON
    #[arg(long, requires = "show")]
    json: bool,

    #[command(flatten)]
    script: ScriptArgs,
}

/// What can be shown of a script.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Show {
    /// Every option, its value, and where that comes from
    Config,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    if let Some(Show::Config) = args.show {
        return show_config::run(&args.script, args.json, plugins);
    }
    let runtime = match args.script.runtime(Mode::Check, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&args.script.script);
    for report in runtime.reports() {
        output::line(&show::check_report(&runtime.catalog(), &report));
    }
    if let (Ok(_), Err(error)) = (&ending, runtime.check_overrides()) {
        return failed(&Failure::from(error), runtime.sources());
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
