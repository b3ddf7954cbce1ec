//! `host tsv metadata`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::metadata;
use serde_json::json;

use super::Done;

/// Add columns to a table of sessions from a table of all that is known
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table of sessions
    pub(super) table: PathBuf,

    /// The table to take columns from, with participant_id and session_id
    pub(super) from: PathBuf,

    /// The table to write; it must be new
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// The columns to add [default: all that the table does not have]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
}

/// Sessions without a row in the other table that are named, at most.
const NAMED: usize = 20;

pub(super) fn run(args: Args) -> Result<Done> {
    let done = metadata(&args.table, &args.from, &args.columns, &args.output)?;
    let from = args.from.display();
    let missing = done.missing.iter().take(NAMED);
    let mut warnings: Vec<String> = missing
        .map(|(participant, session)| format!("{participant} {session} is not in {from}"))
        .collect();
    let more = done.missing.len().saturating_sub(NAMED);
    if let (Some(last), 1..) = (warnings.last_mut(), more) {
        *last += &format!(", and {more} more");
    }
    let text = format!("added {}\nwritten to {}", done.added.join(", "), args.output.display());
    let json = json!({ "output": args.output, "added": done.added, "missing": done.missing });
    Ok(Done { text, json, warnings })
}
