//! `host tsv kfold`.

use neurhai_core::Result;
use neurhai_core::tsv::{Folds, kfold};

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
    let division = args.divide.read(&folder, "validation", false)?;
    let folds = kfold(&division, args.splits)?;
    Ok(divided(&folds.summaries, folds.attempt, &division, rare(&folds)))
}

/// Warnings of strata of which some folds hold nobody.
pub(super) fn rare(folds: &Folds) -> Vec<String> {
    let one = |stratum: &String| {
        format!("there are fewer participants of {stratum} than folds: some folds hold none")
    };
    folds.rare.iter().map(one).collect()
}
