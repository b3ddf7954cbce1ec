//! `host schema`.

use std::process::ExitCode;

use neurhai_core::options::schema;

use crate::output;

/// Print JSON Schema of the options, by which editors complete and check configuration files
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what
    #[arg(value_enum, default_value = "config")]
    what: What,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// A file for --config
    Config,
    /// The options of train, as maps.json keeps them under neurhai.configuration
    Train,
    /// The options of its data
    Data,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let schema = match args.what {
        What::Config => schema::configuration(),
        What::Train => schema::training(),
        What::Data => schema::images(),
    };
    output::line(&format!("{schema:#}"));
    ExitCode::SUCCESS
}
