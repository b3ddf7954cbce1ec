//! Masks of the user's, laid over the grid of the images.

use std::path::Path;

use crate::error::{Code, Error, Place, Result};
use crate::volume::{self, Affine, Header};

/// What the voxels of a mask may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// 0 and 1.
    Binary,
    /// 0 outside and any positive number inside: labels of an atlas, for example.
    Positive,
}

/// Which voxels of a grid lie inside of the mask in `file`: those whose nearest voxel of the mask is
/// not 0, as in nilearn's `resample_to_img` with `interpolation="nearest"`; but that takes no place
/// beyond the centres of the outer voxels to be inside.
///
/// # Errors
/// [`Code::BadMask`] for other values than are allowed, and where no voxel of the grid lies inside;
/// what is wrong with the file.
pub(super) fn on_grid(file: &Path, values: Values, grid: &Header) -> Result<Vec<bool>> {
    let bad = |message: String| Error::new(Code::BadMask, message).at(Place::File(file.into()));
    let mask = volume::read(file)?;
    let fits = |voxel: &f32| match values {
        // Scaled integers come out with a rounding.
        Values::Binary => voxel.abs() < 1e-6 || (voxel - 1.0).abs() < 1e-6,
        Values::Positive => *voxel >= 0.0 && voxel.is_finite(),
    };
    if let Some(voxel) = mask.voxels.iter().find(|voxel| !fits(voxel)) {
        let wanted = match values {
            Values::Binary => "0 outside and 1 inside",
            Values::Positive => "0 outside and a positive number inside",
        };
        return Err(bad(format!("a mask holds {wanted}, but here is a voxel of {voxel}"))
            .help("make a mask of it first, for example with a threshold"));
    }
    let is_inside = |voxel: f32| match values {
        Values::Binary => voxel > 0.5,
        Values::Positive => voxel > 0.0,
    };
    let inverse = inverse(&mask.affine)
        .ok_or_else(|| bad("its affine is singular: nobody can tell where the mask lies".into()))?;
    let from_grid = product(&inverse, &grid.affine);
    let [nx, ny, nz] = grid.shape;
    let mut inside = Vec::with_capacity(nx * ny * nz);
    for x in 0..nx {
        for y in 0..ny {
            for z in 0..nz {
                let at = [x as f64, y as f64, z as f64];
                let voxel = nearest(&mask.shape, &from_grid, at);
                inside.push(voxel.is_some_and(|i| is_inside(mask.voxels[i])));
            }
        }
    }
    match inside.contains(&true) {
        true => Ok(inside),
        false => Err(bad("no voxel of the images lies inside of the mask".into())
            .help("mask and images must lie in one space: compare their affines")),
    }
}

/// The voxel of the mask that is nearest to a place in the grid, if that is within the mask's image.
fn nearest(shape: &[usize; 3], from_grid: &Affine, at: [f64; 3]) -> Option<usize> {
    let mut index = 0;
    for (row, length) in from_grid.iter().zip(shape) {
        let place = (row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3] + 0.5).floor();
        if !(place >= 0.0 && place < *length as f64) {
            return None;
        }
        index = index * length + place as usize;
    }
    Some(index)
}

/// Which voxels lie in the lower and which in the upper half of the world's axis from left to right:
/// the halves of the image's axis that runs most along it. The middle plane of an odd number of
/// voxels is in neither.
pub(super) fn halves(grid: &Header) -> [Vec<bool>; 2] {
    let along = |axis: usize| grid.affine[0][axis] / volume::spacing_mm(&grid.affine)[axis];
    let axis = (0..3)
        .fold(0, |best, axis| if along(axis).abs() > along(best).abs() { axis } else { best });
    let rightwards = along(axis) >= 0.0;
    let length = grid.shape[axis];
    let [nx, ny, nz] = grid.shape;
    let half = |left: bool| {
        let low = left == rightwards;
        let inside = |i: usize| if low { i < length / 2 } else { i >= length.div_ceil(2) };
        let mut voxels = Vec::with_capacity(nx * ny * nz);
        for x in 0..nx {
            for y in 0..ny {
                voxels.extend((0..nz).map(|z| inside([x, y, z][axis])));
            }
        }
        voxels
    };
    [half(true), half(false)]
}

/// The affine that leads back, if there is one.
fn inverse(affine: &Affine) -> Option<Affine> {
    let a = |row: usize, column: usize| affine[row % 3][column % 3];
    // Rows of the adjugate are cross products of columns.
    let minor =
        |i: usize, j: usize| a(j + 1, i + 1) * a(j + 2, i + 2) - a(j + 1, i + 2) * a(j + 2, i + 1);
    let determinant: f64 = (0..3).map(|j| affine[j][0] * minor(0, j)).sum();
    let scale: f64 = volume::spacing_mm(affine).iter().product();
    // What is no number is not invertible either.
    if determinant.is_nan() || scale.is_nan() || determinant.abs() <= 1e-9 * scale {
        return None;
    }
    let mut inverse = [[0.0; 4]; 4];
    for (i, row) in inverse.iter_mut().take(3).enumerate() {
        for (j, cell) in row.iter_mut().take(3).enumerate() {
            *cell = minor(i, j) / determinant;
        }
        row[3] = -(0..3).map(|j| row[j] * affine[j][3]).sum::<f64>();
    }
    inverse[3][3] = 1.0;
    Some(inverse)
}

fn product(a: &Affine, b: &Affine) -> Affine {
    let cell = |row: usize, column: usize| (0..4).map(|k| a[row][k] * b[k][column]).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_positive_number_is_inside_and_a_rounded_one_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mask.nii.gz");
        let affine = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
        let inside = |values, voxels: [f32; 3]| {
            volume::write(&file, [3, 1, 1], &voxels, &affine).unwrap();
            on_grid(&file, values, &volume::read_header(&file).unwrap()).unwrap()
        };
        assert_eq!(inside(Values::Positive, [0.0, 1e-7, 3.0]), [false, true, true]);
        assert_eq!(inside(Values::Binary, [0.0, 9e-7, 0.999_999_5]), [false, false, true]);
    }

    #[test]
    fn an_inverse_leads_back() {
        let affine = [
            [0.9, -2.0, 0.1, -90.0],
            [1.1, 0.3, 0.0, 120.0],
            [0.0, 0.2, -1.5, 7.0],
            [0.0, 0.0, 0.0, 1.0],
        ];
        let one = product(&inverse(&affine).unwrap(), &affine);
        for (row, cells) in one.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let expected = f64::from(u8::from(row == column));
                assert!((cell - expected).abs() < 1e-12, "{one:?}");
            }
        }
        let flat = [[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0; 4]];
        assert_eq!(inverse(&flat), None);
    }
}
