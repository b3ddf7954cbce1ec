//! `host check SCRIPT --show config`.

use std::process::ExitCode;

use serde_json::json;

use super::{ScriptArgs, failed};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
use crate::runtime::{Ending, Mode};
use crate::show;

/// Shows every option of a script's trainings with its value, and where that comes from. No image is
/// looked at.
pub(super) fn run(script: &ScriptArgs, json: bool, plugins: &Options) -> ExitCode {
    let runtime = match script.runtime(Mode::Resolve, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&script.script);
    let trainings = runtime.trainings();
    if json {
        output::line(&json!({ "trainings": trainings }).to_string());
    } else {
        trainings.iter().for_each(|training| output::line(&show::configuration(training)));
    }
    match ending {
        Ok(Ending::ResultsNeeded(Some(place))) => {
            output::note(&format!("what follows {place} needs results and was not run"));
        }
        Ok(_) if trainings.is_empty() => output::note("the script trains nothing"),
        Ok(_) => {}
        Err(failure) => return failed(&failure, runtime.sources()),
    }
    match runtime.check_overrides() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&Failure::from(error), runtime.sources()),
    }
}
