//! Gaussian filters of images.
//!
//! A Gaussian is separable, and along one axis of n voxels a filter is the product with an n × n
//! matrix, borders included. Matrix products are what libtorch does fastest, on any device, and their
//! gradient needs nothing but the matrix: a filter keeps no memory for the backward pass.

use tch::{Kind, Tensor};

use crate::error::Result;

/// What lies beyond the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// Zeros.
    Zero,
    /// The image mirrored at its edge: `c b a | a b c`.
    Reflect,
}

/// A Gaussian window that sums to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gaussian {
    /// Standard deviation, in voxels.
    pub(crate) sigma: f64,
    /// How far the window reaches, in voxels.
    pub(crate) radius: i64,
    /// What lies beyond the image.
    pub(crate) border: Border,
}

impl Gaussian {
    /// Filters along every axis but the first.
    ///
    /// # Shapes
    /// `[map, (depth,) height, width]` → `[(depth,) height, width, map]`.
    ///
    /// # Errors
    /// What libtorch says.
    pub(crate) fn filter(&self, maps: &Tensor) -> Result<Tensor> {
        let mut size = maps.size();
        let mut maps = maps.shallow_clone();
        for _ in 1..size.len() {
            let length = size[size.len() - 1];
            let matrix = Tensor::f_from_slice(&self.matrix(length))?.f_view([length, length])?;
            let matrix = matrix.f_to_device(maps.device())?.f_to_kind(maps.kind())?;
            // The last axis comes first, so the next one is the last.
            maps = matrix.f_mm(&maps.f_reshape([-1, length])?.f_transpose(0, 1)?)?;
            size.rotate_right(1);
            maps = maps.f_view(&size[..])?;
        }
        Ok(maps)
    }

    /// Row i holds the weights of all voxels of an axis in voxel i of the result.
    fn matrix(&self, length: i64) -> Vec<f32> {
        let radius = self.radius;
        let weight = |offset: i64| (-0.5 * (offset as f64 / self.sigma).powi(2)).exp();
        let sum: f64 = (-radius..=radius).map(weight).sum();
        let mut matrix = vec![0.0; (length * length) as usize];
        for row in 0..length {
            for offset in -radius..=radius {
                let at = row + offset;
                let column = match self.border {
                    Border::Zero if !(0..length).contains(&at) => continue,
                    Border::Zero => at,
                    Border::Reflect => {
                        let folded = at.rem_euclid(2 * length);
                        folded.min(2 * length - 1 - folded)
                    }
                };
                matrix[(row * length + column) as usize] += weight(offset) / sum;
            }
        }
        matrix.into_iter().map(|weight| weight as f32).collect()
    }
}

/// Images `[batch, channel, …]` as maps `[batch · channel, …]` of float32.
pub(crate) fn maps(images: &Tensor) -> Result<Tensor> {
    let size: Vec<i64> = std::iter::once(-1).chain(images.size().into_iter().skip(2)).collect();
    Ok(images.f_to_kind(Kind::Float)?.f_reshape(&size[..])?)
}

/// The mean of each sample over its voxels and channels.
///
/// # Shapes
/// `[(depth,) height, width, batch · channel]`, as filters give them → `[batch]`.
pub(crate) fn mean_of_samples(filtered: &Tensor, batch: i64) -> Result<Tensor> {
    let channels = filtered.size().last().map_or(1, |maps| maps / batch.max(1));
    Ok(filtered.f_reshape([-1, batch, channels])?.f_mean_dim([0i64, 2].as_slice(), false, None)?)
}
