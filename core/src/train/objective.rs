//! What training makes small: a loss of the catalog with its options.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::catalog::LossEntry;
use crate::data::split::Label;
use crate::error::{Code, Error, Result};
use crate::network::Pass;
use crate::options::Options;
use crate::task::Task;

/// A loss with its options.
#[derive(Clone)]
pub(crate) struct Objective {
    pub(crate) loss: Arc<LossEntry>,
    pub(crate) options: Options,
    pub(crate) task: Task,
    /// What a sample's loss is multiplied by, by its class; empty for 1. Means are still taken over
    /// the number of samples, where PyTorch's weighted losses divide by the sum of the weights.
    pub(crate) class_weights: Vec<f64>,
}

impl Objective {
    /// The sum of the samples' losses, to learn from it.
    ///
    /// # Shapes
    /// `x` is what the network saw, `[batch, channel, …]`.
    pub(crate) fn sum(&self, pass: &Pass, x: &Tensor, labels: &[Label]) -> Result<Tensor> {
        let sum = self.losses(pass, x, labels)?.f_sum(Kind::Float)?;
        if sum.requires_grad() {
            return Ok(sum);
        }
        let culprit = match pass.output.requires_grad() {
            true => format!("the loss {:?} ({})", self.loss.info.name, self.loss.origin),
            false => "the network's output".to_owned(),
        };
        Err(Error::new(Code::NoGradient, format!("{culprit} depends on no learned parameter"))
            .help("compute with tensors from the input to the loss, without turning them into numbers"))
    }

    /// The sum as a number, each sample's loss counted in double precision.
    pub(crate) fn total(&self, pass: &Pass, x: &Tensor, labels: &[Label]) -> Result<f64> {
        let losses = self.losses(pass, x, labels)?;
        let sum = losses.f_to_device(Device::Cpu)?.f_sum(Kind::Double)?;
        Ok(sum.f_double_value(&[])?)
    }

    fn losses(&self, pass: &Pass, x: &Tensor, labels: &[Label]) -> Result<Tensor> {
        let target = self.target(x, labels)?;
        let losses = self.loss.of_samples(&pass.output, &target, &pass.latents, &self.options)?;
        if self.class_weights.is_empty() {
            return Ok(losses);
        }
        let weight = |label: &Label| match label {
            Label::Class(class) => self.class_weights.get(*class).copied().unwrap_or(1.0) as f32,
            _ => 1.0,
        };
        let weights: Vec<f32> = labels.iter().map(weight).collect();
        Ok(losses.f_mul(&Tensor::f_from_slice(&weights)?.f_to_device(losses.device())?)?)
    }

    /// Class codes `[batch]`, numbers `[batch, 1]`, or the images themselves.
    fn target(&self, x: &Tensor, labels: &[Label]) -> Result<Tensor> {
        let device = x.device();
        match self.task {
            Task::Classification => {
                let code = |label: &Label| match label {
                    Label::Class(class) => *class as i64,
                    _ => 0,
                };
                let codes: Vec<i64> = labels.iter().map(code).collect();
                Ok(Tensor::f_from_slice(&codes)?.f_to_device(device)?)
            }
            Task::Regression => {
                let number = |label: &Label| match label {
                    Label::Number(number) => *number as f32,
                    _ => 0.0,
                };
                let numbers: Vec<f32> = labels.iter().map(number).collect();
                let numbers = Tensor::f_from_slice(&numbers)?.f_view([-1, 1])?;
                Ok(numbers.f_to_device(device)?)
            }
            Task::Reconstruction => Ok(x.shallow_clone()),
        }
    }
}
