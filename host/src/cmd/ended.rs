//! How commands end that fail, and what they say then.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::{Code, Error};
use serde::Serialize;
use serde_json::json;

use crate::report::{Failure, Sources};
use crate::{output, signals};

/// The code of a mistake on the command line.
pub(super) const USAGE: u8 = 2;

/// Shows why a command failed.
pub(super) fn failed(failure: &Failure, sources: &Sources) -> ExitCode {
    if failure.code() == Code::Interrupted && !output::manner().json {
        for one in &failure.diagnostics {
            output::note(&format!("interrupted: {}", one.problem.message));
            if let Some(help) = &one.problem.help {
                output::note(help);
            }
        }
    } else {
        told(failure, sources);
    }
    exit_code(failure)
}

/// Shows why a command failed that was given these paths: one that leads nowhere is a mistake on the
/// command line.
pub(super) fn failed_at<'p>(
    paths: impl IntoIterator<Item = &'p PathBuf>,
    failure: &Failure,
    sources: &Sources,
) -> ExitCode {
    let code = failed(failure, sources);
    let nowhere = |path: &PathBuf| !path.exists();
    match failure.code() == Code::FileNotFound && paths.into_iter().any(nowhere) {
        true => ExitCode::from(USAGE),
        false => code,
    }
}

/// Shows as one JSON object what was found, under its `name`, and beside it the errors of a failure.
pub(super) fn found_json(name: &str, found: &impl Serialize, failure: Option<&Failure>) {
    let mut all = failure.map_or_else(|| json!({}), Failure::json);
    all[name] = json!(found);
    output::line(&all.to_string());
}

pub(super) fn exit_code(failure: &Failure) -> ExitCode {
    match failure.code() {
        Code::Interrupted => ExitCode::from(signals::exit_code()),
        Code::Internal => ExitCode::from(USAGE),
        _ => ExitCode::from(1),
    }
}

/// Shows a failure, as JSON where results would be.
fn told(failure: &Failure, sources: &Sources) {
    if output::manner().json {
        output::line(&failure.json().to_string());
    } else {
        output::report(failure.render(sources, output::style()).trim_end());
    }
}

/// Shows a mistake on the command line.
pub(super) fn misused(error: Error) -> ExitCode {
    told(&Failure::from(error), &Sources::default());
    ExitCode::from(USAGE)
}
