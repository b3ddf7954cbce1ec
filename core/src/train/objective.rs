//! What training makes small: a loss of the catalog with its options.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::catalog::LossEntry;
use crate::error::{Code, Error, Result};
use crate::options::Options;

/// A loss with its options.
pub(crate) struct Objective {
    pub(crate) loss: Arc<LossEntry>,
    pub(crate) options: Options,
}

impl Objective {
    /// The sum of the samples' losses, to learn from it, from the outputs `[batch, class]` and the class codes.
    pub(crate) fn sum(&self, output: &Tensor, classes: &[i64]) -> Result<Tensor> {
        let target = Tensor::f_from_slice(classes)?.f_to_device(output.device())?;
        let sum = self.loss.of_samples(output, &target, &self.options)?.f_sum(Kind::Float)?;
        if sum.requires_grad() {
            return Ok(sum);
        }
        let culprit = match output.requires_grad() {
            true => format!("the loss {:?} ({})", self.loss.info.name, self.loss.origin),
            false => "the network's output".to_owned(),
        };
        Err(Error::new(Code::NoGradient, format!("{culprit} depends on no learned parameter"))
            .help("compute with tensors from the input to the loss, without turning them into numbers"))
    }

    /// The sum as a number, each sample's loss counted in double precision.
    pub(crate) fn total(&self, output: &Tensor, classes: &[i64]) -> Result<f64> {
        let target = Tensor::f_from_slice(classes)?.f_to_device(output.device())?;
        let losses = self.loss.of_samples(output, &target, &self.options)?;
        let sum = losses.f_to_device(Device::Cpu)?.f_sum(Kind::Double)?;
        Ok(sum.f_double_value(&[])?)
    }
}
