//! What a rule works on.

use neurhai_torch::Tensors;

use crate::error::Result;
use crate::options::Options;

/// Parameters to update together, in parallel lists.
pub(super) struct Update<'a> {
    pub(super) options: &'a Options,
    pub(super) lr: f64,
    pub(super) weight_decay: f64,
    /// Their updates, this one included: from 1.
    pub(super) step: i64,
    pub(super) params: Tensors,
    pub(super) grads: Tensors,
    /// In the order of [`Rule::kept`](super::Rule::kept).
    pub(super) kept: Vec<Tensors>,
    /// In the order of [`Rule::numbers`](super::Rule::numbers).
    pub(super) numbers: Vec<f32>,
}

impl Update<'_> {
    /// The gradients, the L2 penalty's among them from now on.
    pub(super) fn penalised(&self) -> Result<&Tensors> {
        if self.weight_decay != 0.0 {
            self.grads.add_scaled(&self.params, self.weight_decay)?;
        }
        Ok(&self.grads)
    }

    /// The same, or, where the option `decoupled_weight_decay` says so, with weights that the decay
    /// has shrunk.
    pub(super) fn penalised_or_shrunk(&self) -> Result<&Tensors> {
        if !self.options.flag("decoupled_weight_decay")? {
            return self.penalised();
        }
        self.params.mul(1.0 - self.lr * self.weight_decay)?;
        Ok(&self.grads)
    }

    pub(super) fn betas(&self) -> Result<(f64, f64)> {
        let betas = self.options.floats("betas")?;
        Ok((betas[0], betas[1]))
    }

    /// `1 − rate^step`: what a mean that began with 0 has seen of the gradients.
    pub(super) fn seen(&self, rate: f64) -> f64 {
        1.0 - rate.powf(self.step as f64)
    }
}
