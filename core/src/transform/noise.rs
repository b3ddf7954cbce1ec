use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{from_json, to_json};
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// v + s · N(0, 1) per voxel, with one s ~ U(0, std) per sample.
pub(super) struct Noise;

#[derive(Serialize, Deserialize)]
struct Drawn {
    std: f64,
    /// Of the voxels' numbers.
    seed: u64,
}

impl Transform for Noise {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Noise".into(),
            help: "Adds Gaussian noise; its standard deviation is drawn for each sample.".into(),
            source: "https://clinicadl.readthedocs.io/en/latest/Train/Details/".into(),
            options: vec![OptionSpec::new(
                "std",
                Kind::Float { min: 0.0, max: f64::MAX },
                0.1,
                "largest standard deviation; the sample's is uniform from 0 to it",
            )],
            p: 1.0,
        }
    }

    fn draw(&self, _: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let std = Random::new(seed, "noise", &[]).uniform(0.0, options.float("std")?);
        to_json(&Drawn { std, seed })
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        _: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { std, seed } = from_json(drawn)?;
        let mut random = Random::new(seed, "noise of voxels", &[]);
        for voxel in &mut voxels {
            *voxel += (std * random.normal()) as f32;
        }
        Ok(voxels)
    }
}
