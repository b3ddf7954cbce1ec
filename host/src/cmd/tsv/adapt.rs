//! `host tsv adapt`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::adapt;
use serde_json::json;

use super::Done;

/// Put tables of ClinicaDL before 1.2, a file for each diagnosis, into today's
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder with the old tables, its split.json and kfold.json if there are any
    pub(super) old: PathBuf,

    /// The folder to write; new or empty
    new: PathBuf,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let written = adapt(&args.old, &args.new)?;
    let lines = written.iter().map(|one| format!("{} rows  {}\n", one.rows, one.file.display()));
    let text = format!("{}written to {}", lines.collect::<String>(), args.new.display());
    let json = json!({ "output": args.new, "written": written });
    Ok(Done { text, json, warnings: Vec::new() })
}
