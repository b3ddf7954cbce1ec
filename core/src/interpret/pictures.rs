//! Maps drawn over the images: slices across the three axes.

use crate::error::Result;
use crate::picture::{Colors, Cut, Picture, Plane, Scale, window};
use crate::volume::Affine;

/// Slices across each axis.
const SLICES: usize = 7;

/// Pixels of a slice's longer side.
const SIDE: usize = 180;

/// How a picture was drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    pub(super) scale: Scale,
    /// What is black and what is white of the image.
    pub(super) window: [f32; 2],
}

/// The PNG file of a map over an image: rows of sagittal, coronal and axial slices, evenly spaced over
/// what is not background, left to right and low to high.
///
/// # Errors
/// An affine that gives an axis no direction.
pub(super) fn png(
    anatomy: &[f32],
    map: &[f32],
    shape: [usize; 3],
    affine: &Affine,
    colors: Colors,
) -> Result<(Vec<u8>, Drawn)> {
    let drawn = Drawn { scale: Scale::of(colors, map), window: window(anatomy) };
    let head = head(anatomy, shape, drawn.window);
    let mut rows = Vec::new();
    for plane in Plane::ALL {
        let [from, to] = head[plane.file_axis(affine)?];
        let cut = |i: usize| {
            let at = from + (to - from) * (2 * i + 1) / (2 * SLICES);
            Cut::new(shape, affine, plane, at)
        };
        let mut cuts = (0..SLICES).map(cut).collect::<Result<Vec<Cut>>>()?;
        cuts.sort_by(|a, b| a.mm().total_cmp(&b.mm()));
        let slice = |cut: &Cut| {
            let slice = Picture::slice(anatomy, cut, drawn.window)?;
            Ok(slice.overlay(map, cut, &drawn.scale)?.scaled(SIDE).lettered(plane))
        };
        rows.push(Picture::row(&cuts.iter().map(slice).collect::<Result<Vec<_>>>()?, 2));
    }
    Ok((Picture::column(&rows, 2).png()?, drawn))
}

/// From where to where along each axis an image is not background.
fn head(anatomy: &[f32], shape: [usize; 3], [black, white]: [f32; 2]) -> [[usize; 2]; 3] {
    let background = black + (white - black) * 0.1;
    let mut found = [[usize::MAX, 0]; 3];
    for (i, _) in anatomy.iter().enumerate().filter(|(_, value)| **value > background) {
        let at = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]];
        for axis in 0..3 {
            found[axis] = [found[axis][0].min(at[axis]), found[axis][1].max(at[axis] + 1)];
        }
    }
    [0, 1, 2].map(|axis| if found[axis][1] == 0 { [0, shape[axis]] } else { found[axis] })
}
