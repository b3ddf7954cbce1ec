use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::{counted, from_json, range, to_json, uniform};
use super::resample::sizes;
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Adds to single points of k-space, which shows as stripes.
pub(super) struct Spike;

/// Where in k-space the spikes are, from 0 to 1 along each axis with frequency 0 in the middle, and
/// how high they are, in units of the highest point. That is taken to be the sum of all |voxels|, as it
/// is where no voxel is negative, so that no Fourier transform is needed.
#[derive(Serialize, Deserialize)]
struct Drawn {
    spikes_positions: Vec<Vec<f64>>,
    intensity: f64,
}

impl Transform for Spike {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Spike".into(),
            help: "Adds spikes in k-space, which show as stripes.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomspike"
                .into(),
            options: vec![
                OptionSpec::new("num_spikes", Kind::Int { min: 0, max: 100 }, 1, "spikes"),
                OptionSpec::new(
                    "intensity",
                    Kind::Floats { min: -1000.0, max: 1000.0 },
                    json!([1.0, 3.0]),
                    "lowest and highest height, in units of the sum of all |voxels|",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let [low, high] = range(options, "intensity")?;
        let mut random = Random::new(seed, "spike", &[]);
        let positions = (0..options.int("num_spikes")?)
            .map(|_| uniform(&mut random, [0.0, 1.0], shape.len() - 1))
            .collect();
        to_json(&Drawn { spikes_positions: positions, intensity: random.uniform(low, high) })
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { spikes_positions, intensity } = from_json(drawn)?;
        let size = sizes(shape);
        let mut waves = Vec::new();
        for position in &spikes_positions {
            counted(position, shape.len() - 1, "a position")?;
            waves.push(Wave::new(size, position));
        }
        let count: usize = size.iter().product();
        for channel in voxels.chunks_exact_mut(count.max(1)) {
            let mut highest: f64 = channel.iter().map(|voxel| f64::from(voxel.abs())).sum();
            for (i, wave) in waves.iter().enumerate() {
                let height = highest * intensity;
                let amplitude = (height / count as f64) as f32;
                wave.each(channel, |voxel, value| *voxel += amplitude * value);
                if i + 1 < waves.len() {
                    let mut point = 0.0;
                    wave.each(channel, |voxel, value| point += f64::from(*voxel * value));
                    highest = highest.max(point);
                }
            }
        }
        Ok(voxels)
    }
}

/// cos(2π · Σ f_a · r_a / n_a) over the axes a: the real part of one point of k-space in the image.
struct Wave {
    /// Cosine and sine for each voxel of each axis.
    axes: [Vec<(f32, f32)>; 3],
}

impl Wave {
    fn new(size: [usize; 3], position: &[f64]) -> Self {
        let axes = std::array::from_fn(|axis| {
            let length = size[axis];
            let at = position.get(axis).map_or(0.0, |share| (share * length as f64).floor());
            // A slice has the frequency 0 alone along the axis that it lacks, and its index is 0.
            let frequency = at.clamp(0.0, length as f64 - 1.0) as usize + length - length / 2;
            let angle = |r: usize| TAU * (frequency * r % length) as f64 / length as f64;
            (0..length).map(|r| (angle(r).cos() as f32, angle(r).sin() as f32)).collect()
        });
        Self { axes }
    }

    /// Calls `work` with each voxel and the wave's value there.
    fn each(&self, voxels: &mut [f32], mut work: impl FnMut(&mut f32, f32)) {
        let [first, second, third] = &self.axes;
        let mut rows = voxels.chunks_exact_mut(third.len());
        for a in first {
            for b in second {
                let (cos, sin) = (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
                let Some(row) = rows.next() else { return };
                for (voxel, c) in row.iter_mut().zip(third) {
                    work(voxel, cos * c.0 - sin * c.1);
                }
            }
        }
    }
}
