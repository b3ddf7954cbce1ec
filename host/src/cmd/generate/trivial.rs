//! `host generate trivial`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::generate::{Generated, Trivial, Watch, trivial};

use super::{Common, source};

/// Images that are easy to tell apart: another region is darker in each class
///
/// The first session of each participant makes two images: one of AD, darker in the left half, and one
/// of CN, darker in the right half. With --mask twice, it is the regions of two masks; ClinicaDL's are
/// mask-1.nii and mask-2.nii of https://aramislab.paris.inria.fr/files/data/masks/AAL2.tar.gz.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  host generate trivial CAPS trivial --atrophy 40")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: source::Images,

    #[command(flatten)]
    common: Common,

    /// Participants of each class [default: all that the source has]
    #[arg(long, value_name = "NUMBER")]
    participants_per_class: Option<usize>,

    /// Two masks, that of AD and that of CN, each after --mask [default: the left and the right half]
    #[arg(long, value_name = "FILE")]
    mask: Vec<PathBuf>,

    /// By how much the region is darker, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 60.0)]
    atrophy: f64,
}

pub(super) fn run(args: Args, watch: &Watch<'_>) -> Result<Generated> {
    let options = Trivial {
        source: args.source.read()?,
        participants_per_class: args.participants_per_class,
        masks: args.mask,
        atrophy_percent: args.atrophy,
        seed: args.common.seed,
    };
    trivial(&options, &args.common.output, watch)
}
