use std::ffi::c_void;

use neurhai_abi::{self as abi, Sink, Status, Text};
use tch::Tensor;

use super::{borrow, give};
use crate::call::{guard, object, read_text};
use crate::options;
use crate::{Info, Options, Result};

/// What training makes small.
pub trait Loss: Send + Sync + 'static {
    /// Name, help and options.
    fn info(&self) -> Info;

    /// The loss of each sample.
    ///
    /// # Shapes
    /// `output` is `[batch, output]`, `target` holds class codes, `[batch]` of int64; the answer is
    /// `[batch]`. Both are the host's, of any device and strides, and not to be changed in place.
    ///
    /// # Errors
    /// Whatever makes it impossible; tch's functions that begin with `f_` give such errors.
    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor>;
}

pub(super) unsafe extern "C" fn loss<T: Loss>(
    data: *mut c_void,
    output: abi::Tensor,
    target: abi::Tensor,
    options: Text,
    loss: *mut abi::Tensor,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry, and lends text and tensors.
        let (entry, options, output, target) =
            unsafe { (object::<T>(data)?, read_text(options)?, borrow(output)?, borrow(target)?) };
        let options = Options::new(options::object(options)?);
        let value = entry.loss(&output, &target, &options)?;
        // SAFETY: the host gives a place for the answer.
        unsafe { give(value, loss) }
    })
}
