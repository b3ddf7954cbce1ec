//! What training makes small: a loss of the catalog with its options.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::catalog::LossEntry;
use crate::error::Result;
use crate::options::Options;

/// A loss with its options.
pub(crate) struct Objective {
    pub(crate) loss: Arc<LossEntry>,
    pub(crate) options: Options,
}

impl Objective {
    /// The sum of the samples' losses, from the outputs `[batch, class]` and the class codes.
    pub(crate) fn sum(&self, output: &Tensor, classes: &[i64]) -> Result<Tensor> {
        let target = Tensor::f_from_slice(classes)?.f_to_device(output.device())?;
        Ok(self.loss.of_samples(output, &target, &self.options)?.f_sum(Kind::Float)?)
    }

    /// The sum as a number, each sample's loss counted in double precision.
    pub(crate) fn total(&self, output: &Tensor, classes: &[i64]) -> Result<f64> {
        let target = Tensor::f_from_slice(classes)?.f_to_device(output.device())?;
        let losses = self.loss.of_samples(output, &target, &self.options)?;
        let sum = losses.f_to_device(Device::Cpu)?.f_sum(Kind::Double)?;
        Ok(sum.f_double_value(&[])?)
    }
}
