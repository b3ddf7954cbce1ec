//! `transform`: random changes of training images.

use neurhai_core::Result;
use neurhai_core::catalog::TransformEntry;
use neurhai_core::options::Options;
use neurhai_core::shape::show;
use neurhai_core::transform::{Transform, TransformInfo, seed};
use rhai::Dynamic;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::{Registration, Scripted, given};
use crate::runtime::with_script_stack;
use crate::sandbox::in_pass;
use crate::tensor::{self, value};

struct ScriptTransform {
    info: TransformInfo,
    function: Scripted,
}

impl Transform for ScriptTransform {
    fn info(&self) -> TransformInfo {
        self.info.clone()
    }

    fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        let seed = seed(drawn)?;
        let run = || {
            let image = Tensor::f_from_slice(&voxels)?.f_view(shape)?;
            let given = (value(image), given(options), Dynamic::from_int(seed as i64));
            in_pass(|| self.function.call(given, |found, _| self.read(&found, shape)))
        };
        with_script_stack(run)?
    }
}

impl ScriptTransform {
    fn read(&self, found: &Dynamic, shape: &[i64]) -> Result<Vec<f32>> {
        let Some(image) = tensor::Tensor::of(found).filter(|image| image.size() == shape) else {
            let wanted = format!("an image of the shape it was given, {}", show(shape));
            return Err(self.function.wrong(&wanted, found));
        };
        let image = image.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        let mut voxels = vec![0f32; image.numel()];
        let count = voxels.len();
        image.f_contiguous()?.f_copy_data(&mut voxels, count)?;
        Ok(voxels)
    }
}

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let info = TransformInfo {
        name: given.name.into(),
        help: given.help(),
        source: String::new(),
        options: given.options(&[])?,
        p: 1.0,
    };
    let function = given.definition()?;
    let transform = Box::new(ScriptTransform { info, function });
    let entry = TransformEntry::new(transform, given.origin());
    given.add(|catalog| &mut catalog.transforms, entry)
}
