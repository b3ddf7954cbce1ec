//! Weights that come from another network.

use tch::no_grad_guard;

use super::Network;
use crate::error::{Code, Error, Result};
use crate::transfer::{Source, Transfer};

impl Network {
    /// Copies the tensors that `transfer` matches out of `source`, converted to the kind of number
    /// and the device of this network; all others stay.
    ///
    /// # Errors
    /// [`Code::Internal`] for a transfer that was made for another source or network; what libtorch
    /// says.
    pub fn take(&mut self, transfer: &Transfer, source: &Source) -> Result<()> {
        let foreign = || Error::new(Code::Internal, "the transfer is that of another network");
        let _no_grad = no_grad_guard();
        let mut pairs = Vec::new();
        for (from, to) in transfer.matched() {
            let found = source.tensors.iter().find(|(name, _)| *name == from.name);
            let at = self.plan.params.iter().position(|param| param.name == to.name);
            let ((_, tensor), at) = found.zip(at).ok_or_else(foreign)?;
            if tensor.size() != self.tensors[at].size() {
                return Err(foreign());
            }
            pairs.push((at, tensor));
        }
        for (at, tensor) in pairs {
            self.tensors[at].f_copy_(tensor)?;
        }
        Ok(())
    }
}
