//! `host explain`.

use std::process::ExitCode;

use neurhai_core::error::did_you_mean;
use neurhai_core::{Code, Error};

use super::{misused, runtime};
use crate::functions;
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
    let name = args.name.as_str();
    if let Some(code) = Code::find(name) {
        output::line(&explain::code(code));
        return ExitCode::SUCCESS;
    }
    let runtime = match runtime(None, Arguments::default(), Mode::Define, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let catalog = runtime.catalog();
    let text = None
        .or_else(|| catalog.layers.find(name).map(|entry| explain::layer(&catalog, entry)))
        .or_else(|| catalog.architectures.find(name).map(|entry| explain::architecture(entry)))
        .or_else(|| catalog.metrics.find(name).map(|entry| explain::metric(entry)))
        .or_else(|| catalog.votes.find(name).map(|entry| explain::vote(entry)))
        .or_else(|| functions::all().find(|f| f.name == name).map(explain::function));
    if let Some(text) = text {
        output::line(&text);
        return ExitCode::SUCCESS;
    }
    let codes = Code::ALL.iter().map(|code| code.id());
    let known = (catalog.layers.names().chain(catalog.architectures.names()))
        .chain(catalog.metrics.names().chain(catalog.votes.names()))
        .chain(functions::all().map(|function| function.name).chain(codes));
    let near = did_you_mean(name, known);
    misused(
        Error::new(Code::UnknownName, format!("nothing is called {name:?}{near}"))
            .help("`host list` shows what there is"),
    )
}
