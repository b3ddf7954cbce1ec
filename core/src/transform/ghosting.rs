use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::circular::{convolve, kernel};
use super::parameters::{from_json, misfit, range, to_json};
use super::{Transform, TransformInfo};
use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Weakens every n-th plane of k-space across an axis but that of frequency 0, so that n ghosts of
/// the image appear along it.
pub(super) struct Ghosting;

#[derive(Serialize, Deserialize)]
struct Drawn {
    num_ghosts: usize,
    axis: usize,
    intensity: f64,
}

impl Transform for Ghosting {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Ghosting".into(),
            help: "Shows ghosts of the image along an axis, as breathing and blood flow do.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomghosting"
                .into(),
            options: vec![
                OptionSpec::new(
                    "num_ghosts",
                    Kind::Ints,
                    json!([4, 10]),
                    "fewest and most ghosts; 0 for none",
                ),
                OptionSpec::absent(
                    "axes",
                    Kind::Ints,
                    "all",
                    "spatial axes, from 0, one of which is drawn",
                ),
                OptionSpec::new(
                    "intensity",
                    Kind::Floats { min: 0.0, max: 1.0 },
                    json!([0.5, 1.0]),
                    "lowest and highest share that is taken from the planes of k-space",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let wrong = |name: &str, message: &str| {
            Err(Error::new(Code::BadOption, message).at(Place::Option(name.into())))
        };
        let count = options.ints("num_ghosts")?;
        let (Some(low), Some(high), 1..=2) = (count.first(), count.last(), count.len()) else {
            return wrong("num_ghosts", "num_ghosts is not a smallest and a largest number");
        };
        if *low < 0 || high < low {
            return wrong("num_ghosts", "num_ghosts is not a smallest and a largest number");
        }
        let spatial = 0..shape.len() as i64 - 1;
        let axes = match options.has("axes") {
            true => options.ints("axes")?,
            false => spatial.clone().collect(),
        };
        if axes.is_empty() || axes.iter().any(|axis| !spatial.contains(axis)) {
            return wrong("axes", "axes names none, or one that the image does not have");
        }
        let [weakest, strongest] = range(options, "intensity")?;
        let mut random = Random::new(seed, "ghosting", &[]);
        to_json(&Drawn {
            num_ghosts: (*low + random.below((high - low) as u64 + 1) as i64) as usize,
            axis: axes[random.below(axes.len() as u64) as usize] as usize,
            intensity: random.uniform(weakest, strongest),
        })
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { num_ghosts, axis, intensity } = from_json(drawn)?;
        let Some(length) = shape.get(axis + 1).map(|size| *size as usize) else {
            return Err(misfit(format!("there is no axis {axis}")));
        };
        if num_ghosts == 0 {
            return Ok(voxels);
        }
        let kernel = kernel(length, |plane| {
            let weakened = plane.is_multiple_of(num_ghosts) && plane != length / 2;
            if weakened { 1.0 - intensity } else { 1.0 }
        });
        Ok(convolve(&voxels, shape, axis + 1, &kernel))
    }
}
