//! `host explain`.

use std::process::ExitCode;

use super::{misused, runtime};
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::runtime::Mode;
use crate::show::explain;

/// Explain a layer, architecture, metric, vote, function, or the code of an error
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to explain: conv, Conv5_FC3, train, E0202, …
    #[arg(value_name = "NAME|CODE")]
    name: String,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match runtime(None, Arguments::default(), Mode::Define, plugins) {
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
