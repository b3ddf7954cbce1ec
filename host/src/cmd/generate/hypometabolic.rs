//! `host generate hypometabolic`.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::data::pattern::Preprocessing;
use neurhai_core::generate::{Generated, Hypometabolic, PATHOLOGIES, Source, Watch, hypometabolic};

/// PET images whose uptake is lowered in a region, as a dementia lowers it
///
/// The region is a mask of yours, 1 inside and 0 outside, in the space of the images; ClinicaDL's are
/// mask_hypo_<pathology>.nii of https://aramislab.paris.inria.fr/files/data/masks/hypo/.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  host generate hypometabolic CAPS lowered --pathology ad \
                        --mask mask_hypo_ad.nii --anomaly-degree 50")]
pub(super) struct Args {
    /// The CAPS with the PET images to begin with
    pub(super) caps: PathBuf,

    // Nothing is drawn, so there is no seed.
    /// The CAPS folder to write; it must be new
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,

    /// The mask of the region
    #[arg(long, value_name = "FILE")]
    pub(super) mask: Option<PathBuf>,

    /// Which dementia the mask stands for; it becomes a part of file names
    #[arg(long, default_value = "ad", value_parser = PATHOLOGIES)]
    pathology: String,

    /// By how much the uptake is lowered, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 30)]
    anomaly_degree: u8,

    /// The standard deviation of the Gaussian that blurs the region's edge, in voxels
    #[arg(long, default_value_t = 5.0)]
    sigma: f64,

    /// How many participants [default: all that the source has]
    #[arg(long, value_name = "NUMBER")]
    participants: Option<usize>,

    /// A table of the sessions to take [default: all of the CAPS]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// Take the images that were not cropped
    #[arg(long)]
    use_uncropped_image: bool,

    /// The tracer
    #[arg(long, default_value = "18FFDG")]
    tracer: String,

    /// The reference region
    #[arg(long, value_name = "REGION", default_value = "cerebellumPons2")]
    suvr_reference_region: String,
}

pub(super) fn run(args: Args, watch: &Watch<'_>) -> Result<Generated> {
    let options = Hypometabolic {
        source: Source {
            caps: args.caps,
            preprocessing: Preprocessing::PetLinear {
                tracer: args.tracer,
                suvr_reference_region: args.suvr_reference_region,
                use_uncropped_image: args.use_uncropped_image,
            },
            table: args.table,
        },
        participants: args.participants,
        pathology: args.pathology,
        mask: args.mask,
        anomaly_degree: args.anomaly_degree,
        sigma: args.sigma,
    };
    hypometabolic(&options, &args.output, watch)
}
