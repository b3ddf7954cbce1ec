use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, to_json};
use super::resample::sizes;
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Moves the image by whole voxels; what leaves it on one side comes back as 0 on the other.
pub(super) struct CropPad;

#[derive(Serialize, Deserialize)]
struct Drawn {
    shift: Vec<i64>,
}

impl Transform for CropPad {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "CropPad".into(),
            help:
                "Moves the image along each spatial axis: crops one side and pads the other with 0."
                    .into(),
            source: "https://clinicadl.readthedocs.io/en/latest/Train/Details/".into(),
            options: vec![OptionSpec::new(
                "length",
                Kind::Int { min: 1, max: 1000 },
                10,
                "voxels; an axis' shift is uniform from -length to length - 1",
            )],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let length = options.int("length")?;
        let mut random = Random::new(seed, "crop and pad", &[]);
        let shift = shape[1..].iter().map(|_| random.below(2 * length as u64) as i64 - length);
        to_json(&Drawn { shift: shift.collect() })
    }

    /// A shift c > 0 drops c planes at the low end and adds c at the high end.
    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { shift } = from_json(drawn)?;
        counted(&shift, shape.len() - 1, "shift")?;
        let size = sizes(shape);
        let shift: [i64; 3] = std::array::from_fn(|axis| shift.get(axis).copied().unwrap_or(0));
        let from = |at: usize, axis: usize| {
            let from = (at as i64).saturating_add(shift[axis]);
            usize::try_from(from).ok().filter(|from| *from < size[axis])
        };
        let kept: Vec<usize> = (0..size[2]).filter(|at| from(*at, 2).is_some()).collect();
        let mut out = vec![0f32; voxels.len()];
        let count: usize = size.iter().product();
        let channels = voxels.chunks_exact(count.max(1)).zip(out.chunks_exact_mut(count.max(1)));
        let (Some(first), true) = (kept.first().copied(), count > 0) else { return Ok(out) };
        let first_from = from(first, 2).unwrap_or(0);
        for (voxels, out) in channels {
            for i in 0..size[0] {
                for j in 0..size[1] {
                    let (Some(x), Some(y)) = (from(i, 0), from(j, 1)) else { continue };
                    let row = |x: usize, y: usize| (x * size[1] + y) * size[2];
                    out[row(i, j) + first..][..kept.len()]
                        .copy_from_slice(&voxels[row(x, y) + first_from..][..kept.len()]);
                }
            }
        }
        Ok(out)
    }
}
