use std::ffi::c_void;

use neurhai_abi::{Sink, Status, Text};
use serde_json::Value;

use crate::call::{Failure, guard, object, read_text, write};
use crate::options::{self, shape, take_options};
use crate::{Info, Network, Options, Result};

/// A recipe for networks.
pub trait Architecture: Send + Sync + 'static {
    /// Name, help and options.
    fn info(&self) -> Info;

    /// The network for this request.
    ///
    /// # Errors
    /// Whatever makes it impossible, such as an input with too few axes.
    fn build(&self, request: &Request) -> Result<Network>;
}

/// What an architecture is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Input shape without the batch axis: channels, then sizes.
    pub input: Vec<i64>,
    /// The number of outputs: classes, or 1 for a regression.
    pub outputs: i64,
    /// The options, checked, defaults included.
    pub options: Options,
}

impl Request {
    /// The number of spatial axes: 2 for slices, 3 for volumes.
    pub fn axes(&self) -> usize {
        self.input.len().saturating_sub(1)
    }
}

pub(crate) unsafe extern "C" fn build<T: Architecture>(
    data: *mut c_void,
    request: Text,
    answer: Sink,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry, and text valid during the call.
        let (architecture, request) = unsafe { (object::<T>(data)?, read_text(request)?) };
        let mut request = options::object(request)?;
        let outputs = request.get("outputs").and_then(Value::as_i64);
        let request = Request {
            input: shape(&request, "input")?,
            outputs: outputs
                .ok_or_else(|| Failure::Invalid("the request has no number of outputs".into()))?,
            options: take_options(&mut request)?,
        };
        write(answer, &architecture.build(&request)?.as_json().to_string());
        Ok(())
    })
}
