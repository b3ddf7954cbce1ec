//! `host check SCRIPT --show config`.

use std::process::ExitCode;

use super::{ScriptArgs, exit_code, failed, found_json};
use crate::output;
use crate::plugins::Options;
use crate::runtime::{Ending, Mode};
use crate::show;

/// Shows every option of a script's trainings with its value, and where that comes from. No image is
/// looked at.
pub(super) fn run(script: &ScriptArgs, json: bool, plugins: &Options) -> ExitCode {
    let runtime = match script.runtime(Mode::Resolve, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&script.script).and_then(|ending| {
        runtime.check_overrides()?;
        Ok(ending)
    });
    let trainings = runtime.trainings();
    if json {
        found_json("trainings", &trainings, ending.as_ref().err());
    } else {
        trainings.iter().for_each(|training| output::line(&show::configuration(training)));
    }
    match ending {
        Ok(Ending::ResultsNeeded(Some(place))) => {
            output::note(&format!("what follows {place} needs results and was not run"));
        }
        Ok(_) if trainings.is_empty() => output::note("the script trains nothing"),
        Ok(_) => {}
        Err(failure) if json => return exit_code(&failure),
        Err(failure) => return failed(&failure, runtime.sources()),
    }
    ExitCode::SUCCESS
}
