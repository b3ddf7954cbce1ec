//! `host tsv labels`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::tsv::{Labelling, labels};
use serde_json::json;

use super::Done;
use crate::show;

/// Make a table of sessions with age, sex and diagnosis out of Clinica's tables of a BIDS folder
///
/// Sessions without a diagnosis are given that of their neighbours in time where these agree, and
/// left out otherwise. Without further words all diagnoses are kept.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The table that `clinica iotools merge-tsv` writes
    pub(super) merged: PathBuf,

    /// The table to write; it must be new. The same name with .json says how it was made
    #[arg(long, short, value_name = "FILE", default_value = "labels.tsv")]
    output: PathBuf,

    /// The diagnoses to keep [default: all]
    #[arg(long, value_name = "DIAGNOSIS", value_delimiter = ',')]
    diagnoses: Vec<String>,

    /// What a session must have, a column of the tables of missing modalities; none for anything
    #[arg(long, value_name = "MODALITY", default_value = "t1w")]
    modality: String,

    /// The folder that `clinica iotools check-missing-modalities` writes [default: missing_mods beside
    /// the table]
    #[arg(long, value_name = "DIR")]
    missing_mods: Option<PathBuf>,

    /// More columns to keep
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    variables: Vec<String>,

    /// A table of the only sessions that may be taken, such as those that passed a quality check
    #[arg(long, value_name = "FILE")]
    pub(super) restriction: Option<PathBuf>,

    /// Keep sessions whose row says subjective memory complaints (SMC) at baseline
    #[arg(long)]
    keep_smc: bool,

    /// Leave out participants with one session
    #[arg(long)]
    remove_unique_session: bool,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let beside = || args.merged.with_file_name("missing_mods");
    let labelling = Labelling {
        missing_mods: args.missing_mods.unwrap_or_else(beside),
        merged: args.merged,
        output: args.output,
        diagnoses: args.diagnoses,
        modality: Some(args.modality).filter(|modality| modality != "none"),
        variables: args.variables,
        restriction: args.restriction,
        keep_smc: args.keep_smc,
        remove_unique_session: args.remove_unique_session,
    };
    let done = labels(&labelling)?;
    let text = show::labelled(&done, &labelling.output);
    let json = json!({
        "output": labelling.output,
        "steps": done.steps,
        "diagnoses": done.diagnoses,
    });
    Ok(Done { text, json, warnings: done.notes })
}
