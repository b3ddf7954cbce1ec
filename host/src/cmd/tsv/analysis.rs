//! `host tsv analysis`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::{ANALYSIS_COLUMNS, analysis};
use serde_json::{Map, Value, json};

use super::Done;
use crate::show;

/// Say who a table is made of: counts, age, sex, MMSE and CDR of each diagnosis
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table of sessions, with a column diagnosis: labels.tsv, or a side of a split
    pub(super) table: PathBuf,

    /// The table that says age, sex, MMSE and cdr_global, such as Clinica's merged.tsv [default: the
    /// table itself]
    pub(super) from: Option<PathBuf>,

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
    let groups: Map<String, Value> = done
        .groups
        .iter()
        .map(|(name, values)| {
            let values = ANALYSIS_COLUMNS.iter().zip(values);
            let values = values.map(|(column, value)| ((*column).to_owned(), json!(value)));
            (name.clone(), Value::Object(values.collect()))
        })
        .collect();
    let json = json!({ "output": args.output, "groups": groups });
    Ok(Done { text: show::analysed(&done, &args.output), json, warnings: done.notes })
}
