use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, to_json, uniform};
use super::resample::{angles, center, count_of_angles, resample, rotation, three};
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Turns, moves and scales the image about its centre: a voxel at x goes to c + S · (R · (x − c) + t).
pub(super) struct Affine;

#[derive(Serialize, Deserialize)]
struct Drawn {
    scales: Vec<f64>,
    degrees: Vec<f64>,
    translation: Vec<f64>,
}

impl Transform for Affine {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Affine".into(),
            help: "Turns, scales and moves the image a little about its centre, interpolating linearly."
                .into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomaffine"
                .into(),
            options: vec![
                OptionSpec::new(
                    "scales",
                    Kind::Float { min: 0.0, max: 0.9 },
                    0.1,
                    "largest change of size along each axis: uniform from 1 - it to 1 + it",
                ),
                OptionSpec::new(
                    "degrees",
                    Kind::Float { min: 0.0, max: 180.0 },
                    10.0,
                    "largest angle about each axis, to both sides, in degrees",
                ),
                OptionSpec::new(
                    "translation",
                    Kind::Float { min: 0.0, max: 1000.0 },
                    0.0,
                    "largest shift along each axis, to both sides, in voxels",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let mut random = Random::new(seed, "affine", &[]);
        let mut about = |middle: f64, name: &str, count: usize| -> Result<Vec<f64>> {
            let largest = options.float(name)?;
            Ok(uniform(&mut random, [middle - largest, middle + largest], count))
        };
        let axes = shape.len() - 1;
        to_json(&Drawn {
            scales: about(1.0, "scales", axes)?,
            degrees: about(0.0, "degrees", count_of_angles(shape))?,
            translation: about(0.0, "translation", axes)?,
        })
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { scales, degrees, translation } = from_json(drawn)?;
        let axes = shape.len() - 1;
        counted(&scales, axes, "scales")?;
        counted(&degrees, count_of_angles(shape), "degrees")?;
        counted(&translation, axes, "translation")?;
        let (scales, shift) = (three(&scales, 1.0), three(&translation, 0.0));
        let (rotation, center) = (rotation(angles(&degrees)), center(shape));
        Ok(resample(&voxels, shape, |i, j, row| {
            for (k, origin) in row.iter_mut().enumerate() {
                let at = [i as f64, j as f64, k as f64];
                let back: [f64; 3] = std::array::from_fn(|axis| {
                    (at[axis] - center[axis]) / scales[axis] - shift[axis]
                });
                // The inverse of a rotation is its transpose.
                *origin = std::array::from_fn(|axis| {
                    center[axis] + (0..3).map(|row| rotation[row][axis] * back[row]).sum::<f64>()
                });
            }
        }))
    }
}
