//! Gaussian filters along one axis.

/// Voxels that are worked on at once, so that they stay in the cache.
const CHUNK: usize = 4096;

/// The image `[…]` filtered along `axis`, as SciPy's `gaussian_filter1d` does it: mirrored at its
/// edges (`c b a | a b c`), the window cut at 4 standard deviations of `std` voxels.
pub(crate) fn filter(voxels: Vec<f32>, shape: &[i64], axis: usize, std: f64) -> Vec<f32> {
    let length = shape[axis] as usize;
    let inner: usize = shape[axis + 1..].iter().map(|size| *size as usize).product();
    let radius = (4.0 * std + 0.5) as usize;
    if radius == 0 || length == 1 || voxels.is_empty() {
        return voxels;
    }
    let weight = |offset: usize| (-0.5 * ((offset as f64 - radius as f64) / std).powi(2)).exp();
    let sum: f64 = (0..=2 * radius).map(weight).sum();
    let weights: Vec<f32> = (0..=2 * radius).map(|at| (weight(at) / sum) as f32).collect();
    let mut filtered = vec![0f32; voxels.len()];
    let mut padded = Vec::with_capacity((length + 2 * radius) * inner);
    let blocks = voxels.chunks_exact(length * inner);
    for (block, filtered) in blocks.zip(filtered.chunks_exact_mut(length * inner)) {
        padded.clear();
        for row in 0..length + 2 * radius {
            let from = mirrored(row as i64 - radius as i64, length as i64);
            padded.extend_from_slice(&block[from * inner..][..inner]);
        }
        for (chunk, filtered) in filtered.chunks_mut(CHUNK).enumerate() {
            for (row, weight) in weights.iter().enumerate() {
                let from = &padded[chunk * CHUNK + row * inner..][..filtered.len()];
                filtered.iter_mut().zip(from).for_each(|(sum, voxel)| *sum += weight * voxel);
            }
        }
    }
    filtered
}

/// Where a place beyond the edges lies in the image.
fn mirrored(at: i64, length: i64) -> usize {
    let folded = at.rem_euclid(2 * length);
    folded.min(2 * length - 1 - folded) as usize
}
