//! The images that a data set is made of.

use std::path::PathBuf;

use neurhai_core::data::pattern::Preprocessing;
use neurhai_core::generate::Source;

#[derive(Debug, clap::Args)]
pub(super) struct Images {
    /// The CAPS with the images to begin with
    caps: PathBuf,

    /// A table of the sessions to take [default: all of the CAPS]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// The pipeline that made the images
    #[arg(long, value_name = "PIPELINE", default_value = "t1-linear",
          value_parser = ["t1-linear", "flair-linear", "pet-linear", "custom"])]
    preprocessing: String,

    /// Take the image that was not cropped
    #[arg(long)]
    use_uncropped_image: bool,

    /// The tracer, for pet-linear: 18FFDG
    #[arg(long, required_if_eq("preprocessing", "pet-linear"))]
    tracer: Option<String>,

    /// The reference region, for pet-linear: cerebellumPons2
    #[arg(long, value_name = "REGION", required_if_eq("preprocessing", "pet-linear"))]
    suvr_reference_region: Option<String>,

    /// How the names of custom images end: _desc-brain_T1w.nii.gz
    #[arg(long, value_name = "SUFFIX", required_if_eq("preprocessing", "custom"))]
    custom_suffix: Option<String>,
}

impl Images {
    /// The paths that were given to read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.table.iter().chain([&self.caps]).cloned().collect()
    }

    pub(super) fn read(self) -> Source {
        let use_uncropped_image = self.use_uncropped_image;
        let preprocessing = match self.preprocessing.as_str() {
            "t1-linear" => Preprocessing::T1Linear { use_uncropped_image },
            "flair-linear" => Preprocessing::FlairLinear { use_uncropped_image },
            "pet-linear" => Preprocessing::PetLinear {
                tracer: self.tracer.unwrap_or_default(),
                suvr_reference_region: self.suvr_reference_region.unwrap_or_default(),
                use_uncropped_image,
            },
            _ => Preprocessing::Custom { custom_suffix: self.custom_suffix, pattern: None },
        };
        Source { caps: self.caps, preprocessing, table: self.table }
    }
}
