use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, to_json, uniform};
use super::{Transform, TransformInfo, gaussian};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// A Gaussian filter with a drawn width for each spatial axis.
pub(super) struct RandomBlur;

#[derive(Serialize, Deserialize)]
struct Drawn {
    std: Vec<f64>,
}

impl Transform for RandomBlur {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "RandomBlur".into(),
            help: "Filters with a Gaussian that has another width along each spatial axis.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomblur".into(),
            options: vec![OptionSpec::new(
                "std",
                Kind::Float { min: 0.0, max: 100.0 },
                2.0,
                "largest standard deviation, in voxels; each axis' is uniform from 0 to it",
            )],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let mut random = Random::new(seed, "blur", &[]);
        let std = uniform(&mut random, [0.0, options.float("std")?], shape.len() - 1);
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
        counted(&std, shape.len() - 1, "std")?;
        let axes = std.iter().enumerate();
        Ok(axes.fold(voxels, |voxels, (axis, std)| gaussian::filter(voxels, shape, axis + 1, *std)))
    }
}
