//! `host generate random`.

use neurhai_core::Result;
use neurhai_core::generate::{Generated, Random, Watch, random};

use super::{Common, source};

/// Images in which there is nothing to learn: one image with noise, and labels by number
///
/// Every image is that of the first session, with noise of its own. The first half is called AD, the
/// second CN.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  host generate random CAPS random --participants-per-class 20")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: source::Images,

    #[command(flatten)]
    common: Common,

    /// Participants of each class
    #[arg(long, value_name = "NUMBER", default_value_t = 300)]
    participants_per_class: usize,

    /// The mean of the noise
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    mean: f64,

    /// The standard deviation of the noise, in units of the image
    #[arg(long, default_value_t = 0.5)]
    sigma: f64,
}

pub(super) fn run(args: Args, watch: &Watch<'_>) -> Result<Generated> {
    let options = Random {
        source: args.source.read()?,
        participants_per_class: args.participants_per_class,
        mean: args.mean,
        sigma: args.sigma,
        seed: args.common.seed,
    };
    random(&options, &args.common.output, watch)
}
