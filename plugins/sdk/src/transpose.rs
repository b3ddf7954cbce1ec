use std::ffi::c_void;

use neurhai_abi::{Sink, Status, Text};
use serde_json::Value;

use crate::call::{Failure, guard, object, read_text, write};
use crate::options::{self, shape};
use crate::{Info, LayerSpec, Result};

/// How a layer is undone in a decoder.
pub trait Transpose: Send + Sync + 'static {
    /// The layer's name, and help.
    fn info(&self) -> Info;

    /// Layers that take `output` back to `input`; both are shapes without the batch axis. The
    /// layer has all its options, defaults included. A pooling keeps its positions in the encoder if
    /// `max_unpool` or `crop_max_unpool` is among the layers of the answer.
    ///
    /// # Errors
    /// Whatever makes it impossible.
    fn transpose(&self, layer: &LayerSpec, input: &[i64], output: &[i64])
    -> Result<Vec<LayerSpec>>;
}

pub(crate) unsafe extern "C" fn transpose<T: Transpose>(
    data: *mut c_void,
    request: Text,
    answer: Sink,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry, and text valid during the call.
        let (rule, request) = unsafe { (object::<T>(data)?, read_text(request)?) };
        let request = options::object(request)?;
        let layer = request.get("layer").and_then(LayerSpec::from_json);
        let layer = layer.ok_or_else(|| Failure::Invalid("the request has no layer".into()))?;
        let layers =
            rule.transpose(&layer, &shape(&request, "input")?, &shape(&request, "output")?)?;
        write(answer, &Value::from(layers).to_string());
        Ok(())
    })
}
