//! `host compare`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::compare::compare;
use neurhai_core::{Code, Error};

use super::{USAGE, failed};
use crate::output;
use crate::report::{Failure, Sources};
use crate::show;

/// Compare two experiments: what they were given, from which epoch on they part, what came out
///
/// The exit code is that of diff: 0 where both did the same and came to the same results, whatever
/// they were given; 1 where they did not; 2 where they cannot be compared.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An experiment folder
    a: PathBuf,

    /// Another one
    b: PathBuf,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let compared = compare(&args.a, &args.b).and_then(|found| {
        let text = match args.json {
            true => serde_json::to_string_pretty(&found).map_err(|error| {
                Error::new(Code::Internal, "cannot write the comparison").because(error)
            })?,
            false => show::comparison(&found),
        };
        output::line(&text);
        Ok(found.same())
    });
    match compared {
        Ok(same) => ExitCode::from(u8::from(!same)),
        Err(error) => {
            failed(&Failure::from(error), &Sources::default());
            ExitCode::from(USAGE)
        }
    }
}
