//! Brain images in memory, and the files they come from and go to.
//!
//! NIfTI-1 and NIfTI-2 are read by our own code: every voxel and affine equals what nibabel gives, and
//! reading costs little more than inflating the file. Images are written as NIfTI-1, in a way that
//! nibabel and SimpleITK place alike. `.pt` and safetensors files that hold one
//! tensor are read and written too.

use std::path::Path;

use crate::{Code, Error, Result};

mod affine;
mod convert;
mod header;
mod note;
mod one_tensor;
mod pt;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod voxels;
mod write;
mod write_pt;

pub(crate) use affine::axes;
pub use affine::{Affine, orientation, spacing_mm};
pub use header::{Datatype, Endianness, Header};
pub(crate) use note::read_note;
pub(crate) use one_tensor::write_safetensors;
pub use pt::read_tensor;
pub use read::{read, read_header};
pub use voxels::Voxels;
pub use write::write;
pub(crate) use write::{write_as, write_like};
pub(crate) use write_pt::{write_pt, write_pt_with};

/// A three-dimensional image of real numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// The voxels along the file's own axes: sagittal, coronal, axial for an image in MNI space.
    pub shape: [usize; 3],
    /// The values, scaled as the header asks; voxel `[x, y, z]` is at
    /// `(x * shape[1] + y) * shape[2] + z`.
    pub voxels: Voxels,
    /// Voxel indices to millimetres in the world (RAS+).
    pub affine: Affine,
    /// The range of the voxels.
    pub stats: Stats,
}

impl Volume {
    /// Writes the image as [`write()`] does.
    ///
    /// # Errors
    ///
    /// Those of [`write()`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path, self.shape, &self.voxels, &self.affine)
    }
}

/// What the voxels of an image range over, gathered while they are decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// The smallest finite voxel; NaN where no voxel is finite.
    pub min: f32,
    /// The largest finite voxel; NaN where no voxel is finite.
    pub max: f32,
    /// How many voxels are NaN or infinite.
    pub non_finite: usize,
}

impl Stats {
    /// The range of these voxels.
    pub fn of(voxels: &[f32]) -> Self {
        let mut range = convert::Range::new();
        range.take(voxels, |voxel| voxel);
        range.stats(voxels)
    }
}

/// An image that is damaged or contradicts itself.
fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadImage, message)
}

/// An image that is sound but of a kind that is not read.
fn unsupported(message: impl Into<String>) -> Error {
    Error::new(Code::UnsupportedImage, message)
}

/// `5×4×3`
fn by(lengths: &[impl ToString]) -> String {
    lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}
