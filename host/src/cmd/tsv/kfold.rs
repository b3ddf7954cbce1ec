//! `host tsv kfold`.

use neurhai_core::Result;
use neurhai_core::tsv::kfold;

use super::Done;
use super::divide::{Divide, divided};

/// Divide participants into folds: each is validated on once
///
/// Writes split-0, split-1, … with train.tsv, train_baseline.tsv and validation_baseline.tsv, as
/// ClinicaDL does.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) divide: Divide,

    /// How many folds
    #[arg(long, default_value_t = 5)]
    splits: usize,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let folder = format!("{}_fold", args.splits);
    let (division, mut warnings) = args.divide.read(&folder, "validation", false)?;
    let folds = kfold(&division, args.splits)?;
    warnings.extend(folds.notes);
    Ok(divided(&folds.summaries, folds.attempt, &division, warnings))
}
