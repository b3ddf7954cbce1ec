use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{from_json, to_json};
use super::{Transform, TransformInfo, gaussian};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// A Gaussian filter of one drawn width along every axis.
pub(super) struct Smoothing;

#[derive(Serialize, Deserialize)]
struct Drawn {
    std: f64,
}

impl Transform for Smoothing {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Smoothing".into(),
            help: "Filters with a Gaussian of one width along all axes, that of the channels too."
                .into(),
            source: "https://clinicadl.readthedocs.io/en/latest/Train/Details/".into(),
            options: vec![OptionSpec::new(
                "std",
                Kind::Float { min: 0.0, max: 100.0 },
                1.0,
                "largest standard deviation, in voxels; the sample's is uniform from 0 to it",
            )],
            p: 1.0,
        }
    }

    fn draw(&self, _: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let std = Random::new(seed, "smoothing", &[]).uniform(0.0, options.float("std")?);
        to_json(&Drawn { std })
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { std } = from_json(drawn)?;
        Ok((0..shape.len()).fold(voxels, |voxels, axis| gaussian::filter(voxels, shape, axis, std)))
    }
}
