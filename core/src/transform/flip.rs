use super::{Transform, TransformInfo};
use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;

/// Mirrors one spatial axis, in a share of the samples.
pub(super) struct Flip;

impl Transform for Flip {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Flip".into(),
            help: "Mirrors an axis with probability p; axis 0 is left–right in MNI space.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomflip".into(),
            options: vec![
                OptionSpec::new("axis", Kind::Int { min: 0, max: 2 }, 0, "spatial axis, from 0"),
                OptionSpec::new("p", Kind::Float { min: 0.0, max: 1.0 }, 0.5, "probability"),
            ],
        }
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        seed: u64,
    ) -> Result<Vec<f32>> {
        let axis = options.int("axis")? as usize + 1;
        if axis >= shape.len() {
            return Err(Error::new(
                Code::BadOption,
                format!("there is no axis {} in {}", axis - 1, crate::shape::show(&shape[1..])),
            )
            .at(Place::Option("axis".into())));
        }
        if Random::new(seed, "flip", &[]).unit() >= options.float("p")? {
            return Ok(voxels);
        }
        let size = shape[axis] as usize;
        let inner: usize = shape[axis + 1..].iter().map(|size| *size as usize).product();
        let planes = voxels.chunks_exact(size * inner);
        Ok(planes.flat_map(|block| block.chunks_exact(inner).rev().flatten().copied()).collect())
    }
}
