//! `host doctor`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::doctor::{State, examine};
use crate::output;
use crate::plugins::Options;
use crate::show;

/// Say what this program finds here: libtorch, devices, threads, memory, disk, plugins, and what to mend
///
/// The exit code is 1 where something would keep a run from working.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder where experiments are to be written
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: PathBuf,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, plugins: &Options) -> ExitCode {
    let findings = examine(&args.output, plugins);
    output::line(&match args.json {
        true => json!({ "findings": findings }).to_string(),
        false => show::examined(&findings),
    });
    ExitCode::from(u8::from(findings.iter().any(|finding| finding.state == State::Problem)))
}
