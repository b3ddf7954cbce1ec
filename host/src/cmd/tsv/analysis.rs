//! `host tsv analysis`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::analysis;

use super::Done;
use crate::show;

/// Say who a table is made of: counts, age, sex, MMSE and CDR of each diagnosis
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table of sessions, with a column diagnosis: labels.tsv, or a side of a split
    table: PathBuf,

    /// The table that says age, sex, MMSE and cdr_global, such as Clinica's merged.tsv [default: the
    /// table itself]
    from: Option<PathBuf>,

    /// The table to write; it must be new
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// The diagnoses [default: all of the table]
    #[arg(long, value_name = "DIAGNOSIS", value_delimiter = ',')]
    diagnoses: Vec<String>,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let from = args.from.as_ref().unwrap_or(&args.table);
    let done = analysis(&args.table, from, &args.diagnoses, &args.output)?;
    Ok(Done { text: show::analysed(&done, &args.output), warnings: done.notes })
}
