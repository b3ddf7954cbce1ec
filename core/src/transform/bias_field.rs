use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, to_json, uniform};
use super::resample::sizes;
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Multiplies with exp of a polynomial of the place: a field that is not even.
pub(super) struct BiasField;

#[derive(Serialize, Deserialize)]
struct Drawn {
    coefficients: Vec<f64>,
}

impl Transform for BiasField {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "BiasField".into(),
            help: "Makes the image brighter and darker from place to place, as an uneven magnetic field \
                   does."
                .into(),
            source: "https://doi.org/10.1109/42.811268, as in TorchIO's RandomBiasField".into(),
            options: vec![
                OptionSpec::new(
                    "coefficients",
                    Kind::Float { min: 0.0, max: 100.0 },
                    0.5,
                    "largest size of the polynomial's coefficients; axes run from -1 to 1",
                ),
                OptionSpec::new(
                    "order",
                    Kind::Int { min: 0, max: 9 },
                    3,
                    "degree of the polynomial",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let largest = options.float("coefficients")?;
        let count = powers(options.int("order")?, shape.len() - 1).len();
        let mut random = Random::new(seed, "bias field", &[]);
        to_json(&Drawn { coefficients: uniform(&mut random, [-largest, largest], count) })
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { coefficients } = from_json(drawn)?;
        let order = options.int("order")?;
        let powers = powers(order, shape.len() - 1);
        counted(&coefficients, powers.len(), "coefficients")?;
        let size = sizes(shape);
        let axes = size.map(|size| {
            let last = (size as f64 - 1.0).max(1.0);
            (0..size).map(|at| (2.0 * at as f64 - (size as f64 - 1.0)) / last).collect::<Vec<_>>()
        });
        let count: usize = size.iter().product();
        let mut line = vec![0.0; order as usize + 1];
        for (i, x) in axes[0].iter().enumerate() {
            for (j, y) in axes[1].iter().enumerate() {
                // What is left along the last axis is a polynomial of it alone.
                line.fill(0.0);
                for ([a, b, c], coefficient) in powers.iter().zip(&coefficients) {
                    line[*c as usize] += coefficient * x.powi(*a) * y.powi(*b);
                }
                let first = (i * size[1] + j) * size[2];
                for (k, z) in axes[2].iter().enumerate() {
                    let log = line.iter().rev().fold(0.0, |sum, coefficient| sum * z + coefficient);
                    let field = log.exp() as f32;
                    voxels[first + k..].iter_mut().step_by(count).for_each(|v| *v *= field);
                }
            }
        }
        Ok(voxels)
    }
}

/// The powers of the axes in each term, in TorchIO's order.
fn powers(order: i64, axes: usize) -> Vec<[i32; 3]> {
    let order = order as i32;
    let mut powers = Vec::new();
    for a in 0..=order {
        for b in 0..=order - a {
            let last = if axes > 2 { order - a - b } else { 0 };
            powers.extend((0..=last).map(|c| [a, b, c]));
        }
    }
    powers
}
