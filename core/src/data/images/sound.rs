//! What makes an image useless by itself.

use crate::error::{Code, Error};
use crate::volume::Stats;

/// Some voxels are no numbers.
pub(crate) fn not_finite(stats: &Stats) -> Error {
    let message = format!("{} voxels are NaN or infinite", stats.non_finite);
    Error::new(Code::ImageNotFinite, message)
        .help("repeat its preprocessing, leave the session out, or set nan: \"replace\"")
}

/// All voxels are one number.
pub(crate) fn constant(stats: &Stats) -> Error {
    Error::new(Code::ImageConstant, format!("every voxel holds {}", stats.min))
        .help("such an image says nothing: repeat its preprocessing or leave the session out")
}
