//! Filters in k-space that change whole planes across one axis.
//!
//! Fourier transforms along the other axes undo themselves, so such a filter is a convolution along
//! that axis, around whose ends the image goes on at the other side. It costs a multiplication per
//! voxel and plane, and needs no Fourier transform.

use std::f64::consts::TAU;

/// Columns that are worked on at once, so that they stay in the cache.
const COLUMNS: usize = 128;

/// The convolution that keeps, of n planes of k-space, those for which `kept` gives 1, and a share
/// of others. Planes count as they are shown: that of frequency 0 is number n / 2 (rounded down).
/// The image is real, so the real part of the kernel gives the real part of the result.
pub(super) fn kernel(length: usize, kept: impl Fn(usize) -> f64) -> Vec<f32> {
    let shares: Vec<f64> = (0..length).map(kept).collect();
    let value = |at: usize| {
        let wave = |plane: usize| {
            // Whole turns are left out, so that the angle stays exact.
            let turns = (plane + length - length / 2) * at % length;
            (TAU * turns as f64 / length as f64).cos()
        };
        let sum: f64 = shares.iter().enumerate().map(|(plane, share)| share * wave(plane)).sum();
        (sum / length as f64) as f32
    };
    (0..length).map(value).collect()
}

/// The image `[…]` convolved along `axis`, whose length the kernel has.
pub(super) fn convolve(voxels: &[f32], shape: &[i64], axis: usize, kernel: &[f32]) -> Vec<f32> {
    let length = kernel.len();
    let inner: usize = shape[axis + 1..].iter().map(|size| *size as usize).product();
    let twice = [kernel, kernel].concat();
    let mut out = vec![0f32; voxels.len()];
    let blocks = voxels.chunks_exact(length * inner);
    for (block, out) in blocks.zip(out.chunks_exact_mut(length * inner)) {
        if inner == 1 {
            for (from, voxel) in block.iter().enumerate() {
                let weights = &twice[length - from..2 * length - from];
                out.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * voxel);
            }
            continue;
        }
        for first in (0..inner).step_by(COLUMNS) {
            let columns = COLUMNS.min(inner - first);
            for to in 0..length {
                let sums = &mut out[to * inner + first..][..columns];
                for from in 0..length {
                    let weight = twice[length + to - from];
                    let row = &block[from * inner + first..][..columns];
                    sums.iter_mut().zip(row).for_each(|(sum, voxel)| *sum += weight * voxel);
                }
            }
        }
    }
    out
}
