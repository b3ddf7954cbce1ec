//! How an image is cut into the parts a network sees: the whole image, patches, slices or regions.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::data::caps::TensorOf;
use crate::error::{Code, Error, Place, Result};
use crate::options::Options;
use crate::shape::Shape;
use crate::volume::{Affine, Volume};

mod image;
mod patch;
mod roi;
mod slice;

pub use roi::Region;

/// Where a part lies in its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first voxel.
    pub from: [usize; 3],
    /// Its voxels along each axis.
    pub size: [usize; 3],
}

/// A way to cut images, made for one image shape.
pub trait Parts: Send + Sync {
    /// The mode's name, as in file and column names: `patch`.
    fn mode(&self) -> &'static str;

    /// Parts per image.
    fn count(&self) -> usize;

    /// The shape of part `index`: `[channel, (depth,) height, width]`.
    fn shape(&self, index: usize) -> Shape;

    /// The id written into tables; slices count from the volume's first.
    fn id(&self, index: usize) -> usize {
        index
    }

    /// What a person calls part `index`, for messages: `patch 3`.
    fn label(&self, index: usize) -> String {
        format!("{} {}", self.mode(), self.id(index))
    }

    /// Where part `index` lies in the volume: its first voxel, and its size along the three axes.
    fn block(&self, index: usize) -> Block;

    /// Which voxels of the volume part `index` sees, where it does not see all of its block.
    fn inside(&self, index: usize) -> Option<&[bool]> {
        let _ = index;
        None
    }

    /// Copies part `index` of `volume`, channels first, last axis fastest, to the end of `out`.
    fn cut(&self, volume: &Volume, index: usize, out: &mut Vec<f32>);

    /// Which of ClinicaDL's tensor files holds part `index`, if it writes a file for such parts.
    fn tensor(&self, index: usize) -> Option<TensorOf<'_>>;

    /// The masks that it cuts by.
    fn masks(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// The mode's keys of ClinicaDL's extraction JSON.
    fn describe(&self) -> Map<String, Value>;
}

/// The names of all modes.
pub const MODES: [&str; 4] = ["image", "patch", "slice", "roi"];

/// Prepares the mode that `options` ask for, for images of this shape.
///
/// `affine` says where their voxels lie, where that is known. `regions` are the masks that were found,
/// for the mode `roi`.
///
/// # Errors
/// A patch larger than the image, no slice left, a mask of another shape or in another place.
pub fn parts(
    options: &Options,
    shape: [usize; 3],
    affine: Option<&Affine>,
    regions: Vec<Region>,
) -> Result<Box<dyn Parts>> {
    Ok(match options.text("mode")? {
        "patch" => Box::new(patch::Patch::new(options, shape)?),
        "slice" => Box::new(slice::Slice::new(options, shape)?),
        "roi" => Box::new(roi::Roi::new(options, shape, affine, regions)?),
        _ => Box::new(image::Image { shape }),
    })
}

/// One size per axis of a volume.
fn three(options: &Options, name: &str) -> Result<[usize; 3]> {
    let sizes = options.sizes(name, 3)?;
    Ok([sizes[0] as usize, sizes[1] as usize, sizes[2] as usize])
}

/// Copies the voxels of a block.
fn copy_block(volume: &Volume, Block { from, size }: Block, out: &mut Vec<f32>) {
    let [_, ny, nz] = volume.shape;
    for x in from[0]..from[0] + size[0] {
        for y in from[1]..from[1] + size[1] {
            let start = (x * ny + y) * nz + from[2];
            out.extend_from_slice(&volume.voxels[start..start + size[2]]);
        }
    }
}

fn show(shape: [usize; 3]) -> String {
    format!("{}×{}×{}", shape[0], shape[1], shape[2])
}

fn bad_option(key: &str, message: String) -> Error {
    Error::new(Code::BadOption, message).at(Place::Option(key.into()))
}

/// A size as ClinicaDL writes it: one number where all axes agree.
fn size_json(size: [usize; 3]) -> Value {
    if size.iter().all(|n| *n == size[0]) { json!(size[0]) } else { json!(size) }
}

#[cfg(test)]
mod tests;
