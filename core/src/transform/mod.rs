//! Random changes of training images, so that a network sees each image in many forms.

use serde::Serialize;

use crate::error::Result;
use crate::options::{OptionSpec, Options};

mod flip;
mod noise;

/// Every built-in transform, in order.
pub fn built_in() -> Vec<Box<dyn Transform>> {
    vec![Box::new(noise::Noise), Box::new(flip::Flip)]
}

/// What a person reads about a transform.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransformInfo {
    /// The registered name, ClinicaDL's where it has one.
    pub name: String,
    /// One line.
    pub help: String,
    /// Paper, DOI or page of the formula.
    pub source: String,
    /// The options.
    pub options: Vec<OptionSpec>,
}

/// A transform. It is called from the threads that load images.
pub trait Transform: Send + Sync {
    /// Name, help, options and source.
    fn info(&self) -> TransformInfo;

    /// The changed image `[channel, (depth,) height, width]`, the last axis fastest, of the same
    /// shape. All random choices derive from `seed`, which differs from sample to sample and from
    /// epoch to epoch.
    ///
    /// # Errors
    /// What the transform says.
    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        seed: u64,
    ) -> Result<Vec<f32>>;
}

#[cfg(test)]
mod tests;
