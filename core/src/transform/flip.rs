use serde_json::{Value, json};

use super::parameters::{from_json, misfit};
use super::{Transform, TransformInfo};
use crate::error::{Code, Error, Place, Result};
use crate::options::{Kind, OptionSpec, Options};

/// Mirrors one spatial axis.
pub(super) struct Flip;

#[derive(serde::Deserialize)]
struct Drawn {
    axis: usize,
}

impl Transform for Flip {
    fn info(&self) -> TransformInfo {
        TransformInfo {
            name: "Flip".into(),
            help: "Mirrors an axis; axis 0 is left–right in MNI space.".into(),
            source: "https://torchio.readthedocs.io/transforms/augmentation.html#randomflip".into(),
            options: vec![OptionSpec::new(
                "axis",
                Kind::Int { min: 0, max: 2 },
                0,
                "spatial axis, from 0",
            )],
            p: 0.5,
        }
    }

    fn draw(&self, shape: &[i64], options: &Options, _: u64) -> Result<Value> {
        let axis = options.int("axis")? as usize;
        if axis + 1 >= shape.len() {
            return Err(Error::new(
                Code::BadOption,
                format!("there is no axis {axis} in {}", crate::shape::show(&shape[1..])),
            )
            .at(Place::Option("axis".into())));
        }
        Ok(json!({ "axis": axis }))
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        _: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let Drawn { axis } = from_json(drawn)?;
        let Some(size) = shape.get(axis + 1).map(|size| *size as usize) else {
            return Err(misfit(format!("there is no axis {axis}")));
        };
        let inner: usize = shape[axis + 2..].iter().map(|size| *size as usize).product();
        let planes = voxels.chunks_exact(size * inner);
        Ok(planes.flat_map(|block| block.chunks_exact(inner).rev().flatten().copied()).collect())
    }
}
