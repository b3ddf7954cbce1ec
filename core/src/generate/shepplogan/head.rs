//! One phantom: ellipsoids painted one over the other.

use std::f64::consts::PI;

use crate::random::Random;
use crate::transform::gaussian;

/// What is drawn of a phantom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    solids: Vec<Solid>,
    /// The standard deviation of the Gaussian that blurs it, in voxels.
    blur: f64,
}

/// An ellipsoid. The axes are rows, columns and depth, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Solid {
    center: [f64; 3],
    radii: [f64; 3],
    /// By which it is turned in the plane of rows and columns, in radians.
    rotation: f64,
    value: f32,
}

/// The height of the skull for a length of 1, in Schabel's three-dimensional phantom
/// (<https://www.mathworks.com/matlabcentral/fileexchange/9416-3d-shepp-logan-phantom>).
const HEIGHT: f64 = 0.81 / 0.92;

impl Head {
    /// Draws a phantom of this size. Of subtype 0 both regions are large, of 1 the second is small, of
    /// 2 the first. In rows and columns it is ClinicaDL's `generate_shepplogan_phantom`.
    pub(super) fn draw(random: &mut Random, size: usize, subtype: usize, smoothing: bool) -> Self {
        let n = size as f64;
        let center = (n + 1.0) / 2.0;
        let (a, b) = (center - 2.0, center * 2.0 / 3.0 - 2.0);
        let tissue = random.uniform(0.4, 0.6) as f32;
        let solid = |row: f64, column: f64, radii: [f64; 3], rotation: f64, value: f32| Solid {
            center: [row, column, center],
            radii,
            rotation,
            value,
        };
        let offset = random.uniform(1.0, n / 32.0);
        let skull = [a, b, a * HEIGHT];
        let brain = skull.map(|radius| radius - offset);
        let mut solids = vec![
            solid(center, center, skull, 0.0, 1.0),
            solid(center + offset / 2.0, center, brain, 0.0, 0.2),
        ];
        let (first, second) = (subtype != 2, subtype != 1);
        // Place in units of the centre, radii in units of b, and whether it is large.
        for (row, column, rows, columns, large) in [
            (1.0, 1.0, 1.0 / 6.0, 1.0 / 6.0, true),
            (0.6, 1.0, 1.0 / 3.0, 1.0 / 4.0, first),
            (1.5, 1.0, 0.1, 0.1, second),
            (1.5, 1.1, 0.1, 0.1, second),
            (1.5, 0.9, 0.1, 0.1, second),
        ] {
            let shift = [0; 2].map(|_| random.uniform(1.0, n / 32.0));
            let (low, high) = if large { (1.0, 1.2) } else { (0.8, 0.9) };
            let scale = [0; 2].map(|_| random.uniform(low, high));
            let rotation = random.uniform(-PI, PI);
            let radii = deep(b * rows * scale[0], b * columns * scale[1]);
            let (row, column) = (center * row + shift[0], center * column + shift[1]);
            solids.push(solid(row, column, radii, rotation, tissue));
        }
        for (column, lean) in [(0.75, PI / 8.0), (1.25, -PI / 8.0)] {
            let length = a * random.uniform(0.8, 1.2);
            let rotation = lean + random.uniform(-PI / 16.0, PI / 16.0);
            let radii = deep(length / 3.0, length / 6.0);
            solids.push(solid(center, center * column, radii, rotation, 0.0));
        }
        let blur = if smoothing { random.uniform(0.0, 1.0) * n / 100.0 } else { 0.0 };
        Self { solids, blur }
    }

    /// The image `[rows, columns, depth]`; one voxel deep it is the plane through the middle.
    pub(super) fn render(&self, shape: [usize; 3]) -> Vec<f32> {
        let mut voxels = vec![0f32; shape.iter().product()];
        for solid in &self.solids {
            solid.paint(&mut voxels, shape);
        }
        let shape = shape.map(|length| length as i64);
        (0..3).fold(voxels, |voxels, axis| gaussian::filter(voxels, &shape, axis, self.blur))
    }
}

/// An ellipsoid as deep as it is wide on average.
fn deep(rows: f64, columns: f64) -> [f64; 3] {
    [rows, columns, (rows * columns).sqrt()]
}

impl Solid {
    /// Paints all voxels whose middle lies inside, in rows and columns as scikit-image's
    /// `draw.ellipse` does.
    fn paint(&self, voxels: &mut [f32], [rows, columns, depth]: [usize; 3]) {
        let (sin, cos) = self.rotation.rem_euclid(PI).sin_cos();
        let [r, c, d] = self.radii;
        let reach = [r.max(c), r.max(c), d];
        let range = |axis: usize, length: usize| {
            let (low, high) = (self.center[axis] - reach[axis], self.center[axis] + reach[axis]);
            (low.ceil().max(0.0) as usize)
                ..(high.floor().max(-1.0) + 1.0).min(length as f64) as usize
        };
        for row in range(0, rows) {
            for column in range(1, columns) {
                let (y, x) = (row as f64 - self.center[0], column as f64 - self.center[1]);
                let along = ((y * cos + x * sin) / r).powi(2);
                let across = ((y * sin - x * cos) / c).powi(2);
                let plane = along + across;
                if depth == 1 {
                    if plane < 1.0 {
                        voxels[row * columns + column] = self.value;
                    }
                    continue;
                }
                for z in range(2, depth) {
                    let up = ((z as f64 - self.center[2]) / d).powi(2);
                    if plane + up < 1.0 {
                        voxels[(row * columns + column) * depth + z] = self.value;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
