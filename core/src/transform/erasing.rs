use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::{from_json, misfit, range, to_json};
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Sets a rectangle of the two last axes to one value, in all channels and at all depths.
pub(super) struct Erasing;

/// The rectangle; without a size where none that fits was found.
#[derive(Default, Serialize, Deserialize)]
struct Drawn {
    row: usize,
    column: usize,
    height: usize,
    width: usize,
}

/// Rectangles that are tried, as in torchvision.
const TRIES: usize = 10;

impl Transform for Erasing {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Erasing".into(),
            help: "Erases a rectangle of the two last axes, at all depths.".into(),
            source: "https://doi.org/10.1609/aaai.v34i07.7000, as in torchvision's RandomErasing"
                .into(),
            options: vec![
                OptionSpec::new(
                    "scale",
                    Kind::Floats { min: 0.0, max: 1.0 },
                    json!([0.02, 0.33]),
                    "lowest and highest share of the area",
                ),
                OptionSpec::new(
                    "ratio",
                    Kind::Floats { min: 0.01, max: 100.0 },
                    json!([0.3, 3.3]),
                    "lowest and highest height by width",
                ),
                OptionSpec::new(
                    "value",
                    Kind::Float { min: f64::NEG_INFINITY, max: f64::MAX },
                    0.0,
                    "what takes the place of what was there",
                ),
            ],
            p: 0.5,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let (scale, ratio) = (range(options, "scale")?, range(options, "ratio")?);
        let [.., rows, columns] = *shape else { return to_json(&Drawn::default()) };
        let (rows, columns) = (rows as usize, columns as usize);
        let mut random = Random::new(seed, "erasing", &[]);
        for _ in 0..TRIES {
            let area = (rows * columns) as f64 * random.uniform(scale[0], scale[1]);
            let aspect = random.uniform(ratio[0].ln(), ratio[1].ln()).exp();
            let height = (area * aspect).sqrt().round_ties_even() as usize;
            let width = (area / aspect).sqrt().round_ties_even() as usize;
            if height < rows && width < columns {
                let row = random.below((rows - height + 1) as u64) as usize;
                let column = random.below((columns - width + 1) as u64) as usize;
                return to_json(&Drawn { row, column, height, width });
            }
        }
        to_json(&Drawn::default())
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { row, column, height, width } = from_json(drawn)?;
        let value = options.float("value")? as f32;
        let [.., rows, columns] = *shape else { return Ok(voxels) };
        let (rows, columns) = (rows as usize, columns as usize);
        let ends = (row.checked_add(height), column.checked_add(width));
        let (Some(end), Some(right)) = ends else { return Err(misfit("the rectangle has no end")) };
        if end > rows || right > columns {
            return Err(misfit("the rectangle reaches beyond the image"));
        }
        for plane in voxels.chunks_exact_mut(rows * columns) {
            for line in plane.chunks_exact_mut(columns).take(end).skip(row) {
                line[column..right].fill(value);
            }
        }
        Ok(voxels)
    }
}
