//! Which voxel each pixel of a slice shows.

use crate::error::{Code, Error, Result};
use crate::volume::{Affine, axes, spacing_mm};

/// What a slice lies across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// Across left–right; anterior is on the right, superior up.
    Sagittal,
    /// Across posterior–anterior; right is on the right, superior up.
    Coronal,
    /// Across inferior–superior; right is on the right, anterior up.
    Axial,
}

impl Plane {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Sagittal, Self::Coronal, Self::Axial];

    /// `sagittal`, `coronal`, `axial`.
    pub fn name(self) -> &'static str {
        ["sagittal", "coronal", "axial"][self.across()]
    }

    /// The world's axis that it lies across, and those to the right and up.
    fn axes(self) -> [usize; 3] {
        match self {
            Self::Sagittal => [0, 1, 2],
            Self::Coronal => [1, 0, 2],
            Self::Axial => [2, 0, 1],
        }
    }

    fn across(self) -> usize {
        self.axes()[0]
    }

    /// The axis of the file that runs across the plane, or nearest to that.
    ///
    /// # Errors
    /// As [`Cut::new`].
    pub fn file_axis(self, affine: &Affine) -> Result<usize> {
        Ok(nearest_axes(affine)?[self.across()])
    }
}

/// A slice of an image: which voxel each of its pixels shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    shape: [usize; 3],
    width: usize,
    height: usize,
    /// The place of each pixel's voxel, row by row from the upper left.
    voxels: Vec<usize>,
    mm: f64,
}

impl Cut {
    /// The slice that is number `index` along the file's axis across the plane, in an image of this
    /// shape. An oblique image is cut along the axes of its file that are nearest.
    ///
    /// # Errors
    /// [`Code::BadImage`] where the affine gives an axis no direction; [`Code::Internal`] where there
    /// is no such slice.
    pub fn new(shape: [usize; 3], affine: &Affine, plane: Plane, index: usize) -> Result<Self> {
        let of = nearest_axes(affine)?;
        let [across, right, up] = plane.axes().map(|world| of[world]);
        if index >= shape[across] || shape.contains(&0) {
            let message = format!("no slice {index} in an image of {shape:?} voxels");
            return Err(Error::new(Code::Internal, message));
        }
        let spacing = spacing_mm(affine);
        let finest = spacing[right].min(spacing[up]);
        let pixels = |axis: usize| {
            // Where a header is nonsense a picture of it is no larger than can be.
            let stretch = (spacing[axis] / finest).clamp(1.0, 20.0);
            ((shape[axis] as f64 * stretch).round() as usize).max(1)
        };
        let (width, height) = (pixels(right), pixels(up));
        // The voxel of a pixel, from the side of lower world coordinates.
        let place = |axis: usize, world: usize, pixel: usize, pixels: usize| {
            let voxel = (pixel * 2 + 1) * shape[axis] / (pixels * 2);
            if affine[world][axis] < 0.0 { shape[axis] - 1 - voxel } else { voxel }
        };
        let [_, world_right, world_up] = plane.axes();
        let strides = [shape[1] * shape[2], shape[2], 1];
        let mut voxels = Vec::with_capacity(width * height);
        for row in (0..height).rev() {
            let start = index * strides[across] + place(up, world_up, row, height) * strides[up];
            voxels.extend(
                (0..width).map(|x| start + place(right, world_right, x, width) * strides[right]),
            );
        }
        let mut middle = shape.map(|length| (length as f64 - 1.0) / 2.0);
        middle[across] = index as f64;
        let row = affine[plane.across()];
        let mm = (0..3).map(|axis| row[axis] * middle[axis]).sum::<f64>() + row[3];
        Ok(Self { shape, width, height, voxels, mm })
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Where the slice's middle lies in the world, in millimetres across the plane (RAS+).
    pub fn mm(&self) -> f64 {
        self.mm
    }

    /// What the pixels show, row by row from the upper left.
    ///
    /// # Errors
    /// [`Code::Internal`] where there are not as many voxels as the image has.
    pub fn values(&self, voxels: &[f32]) -> Result<impl Iterator<Item = f32>> {
        if voxels.len() != self.shape.iter().product::<usize>() {
            let message = format!("{} voxels for an image of {:?}", voxels.len(), self.shape);
            return Err(Error::new(Code::Internal, message));
        }
        Ok(self.voxels.iter().map(|voxel| voxels[*voxel]))
    }
}

/// For each axis of the world the file's axis that runs nearest along it.
fn nearest_axes(affine: &Affine) -> Result<[usize; 3]> {
    let mut nearest = [None; 3];
    for (axis, world) in axes(affine).into_iter().enumerate() {
        if let Some((world, _)) = world {
            nearest[world] = Some(axis);
        }
    }
    match (nearest, spacing_mm(affine).iter().all(|spacing| spacing.is_finite())) {
        ([Some(x), Some(y), Some(z)], true) => Ok([x, y, z]),
        _ => Err(Error::new(Code::BadImage, "the image's affine gives an axis no direction")
            .help("write the file again with a valid affine, for example with nibabel")),
    }
}
