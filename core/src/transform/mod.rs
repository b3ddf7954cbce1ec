//! Random changes of training images, so that a network sees each image in many forms.
//!
//! A transform first draws its parameters and then changes the image with them, so that what was
//! drawn can be logged, and done again.

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Result;
use crate::options::{OptionSpec, Options};

mod affine;
mod bias_field;
mod blur;
mod circular;
mod crop_pad;
mod elastic;
mod erasing;
mod flip;
mod gamma;
pub(crate) mod gaussian;
mod ghosting;
mod motion;
mod noise;
mod parameters;
mod resample;
mod smoothing;
mod spike;
mod swap;

/// Every built-in transform, in order.
pub fn built_in() -> Vec<Box<dyn Transform>> {
    vec![
        Box::new(noise::Noise),
        Box::new(smoothing::Smoothing),
        Box::new(crop_pad::CropPad),
        Box::new(erasing::Erasing),
        Box::new(motion::Motion),
        Box::new(ghosting::Ghosting),
        Box::new(spike::Spike),
        Box::new(bias_field::BiasField),
        Box::new(blur::RandomBlur),
        Box::new(swap::RandomSwap),
        Box::new(gamma::Gamma),
        Box::new(flip::Flip),
        Box::new(affine::Affine),
        Box::new(elastic::Elastic),
    ]
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
    /// The share of the images that it changes where its option `p` is not given, from 0 to 1.
    pub p: f64,
}

/// A transform. It is called from the threads that load images.
pub trait Transform: Send + Sync {
    /// Name, help, options and source.
    fn info(&self) -> TransformInfo;

    /// What is drawn for an image of the shape `[channel, (depth,) height, width]`, as JSON. All
    /// random choices derive from `seed`, which is below 2⁶³ and differs from sample to sample and
    /// from epoch to epoch. Where a transform has nothing more to tell, it is `{"seed": …}`.
    ///
    /// # Errors
    /// Options that do not fit the shape.
    fn draw(&self, _shape: &[i64], _options: &Options, seed: u64) -> Result<Value> {
        Ok(json!({ "seed": seed }))
    }

    /// The changed image `[channel, (depth,) height, width]`, the last axis fastest, of the same
    /// shape. It depends on what is given alone: `drawn` is from [`Transform::draw`].
    ///
    /// # Errors
    /// Parameters that do not fit the image; what the transform says.
    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>>;
}

/// The seed in what [`Transform::draw`] gives for a transform with nothing more to tell.
///
/// # Errors
/// Parameters that are something else.
pub fn seed(drawn: &Value) -> Result<u64> {
    drawn["seed"].as_u64().ok_or_else(|| parameters::misfit("there is no seed among them"))
}

#[cfg(test)]
mod tests;
