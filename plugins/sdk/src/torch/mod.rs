//! Layers and losses, which compute with tensors of [`tch`].
//!
//! Tensors live in the host's libtorch, so autograd goes through a plugin as through the host's own
//! layers. What to keep:
//!
//! - Inputs and weights are the host's: do not change them in place (`relu_`, `f_add_`), but for
//!   buffers in training. A clone from tch (`shallow_clone`) is the same numbers once more.
//! - Inputs are float32 on any device and with any strides; in training, channels lie side by side in
//!   memory. tch's functions see to that; a `data_ptr` taken for contiguous numbers does not.
//! - Use `tch::no_grad_guard` rather than `tch::no_grad`, which leaves gradients off for the whole
//!   thread if its closure panics.
//! - Draw random numbers from [`Pass::seed`] alone, so that a run can be repeated.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use neurhai_abi as abi;

use crate::Result;
use crate::call::{Failure, Outcome, place};

mod layer;
mod loss;

pub use layer::{Init, Layer, Param, Pass, Planned, Scope};
pub use loss::Loss;
pub use tch::{self, Tensor};

/// The version of libtorch that tch is made for.
pub const LIBTORCH: &str = "2.13.0";

/// A [`Registrar`](crate::Registrar) that takes layers and losses too.
#[derive(Debug)]
pub struct Registrar<'r, 'h>(&'r mut crate::Registrar<'h>);

impl<'r, 'h> Registrar<'r, 'h> {
    #[doc(hidden)]
    pub fn new(registrar: &'r mut crate::Registrar<'h>) -> Self {
        Self(registrar)
    }

    /// Registers a kind of layer.
    ///
    /// # Errors
    /// What the host says.
    pub fn layer<T: Layer>(&mut self, value: T) -> Result<()> {
        let info = value.info();
        let entry = |item| abi::Layer {
            item,
            create: Some(layer::create::<T>),
            forward: Some(layer::forward),
            destroy: Some(layer::destroy),
        };
        self.register(info, value, entry, |host| host.layer)
    }

    /// Registers a loss.
    ///
    /// # Errors
    /// What the host says.
    pub fn loss<T: Loss>(&mut self, value: T) -> Result<()> {
        let info = value.info();
        let entry = |item| abi::Loss { item, loss: Some(loss::loss::<T>) };
        self.register(info, value, entry, |host| host.loss)
    }
}

impl<'h> Deref for Registrar<'_, 'h> {
    type Target = crate::Registrar<'h>;
    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl DerefMut for Registrar<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}

/// A reference of our own to a tensor that the host lends.
///
/// # Safety
/// `tensor` is null or a tensor of libtorch.
unsafe fn borrow(tensor: abi::Tensor) -> Outcome<Tensor> {
    if tensor.0.is_null() {
        return Err(Failure::Invalid("a null pointer where a tensor should be".into()));
    }
    // SAFETY: it is a tensor, and a new reference leaves the host's as it is.
    Ok(unsafe { Tensor::clone_from_ptr(tensor.0.cast()) })
}

/// Gives a tensor to the host, which will free it.
///
/// # Safety
/// `to` is null or a place for a tensor.
unsafe fn give(tensor: Tensor, to: *mut abi::Tensor) -> Outcome<()> {
    // SAFETY: by this function's own condition.
    let to = unsafe { place(to) }?;
    *to = abi::Tensor(ManuallyDrop::new(tensor).as_mut_ptr().cast());
    Ok(())
}
