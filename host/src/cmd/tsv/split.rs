//! `host tsv split`.

use neurhai_core::Result;
use neurhai_core::tsv::{Size, split};

use super::Done;
use super::divide::{Divide, divided, missed, size};

/// Divide participants into train and one other side
///
/// Writes train.tsv, train_baseline.tsv and the other side's _baseline.tsv, as ClinicaDL does.
/// Columns age and sex are balanced at p ≥ 0.8 where the table has them, or as nearly as can be.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) divide: Divide,

    /// What the other side is called
    #[arg(long, default_value = "validation", value_parser = ["validation", "test"])]
    subset: String,

    /// Its participants: how many (100), or which share of all (0.2)
    #[arg(long, default_value = "0.2", value_parser = size)]
    size: Size,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let (division, mut warnings) = args.divide.read("split", &args.subset, true)?;
    let sides = split(&division, args.size)?;
    warnings.extend(missed(&division, &sides.summary));
    warnings.extend(sides.notes);
    Ok(divided(&[sides.summary], sides.attempt, &division, warnings))
}
