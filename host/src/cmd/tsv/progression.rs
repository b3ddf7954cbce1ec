//! `host tsv progression`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::progression;
use serde_json::{Map, Value, json};

use super::Done;

/// Add a column that says who gets worse: s stable, p worse, r better, us both, uk unknown
///
/// Each session's diagnosis (CN, MCI, AD or Dementia) is compared with that of the session after the
/// horizon.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table of sessions, with a column diagnosis
    pub(super) table: PathBuf,

    /// The table to write; it must be new
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// How many months ahead
    #[arg(long, default_value_t = 36, value_parser = clap::value_parser!(u64).range(1..))]
    horizon: u64,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let courses = progression(&args.table, &args.output, args.horizon)?;
    let counts: Vec<String> = courses.iter().map(|(word, n)| format!("{word} {n}")).collect();
    let text = format!("{}\nwritten to {}", counts.join(", "), args.output.display());
    let counts: Map<String, Value> =
        courses.iter().map(|(word, n)| ((*word).to_owned(), json!(n))).collect();
    let json = json!({ "output": args.output, "courses": counts });
    Ok(Done { text, json, warnings: Vec::new() })
}
