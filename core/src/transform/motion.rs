use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::circular::{convolve, kernel};
use super::parameters::{counted, from_json, range, to_json, uniform};
use super::resample::{Point, angles, center, count_of_angles, resample, rotation, three, times};
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Composes k-space, along the last axis, out of those of the image and of the image moved, as if
/// the person had moved while it was filled.
pub(super) struct Motion;

/// When movements happen, from 0 to 1 in the time of the scan, and what they are.
#[derive(Serialize, Deserialize)]
struct Drawn {
    times: Vec<f64>,
    degrees: Vec<Vec<f64>>,
    translation: Vec<Vec<f64>>,
}

/// How far from even times, in steps between them, a movement may happen; TorchIO's.
const PERTURBATION: f64 = 0.3;

impl Transform for Motion {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Motion".into(),
            help: "Makes the person move while the image is taken, about the image's centre."
                .into(),
            source: "http://proceedings.mlr.press/v102/shaw19a.html, as in TorchIO's RandomMotion"
                .into(),
            options: vec![
                OptionSpec::new(
                    "degrees",
                    Kind::Floats { min: -180.0, max: 180.0 },
                    json!([2.0, 4.0]),
                    "lowest and highest angle about each axis, in degrees",
                ),
                OptionSpec::new(
                    "translation",
                    Kind::Floats { min: -1000.0, max: 1000.0 },
                    json!([2.0, 4.0]),
                    "lowest and highest shift along each axis, in voxels",
                ),
                OptionSpec::new("num_transforms", Kind::Int { min: 1, max: 100 }, 2, "movements"),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let (degrees, translation) = (range(options, "degrees")?, range(options, "translation")?);
        let count = options.int("num_transforms")?;
        let step = 1.0 / (count as f64 + 1.0);
        let mut random = Random::new(seed, "motion", &[]);
        let mut each = |range: [f64; 2], axes: usize| -> Vec<Vec<f64>> {
            (0..count).map(|_| uniform(&mut random, range, axes)).collect()
        };
        let degrees = each(degrees, count_of_angles(shape));
        let translation = each(translation, shape.len() - 1);
        let late = each([-PERTURBATION, PERTURBATION], 1);
        let times = (1..=count).zip(&late).map(|(i, late)| (i as f64 + late[0]) * step);
        to_json(&Drawn { times: times.collect(), degrees, translation })
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { times, degrees, translation } = from_json(drawn)?;
        counted(&degrees, times.len(), "degrees")?;
        counted(&translation, times.len(), "translation")?;
        let axis = shape.len() - 1;
        let length = shape[axis] as usize;
        let mut ends: Vec<usize> =
            times.iter().map(|time| ((length as f64 * time) as usize).min(length)).collect();
        ends.push(length);
        // The centre of k-space, which makes most of the image, is that of the image at rest.
        let still = times.iter().position(|time| *time > 0.5).unwrap_or(times.len());
        let mut out = voxels.clone();
        let mut begin = 0;
        for (band, end) in ends.into_iter().enumerate() {
            let planes = begin..end;
            begin = end.max(begin);
            // The image at rest is the first of the images, and changes places with that of its band.
            let Some(movement) = (if band == 0 { still } else { band }).checked_sub(1) else {
                continue;
            };
            if band == still {
                continue;
            }
            counted(&degrees[movement], count_of_angles(shape), "degrees")?;
            counted(&translation[movement], axis, "translation")?;
            let mut change = moved(
                &voxels,
                shape,
                angles(&degrees[movement]),
                three(&translation[movement], 0.0),
            );
            change.iter_mut().zip(&voxels).for_each(|(moved, voxel)| *moved -= voxel);
            let kernel = kernel(length, |plane| f64::from(u8::from(planes.contains(&plane))));
            let change = convolve(&change, shape, axis, &kernel);
            out.iter_mut().zip(change).for_each(|(sum, change)| *sum += change);
        }
        Ok(out)
    }
}

/// The image after a movement. TorchIO gives it to ITK, whose first two axes point the other way; it
/// means the centre to be that of the image, but turns about the origin of the world.
fn moved(voxels: &[f32], shape: &[i64], degrees: Point, translation: Point) -> Vec<f32> {
    let center = center(shape);
    let [a, b, c] = degrees;
    let rotation = rotation([-a, -b, c]);
    let [x, y, z] = translation;
    let shift = [-x, -y, z];
    resample(voxels, shape, |i, j, row| {
        for (k, origin) in row.iter_mut().enumerate() {
            let turned = times(
                &rotation,
                [i as f64 - center[0], j as f64 - center[1], k as f64 - center[2]],
            );
            *origin = std::array::from_fn(|axis| turned[axis] + shift[axis] + center[axis]);
        }
    })
}
