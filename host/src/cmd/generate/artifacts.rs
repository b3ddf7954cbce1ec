//! `host generate artifacts`.

use neurhai_core::Result;
use neurhai_core::generate::{Artifacts, Generated, Motion, Watch, artifacts};

use super::{Common, numbers, source};

/// Images with what goes wrong in a scanner: motion, a wrong contrast, noise
///
/// Every session makes one image, with its own ids, through those of the three that are asked for.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  host generate artifacts CAPS spoiled --motion --noise --noise-std 5,10"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) source: source::Images,

    #[command(flatten)]
    common: Common,

    /// Move the head during the scan
    #[arg(long)]
    motion: bool,

    /// Lowest and highest angle of a movement about each axis, in degrees
    #[arg(long, value_name = "LOW,HIGH", default_value = "2,4",
          value_parser = numbers::<2>, allow_hyphen_values = true)]
    rotation: [f64; 2],

    /// Lowest and highest shift of a movement along each axis, in voxels
    #[arg(long, value_name = "LOW,HIGH", default_value = "2,4",
          value_parser = numbers::<2>, allow_hyphen_values = true)]
    translation: [f64; 2],

    /// How many movements
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    num_transforms: usize,

    /// Change the contrast: each voxel is raised to a power
    #[arg(long)]
    contrast: bool,

    /// Lowest and highest logarithm of that power
    #[arg(long, value_name = "LOW,HIGH", default_value = "-0.2,-0.05",
          value_parser = numbers::<2>, allow_hyphen_values = true)]
    gamma: [f64; 2],

    /// Add Gaussian noise
    #[arg(long)]
    noise: bool,

    /// Lowest and highest standard deviation of the noise, in units of the image
    #[arg(long, value_name = "LOW,HIGH", default_value = "5,15", value_parser = numbers::<2>)]
    noise_std: [f64; 2],
}

pub(super) fn run(args: Args, watch: &Watch<'_>) -> Result<Generated> {
    let motion = Motion {
        rotation: args.rotation,
        translation: args.translation,
        num_transforms: args.num_transforms,
    };
    let options = Artifacts {
        source: args.source.read()?,
        motion: args.motion.then_some(motion),
        contrast: args.contrast.then_some(args.gamma),
        noise: args.noise.then_some(args.noise_std),
        seed: args.common.seed,
    };
    artifacts(&options, &args.common.output, watch)
}
