//! `host tsv metadata`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::metadata;

use crate::output;

/// Add columns to a table of sessions from a table of all that is known
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table of sessions
    table: PathBuf,

    /// The table to take columns from, with participant_id and session_id
    from: PathBuf,

    /// The table to write; it must be new
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// The columns to add [default: all that the table does not have]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
}

pub(super) fn run(args: Args) -> Result<String> {
    let done = metadata(&args.table, &args.from, &args.columns, &args.output)?;
    for (participant, session) in &done.missing {
        output::note(&format!(
            "warning: {participant} {session} is not in {}",
            args.from.display()
        ));
    }
    Ok(format!("added {}\nwritten to {}", done.added.join(", "), args.output.display()))
}
