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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The cells of colour in a picture of 10³ voxels: row and slice, then column and row in it from the
    /// upper left.
    fn coloured(png: &[u8]) -> Vec<[usize; 4]> {
        let picture = image::load_from_memory(png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (7 * 180 + 6 * 2, 3 * 180 + 2 * 2));
        let pixels = picture.enumerate_pixels();
        let pixels = pixels.filter(|(_, _, pixel)| pixel.0 != [pixel.0[0]; 3]);
        let cells = pixels.map(|(x, y, _)| {
            let [x, y] = [x, y].map(|at| at as usize);
            [y / 182, x / 182, x % 182 / 18, y % 182 / 18]
        });
        cells.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What lies left, in front and above is seen there, however the file stores the head.
    #[test]
    fn a_voxel_is_coloured_in_its_slices_at_its_place() {
        // Of the slices 0, 2, 3, 5, 6, 7 and 9 it is in one across each axis.
        let [x, y, z] = [2, 7, 7];
        for flipped in [false, true] {
            let at = |place: usize| if flipped { 9 - place } else { place };
            let mut map = vec![0.0; 1000];
            map[100 * at(x) + 10 * at(y) + at(z)] = 1.0;
            let mut affine = Affine::default();
            for (axis, row) in affine.iter_mut().enumerate() {
                row[axis] = if flipped && axis < 3 { -1.0 } else { 1.0 };
            }
            let (png, _) = png(&[1.0; 1000], &map, [10; 3], &affine, Colors::Diverging).unwrap();
            // Sagittal with anterior on the right, coronal and axial with left on the left; superior, or
            // anterior, is up.
            assert_eq!(coloured(&png), [[0, 1, 7, 2], [1, 5, 2, 2], [2, 5, 2, 2]], "{flipped}");
        }
    }
}
