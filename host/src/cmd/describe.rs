//! `host describe`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::records::{describe, verify};
use neurhai_core::{Code, Error, Result};
use serde_json::json;

use super::failed_at;
use crate::output;
use crate::report::{Failure, Sources};
use crate::show;

/// Show what an experiment folder holds: what each file is, how far the splits are, the best models
///
/// Folders of ClinicaDL are shown as well.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// Compare every file, and every image and table that was read, with its hash in manifest.json
    /// or hashes.tsv; the exit code is 1 where one differs or is not where it was
    #[arg(long)]
    verify: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match told(args) {
        Ok((text, intact)) => {
            output::line(text.trim_end());
            ExitCode::from(u8::from(!intact))
        }
        Err(error) => failed_at([&args.maps], &Failure::from(error), &Sources::default()),
    }
}

fn told(args: &Args) -> Result<(String, bool)> {
    if args.verify {
        let found = verify(&args.maps)?;
        let text = if args.json { pretty(&found)? } else { show::verified(&found) };
        return Ok((text, found.intact()));
    }
    let found = describe(&args.maps)?;
    Ok((if args.json { pretty(&found)? } else { show::described(&found) }, true))
}

fn pretty(found: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(&json!(found))
        .map_err(|error| Error::new(Code::Internal, "cannot write JSON").because(error))
}
