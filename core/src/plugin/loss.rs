use std::ffi::c_void;

use neurhai_abi as abi;
use serde_json::Value;
use tch::Tensor;

use super::handle::Handle;
use super::info::Info;
use super::stage::{Staging, needed};
use super::text::lend;
use crate::catalog::LossEntry;
use crate::error::{Code, Error, Result};
use crate::loss::{Loss, LossInfo};
use crate::options::Options;

/// A loss of a plugin.
struct OfPlugin {
    info: LossInfo,
    loss: abi::LossFn,
    handle: Handle,
}

/// Lends a tensor for a call.
pub(super) fn lend_tensor(tensor: &Tensor) -> abi::Tensor {
    abi::Tensor(tensor.as_ptr().cast_mut().cast::<c_void>())
}

/// Takes over a tensor that a plugin gives out.
pub(super) fn take_tensor(
    given: abi::Tensor,
    lent: &[abi::Tensor],
    handle: &Handle,
) -> Result<Tensor> {
    if given.0.is_null() {
        return Err(handle.error("gives a null pointer in place of a tensor"));
    }
    if lent.contains(&given) {
        return Err(handle.error("gives back a tensor that it only borrowed"));
    }
    // SAFETY: a tensor that a plugin gives out is new and belongs to the receiver; that it is not one
    // of those it borrowed was checked.
    Ok(unsafe { Tensor::from_ptr(given.0.cast()) })
}

impl Loss for OfPlugin {
    fn info(&self) -> LossInfo {
        self.info.clone()
    }

    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor> {
        let function = self.loss;
        let options = Value::Object(options.values().clone()).to_string();
        let lent = [lend_tensor(output), lend_tensor(target)];
        let mut given = abi::Tensor(std::ptr::null_mut());
        self.handle.call(|data, error| {
            // SAFETY: the tensors and the text are borrowed for the call.
            unsafe { function(data, lent[0], lent[1], lend(&options), &mut given, error) }
        })?;
        take_tensor(given, &lent, &self.handle)
    }
}

pub(super) fn stage(
    raw: abi::Loss,
    staging: &Staging,
    name: String,
    help: String,
    mut info: Info,
) -> Result<LossEntry> {
    let loss = needed(raw.loss, "loss")?;
    needs_tensors(staging)?;
    let (source, options) = (info.text("source")?, info.options()?);
    info.finish(&["options", "source"])?;
    let handle = Handle::new(&staging.about, format!("loss {name:?}"), &raw.item);
    let info = LossInfo { name, help, source, tasks: vec![], options };
    let loss = Box::new(OfPlugin { info: info.clone(), loss, handle });
    Ok(LossEntry { info, origin: staging.origin(), loss })
}

/// A plugin that says it uses no tensors cannot register what computes with them.
pub(super) fn needs_tensors(staging: &Staging) -> Result<()> {
    match staging.about.tensors {
        true => Ok(()),
        false => Err(Error::new(Code::BadPlugin, "its entry says that it uses no tensors")),
    }
}
