//! `host completions`.

use std::process::ExitCode;

use clap_complete::Shell;

use super::help;
use crate::output;

/// Write what a shell needs to complete commands and options
///
/// For bash: host completions bash > ~/.local/share/bash-completion/completions/host
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::public(), "host", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}
