//! Images whose voxels come from elsewhere in them.

/// A place in an image, in voxels along its axes.
pub(super) type Point = [f64; 3];

/// A linear map of places.
pub(super) type Matrix = [[f64; 3]; 3];

/// The sizes of the spatial axes; a slice `[channel, height, width]` is one voxel thick.
pub(super) fn sizes(shape: &[i64]) -> [usize; 3] {
    std::array::from_fn(|axis| shape.get(axis + 1).map_or(1, |size| *size as usize))
}

/// The centre of the outer voxels.
pub(super) fn center(shape: &[i64]) -> Point {
    sizes(shape).map(|size| (size as f64 - 1.0) / 2.0)
}

/// Values of the axes of an image; those that a slice lacks have the value `absent`.
pub(super) fn three(values: &[f64], absent: f64) -> Point {
    std::array::from_fn(|axis| values.get(axis).copied().unwrap_or(absent))
}

/// Angles about the axes; that of a slice turns it in its plane.
pub(super) fn angles(values: &[f64]) -> Point {
    match values {
        [angle] => [0.0, 0.0, *angle],
        _ => three(values, 0.0),
    }
}

/// How many angles turn an image.
pub(super) fn count_of_angles(shape: &[i64]) -> usize {
    if shape.len() > 3 { 3 } else { 1 }
}

/// Turns about the second, then the first, then the third axis, by angles in degrees about the
/// first, second and third (ITK's `Euler3DTransform`).
pub(super) fn rotation(degrees: Point) -> Matrix {
    let [(a, b), (c, d), (e, f)] = degrees.map(|angle| angle.to_radians().sin_cos());
    let first = [[1.0, 0.0, 0.0], [0.0, b, -a], [0.0, a, b]];
    let second = [[d, 0.0, c], [0.0, 1.0, 0.0], [-c, 0.0, d]];
    let third = [[f, -e, 0.0], [e, f, 0.0], [0.0, 0.0, 1.0]];
    product(&product(&third, &first), &second)
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let cell = |row: usize, column: usize| (0..3).map(|k| a[row][k] * b[k][column]).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column)))
}

/// A matrix applied to a point.
pub(super) fn times(matrix: &Matrix, point: Point) -> Point {
    matrix.map(|row| row.iter().zip(point).map(|(a, b)| a * b).sum())
}

/// The image `[channel, …]` with each voxel interpolated linearly between those around the place that
/// it comes from, as ITK does it: up to half a voxel beyond the outer voxels' centres their value
/// holds, and farther outside the smallest of the channel.
///
/// `origins(i, j, row)` gives those places for the voxels of the row `[i, j, …]`.
pub(super) fn resample(
    voxels: &[f32],
    shape: &[i64],
    mut origins: impl FnMut(usize, usize, &mut [Point]),
) -> Vec<f32> {
    let size = sizes(shape);
    let count: usize = size.iter().product();
    let mut out = vec![0f32; voxels.len()];
    let channels: Vec<&[f32]> = voxels.chunks_exact(count.max(1)).collect();
    let outside: Vec<f32> = channels
        .iter()
        .map(|voxels| voxels.iter().copied().fold(f32::INFINITY, f32::min))
        .collect();
    let mut row = vec![[0.0; 3]; size[2]];
    for i in 0..size[0] {
        for j in 0..size[1] {
            origins(i, j, &mut row);
            let first = (i * size[1] + j) * size[2];
            for (channel, (voxels, outside)) in channels.iter().zip(&outside).enumerate() {
                let out = &mut out[channel * count + first..][..size[2]];
                for (out, point) in out.iter_mut().zip(&row) {
                    *out = linear(voxels, size, *point).unwrap_or(*outside);
                }
            }
        }
    }
    out
}

/// The value at a place, if it lies within the image.
fn linear(voxels: &[f32], size: [usize; 3], point: Point) -> Option<f32> {
    let (mut low, mut high, mut share) = ([0; 3], [0; 3], [0f32; 3]);
    let strides = [size[1] * size[2], size[2], 1];
    for axis in 0..3 {
        let last = size[axis] as f64 - 1.0;
        // So written, a place that is no number lies outside.
        if !(point[axis] >= -0.5 && point[axis] < last + 0.5) {
            return None;
        }
        let at = point[axis].clamp(0.0, last);
        let below = at as usize;
        low[axis] = below * strides[axis];
        high[axis] = (below + 1).min(size[axis] - 1) * strides[axis];
        share[axis] = (at - below as f64) as f32;
    }
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let line = |x: usize, y: usize| mix(voxels[x + y + low[2]], voxels[x + y + high[2]], share[2]);
    let plane = |x: usize| mix(line(x, low[1]), line(x, high[1]), share[1]);
    Some(mix(plane(low[0]), plane(high[0]), share[0]))
}
