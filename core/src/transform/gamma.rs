use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::{counted, from_json, range, to_json, uniform};
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// sign(v) · |v|^γ, with γ = e^β and β ~ U(log_gamma) for each channel.
pub(super) struct Gamma;

#[derive(Serialize, Deserialize)]
struct Drawn {
    gamma: Vec<f64>,
}

impl Transform for Gamma {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Gamma".into(),
            help: "Raises the size of each voxel to a power, which changes the contrast.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomgamma"
                .into(),
            options: vec![OptionSpec::new(
                "log_gamma",
                Kind::Floats { min: -10.0, max: 10.0 },
                json!([-0.3, 0.3]),
                "lowest and highest logarithm of the power",
            )],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let mut random = Random::new(seed, "gamma", &[]);
        let logs = uniform(&mut random, range(options, "log_gamma")?, shape[0] as usize);
        to_json(&Drawn { gamma: logs.into_iter().map(f64::exp).collect() })
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { gamma } = from_json(drawn)?;
        counted(&gamma, shape[0] as usize, "gamma")?;
        let size = shape[1..].iter().product::<i64>() as usize;
        for (channel, gamma) in voxels.chunks_exact_mut(size.max(1)).zip(gamma) {
            for voxel in channel {
                *voxel = voxel.abs().powf(gamma as f32).copysign(*voxel);
            }
        }
        Ok(voxels)
    }
}
