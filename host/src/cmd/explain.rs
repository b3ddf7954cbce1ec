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

    /// As JSON: a list, as several kinds of things may have one name
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    registering: Registering,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.registering.runtime(plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let catalog = runtime.catalog();
    let told = match args.json {
        true => explain::json(&catalog, &args.name).map(|found| found.to_string()),
        false => explain::anything(&catalog, &args.name),
    };
    match told {
        Ok(text) => {
            output::line(&text);
            ExitCode::SUCCESS
        }
        Err(error) => misused(error),
    }
}
