//! Filters in k-space that change whole planes across one axis.
//!
//! Fourier transforms along the other axes undo themselves, so such a filter is a convolution along
//! that axis, around whose ends the image goes on at the other side. It costs a multiplication per
//! voxel and plane, and needs no Fourier transform.

use std::f64::consts::TAU;

/// Sums that are worked on at once, so that they stay in registers.
const WIDTH: usize = 16;

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
    // Weight `length + to - from`, and those of the next places, without a look at the ends.
    let weights = kernel.repeat(2 + WIDTH.div_ceil(length));
    let mut out = vec![0f32; voxels.len()];
    let blocks = voxels.chunks_exact(length * inner);
    for (block, out) in blocks.zip(out.chunks_exact_mut(length * inner)) {
        if inner == 1 {
            line(block, out, &weights);
        } else {
            columns(block, out, &weights, inner);
        }
    }
    out
}

/// Many places of one line at once.
fn line(voxels: &[f32], out: &mut [f32], weights: &[f32]) {
    let length = voxels.len();
    for (chunk, out) in out.chunks_mut(WIDTH).enumerate() {
        let mut sums = [0f32; WIDTH];
        for (from, voxel) in voxels.iter().enumerate() {
            let weights = &weights[length + chunk * WIDTH - from..][..WIDTH];
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * voxel);
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

/// One place of many lines at once.
fn columns(voxels: &[f32], out: &mut [f32], weights: &[f32], inner: usize) {
    let length = voxels.len() / inner;
    // A copy of the columns is near together, and as wide as ever at the end.
    let mut near = vec![[0f32; WIDTH]; length];
    for first in (0..inner).step_by(WIDTH) {
        let width = WIDTH.min(inner - first);
        for (near, row) in near.iter_mut().zip(voxels.chunks_exact(inner)) {
            near[..width].copy_from_slice(&row[first..first + width]);
        }
        for (to, row) in out.chunks_exact_mut(inner).enumerate() {
            let mut sums = [0f32; WIDTH];
            for (from, voxels) in near.iter().enumerate() {
                let weight = weights[length + to - from];
                sums.iter_mut().zip(voxels).for_each(|(sum, voxel)| *sum += weight * voxel);
            }
            row[first..first + width].copy_from_slice(&sums[..width]);
        }
    }
}
