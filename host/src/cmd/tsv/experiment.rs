//! `host tsv experiment`.

use neurhai_core::Result;
use neurhai_core::tsv::{Inner, Size, experiment};

use super::Done;
use super::divide::{Divide, divided, missed, size};

/// Put a test set away, and divide the rest into folds, or once
///
/// Trainings then take the folder within: output/5_fold, or output/split.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) divide: Divide,

    /// Participants of the test set: how many (100), or which share of all (0.2)
    #[arg(long, default_value = "0.2", value_parser = size)]
    test: Size,

    /// How many folds of the rest
    #[arg(long, default_value_t = 5, conflicts_with = "validation")]
    splits: usize,

    /// In place of folds: participants of one validation set, a number or a share of the rest
    #[arg(long, value_parser = size)]
    validation: Option<Size>,
}

pub(super) fn run(args: Args) -> Result<Done> {
    let (division, mut warnings) = args.divide.read("split", "test", true)?;
    let inner = args.validation.map_or(Inner::Folds(args.splits), Inner::Split);
    let done = experiment(&division, args.test, inner)?;
    warnings.extend(missed(&division, &done.test.summary));
    warnings.extend(done.test.notes);
    let mut summaries = vec![done.test.summary];
    let mut attempt = done.test.attempt;
    if let Some(folds) = done.folds {
        warnings.extend(folds.notes);
        summaries.extend(folds.summaries);
    }
    if let Some(validation) = done.validation {
        attempt = attempt.max(validation.attempt);
        warnings.extend(missed(&division, &validation.summary));
        warnings.extend(validation.notes);
        summaries.push(validation.summary);
    }
    Ok(divided(&summaries, attempt, &division, warnings))
}
