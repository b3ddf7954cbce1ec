use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::{counted, from_json, misfit, to_json};
use super::resample::sizes;
use super::{Transform, TransformInfo};
use crate::error::Result;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Exchanges pairs of blocks.
pub(super) struct RandomSwap;

/// The first corners of the two blocks of each exchange.
#[derive(Serialize, Deserialize)]
struct Drawn {
    locations: Vec<[Vec<usize>; 2]>,
}

impl Transform for RandomSwap {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "RandomSwap".into(),
            help: "Exchanges pairs of blocks, so that a network has to know what belongs where."
                .into(),
            source: "https://doi.org/10.1016/j.media.2019.101539, as in TorchIO's RandomSwap"
                .into(),
            options: vec![
                OptionSpec::new(
                    "patch_size",
                    Kind::Sizes { min: 1 },
                    15,
                    "size of the blocks, in voxels; at most half of the axis is taken",
                ),
                OptionSpec::new(
                    "num_iterations",
                    Kind::Int { min: 0, max: 10_000 },
                    100,
                    "exchanges",
                ),
            ],
            p: 1.0,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        let block = block(shape, options)?;
        let places: Vec<u64> =
            shape[1..].iter().zip(&block).map(|(size, block)| *size as u64 - block + 1).collect();
        let mut random = Random::new(seed, "swap", &[]);
        let mut corner =
            || places.iter().map(|places| random.below(*places) as usize).collect::<Vec<_>>();
        let exchanges = match places.iter().all(|places| *places == 1) {
            true => 0,
            false => options.int("num_iterations")?,
        };
        let locations = (0..exchanges).map(|_| {
            let first = corner();
            let second = std::iter::repeat_with(&mut corner).find(|second| *second != first);
            [first.clone(), second.unwrap_or(first)]
        });
        to_json(&Drawn { locations: locations.collect() })
    }

    fn apply(
        &self,
        mut voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { locations } = from_json(drawn)?;
        let (size, block) = (sizes(shape), block(shape, options)?);
        for corner in locations.iter().flatten() {
            counted(corner, block.len(), "a corner")?;
            let inside = corner.iter().zip(&size).zip(&block).all(|((corner, size), block)| {
                corner.checked_add(*block as usize).is_some_and(|end| end <= *size)
            });
            if !inside {
                return Err(misfit("a block reaches beyond the image"));
            }
        }
        let count: usize = size.iter().product();
        for channel in voxels.chunks_exact_mut(count.max(1)) {
            for [first, second] in &locations {
                let (first, second) = (rows(size, &block, first), rows(size, &block, second));
                let read = |channel: &[f32], rows: &[Row]| -> Vec<f32> {
                    rows.iter().flat_map(|row| &channel[row.clone()]).copied().collect()
                };
                let (of_first, of_second) = (read(channel, &first), read(channel, &second));
                for (rows, voxels) in [(second, of_first), (first, of_second)] {
                    let width = rows.first().map_or(1, Row::len);
                    for (row, voxels) in rows.into_iter().zip(voxels.chunks_exact(width)) {
                        channel[row].copy_from_slice(voxels);
                    }
                }
            }
        }
        Ok(voxels)
    }
}

type Row = std::ops::Range<usize>;

/// The size of the blocks along each axis of the image.
fn block(shape: &[i64], options: &Options) -> Result<Vec<u64>> {
    let block = options.sizes("patch_size", shape.len() - 1)?;
    let axes = block.into_iter().zip(&shape[1..]);
    Ok(axes.map(|(block, size)| block.min(size / 2).max(1) as u64).collect())
}

/// Where the rows of a block lie in a channel.
fn rows(size: [usize; 3], block: &[u64], corner: &[usize]) -> Vec<Row> {
    let [x, y, z]: [Row; 3] = std::array::from_fn(|axis| match corner.get(axis) {
        Some(corner) => *corner..corner + block[axis] as usize,
        None => 0..1,
    });
    let row = |x: usize, y: usize| (x * size[1] + y) * size[2];
    x.flat_map(|x| y.clone().map(move |y| row(x, y)))
        .map(|first| first + z.start..first + z.end)
        .collect()
}
