//! `host generate shepplogan`.

use neurhai_core::Result;
use neurhai_core::generate::{Generated, SheppLogan, Watch, shepplogan};

use super::{Common, numbers};

/// Phantoms after Shepp and Logan, in 2D or 3D, whose class decides how large two regions are
///
/// Of subtype 0 both regions are large, of 1 the second is small, of 2 the first. In 2D the phantoms
/// are ClinicaDL's, and their tensors and JSON are what it reads; in 3D they are solids whose middle
/// plane is such a phantom.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  host generate shepplogan phantoms --participants-per-class 20")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// 2 for slices, 3 for volumes
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    dimensions: usize,

    /// Pixels or voxels along each axis
    #[arg(long, value_name = "NUMBER", default_value_t = 128)]
    image_size: usize,

    /// Participants of each class
    #[arg(long, value_name = "NUMBER", default_value_t = 300)]
    participants_per_class: usize,

    /// The shares of the three subtypes among AD
    #[arg(long, value_name = "A,B,C", default_value = "0.05,0.85,0.1", value_parser = numbers::<3>)]
    ad_subtypes: [f64; 3],

    /// The shares of the three subtypes among CN
    #[arg(long, value_name = "A,B,C", default_value = "1,0,0", value_parser = numbers::<3>)]
    cn_subtypes: [f64; 3],

    /// Blur each phantom, each by another width
    #[arg(long)]
    smoothing: bool,
}

pub(super) fn run(args: Args, watch: &Watch<'_>) -> Result<Generated> {
    let options = SheppLogan {
        dimensions: args.dimensions,
        image_size: args.image_size,
        participants_per_class: args.participants_per_class,
        ad_subtypes: args.ad_subtypes,
        cn_subtypes: args.cn_subtypes,
        smoothing: args.smoothing,
        seed: args.common.seed,
    };
    shepplogan(&options, &args.common.output, watch)
}
