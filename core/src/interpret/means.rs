//! Means of maps and images over people.

use rayon::prelude::*;

/// Sums over images.
pub(super) struct Mean {
    pub(super) images: usize,
    pub(super) map: Vec<f64>,
    pub(super) anatomy: Vec<f64>,
}

impl Mean {
    pub(super) fn new(voxels: usize) -> Self {
        Self { images: 0, map: vec![0.0; voxels], anatomy: vec![0.0; voxels] }
    }

    pub(super) fn add(&mut self, map: &[f32], anatomy: &[f32]) {
        self.images += 1;
        for (sums, values) in [(&mut self.map, map), (&mut self.anatomy, anatomy)] {
            sums.par_iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        }
    }

    pub(super) fn of(&self, sums: &[f64]) -> Vec<f32> {
        sums.iter().map(|sum| (sum / self.images as f64) as f32).collect()
    }
}
