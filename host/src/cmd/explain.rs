//! `host explain`.

use std::process::ExitCode;

use super::{Registering, misused};
use crate::output;
use crate::plugins::Options;
use crate::show::explain;

/// Explain whatever has a name: a layer, architecture, vote, metric, function, error code, …
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to explain: conv, Conv5_FC3, train, E0202, …
    #[arg(value_name = "NAME|CODE")]
    name: String,

    #[command(flatten)]
    registering: Registering,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.registering.runtime(plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match explain::anything(&runtime.catalog(), &args.name) {
        Ok(text) => {
            output::line(&text);
            ExitCode::SUCCESS
        }
        Err(error) => misused(error),
    }
}
