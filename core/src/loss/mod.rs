//! What training makes small.
//!
//! A loss gives one number per sample; training averages them. Of a regression or a reconstruction it
//! is the mean over the sample's numbers, as PyTorch's; those of variational autoencoders are sums,
//! as likelihoods are.

use serde::Serialize;
use tch::Tensor;

use crate::error::Result;
use crate::options::{OptionSpec, Options};
use crate::task::Task;

mod bce_with_logits;
mod cross_entropy;
mod huber;
mod kl_div;
mod l1;
mod mse;
mod multi_margin;
mod smooth_l1;
mod ssim;
#[cfg(test)]
mod tests;
mod vae;
mod vae_bernoulli;
mod vae_continuous_bernoulli;
mod vae_gaussian;

/// Every built-in loss, in order.
pub fn built_in() -> Vec<Box<dyn Loss>> {
    vec![
        Box::new(cross_entropy::CrossEntropy),
        Box::new(multi_margin::MultiMargin),
        Box::new(mse::MeanSquaredError),
        Box::new(l1::L1),
        Box::new(huber::Huber),
        Box::new(smooth_l1::SmoothL1),
        Box::new(bce_with_logits::BceWithLogits),
        Box::new(kl_div::KlDivergence),
        Box::new(ssim::Ssim),
        Box::new(vae_gaussian::LOSS),
        Box::new(vae_bernoulli::LOSS),
        Box::new(vae_continuous_bernoulli::LOSS),
    ]
}

/// What a person reads about a loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossInfo {
    /// The registered name, PyTorch's where it has one.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula and its source.
    pub source: String,
    /// The tasks that it can train; none named: whatever its author meant it for.
    pub tasks: Vec<Task>,
    /// The options.
    pub options: Vec<OptionSpec>,
}

/// What a layer of a variational network drew from: a normal distribution for each number of the code.
#[derive(Debug)]
pub struct Latent {
    /// The means, `[batch, …]`.
    pub mean: Tensor,
    /// The logarithms of the variances, `[batch, …]`.
    pub log_variance: Tensor,
}

/// A loss.
pub trait Loss: Send + Sync {
    /// Name, help, tasks, options and source.
    fn info(&self) -> LossInfo;

    /// The loss of each sample. Samples are weighed and averaged by training, so that accumulated
    /// batches count each sample once.
    ///
    /// # Shapes
    /// → `[batch]`, of a
    /// - classification: `output` `[batch, class]`, `target` `[batch]`, int64 class codes;
    /// - regression: `output` and `target` `[batch, 1]`;
    /// - reconstruction: `output` and `target` `[batch, channel, (depth,) height, width]`.
    ///
    /// # Errors
    /// What libtorch or the loss says.
    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor>;

    /// The same with what the network's latent layers drew from, in their order. A loss that does not
    /// ask for it does not see it.
    ///
    /// # Errors
    /// As [`Loss::loss`].
    fn with_latents(
        &self,
        output: &Tensor,
        target: &Tensor,
        latents: &[Latent],
        options: &Options,
    ) -> Result<Tensor> {
        let _ = latents;
        self.loss(output, target, options)
    }
}

/// What loss files write again and again.
mod short {
    pub(super) use tch::{Reduction, Tensor};

    pub(super) use super::{Latent, Loss, LossInfo};
    pub(super) use crate::error::{Code, Error, Result};
    pub(super) use crate::options::{Kind, OptionSpec, Options};
    use crate::shape::show;
    pub(super) use crate::task::Task;

    /// The tasks whose target has the shape of the output.
    pub(super) const NUMBERS: [Task; 2] = [Task::Regression, Task::Reconstruction];

    /// Refuses a target of another shape than the output: libtorch would repeat the smaller one.
    pub(super) fn same_shape(name: &str, output: &Tensor, target: &Tensor) -> Result<()> {
        let (output, target) = (output.size(), target.size());
        if output == target && output.len() > 1 {
            return Ok(());
        }
        let message = format!(
            "the loss {name:?} compares outputs {} with targets {}",
            show(&output),
            show(&target)
        );
        Err(Error::new(Code::ShapeMismatch, message)
            .help("both are [batch, …], of one shape: look at the network's last layers"))
    }

    /// What to do where numbers are beyond the bounds.
    pub(super) const SCALE: &str = "scale them, or use another loss";

    /// Refuses numbers beyond the bounds; NaN is left to training, which looks for where it arose.
    pub(super) fn within(
        what: &str,
        numbers: &Tensor,
        (low, high): (f64, f64),
        help: &str,
    ) -> Result<()> {
        let (smallest, largest) = numbers.f_aminmax(None, false)?;
        let found = [smallest.f_double_value(&[])?, largest.f_double_value(&[])?];
        match found.into_iter().find(|value| *value < low || *value > high) {
            None => Ok(()),
            Some(value) => {
                let bounds = match high {
                    f64::INFINITY => format!("{low} or more"),
                    high => format!("from {low} to {high}"),
                };
                let message = format!("{what} must be {bounds}, but {value} is among them");
                Err(Error::new(Code::BadValue, message).help(help))
            }
        }
    }

    /// The mean of each sample's numbers: `[batch, …]` → `[batch]`.
    pub(super) fn mean(losses: &Tensor) -> Result<Tensor> {
        Ok(losses.f_reshape([losses.size()[0], -1])?.f_mean_dim([1i64].as_slice(), false, None)?)
    }

    /// The sum of each sample's numbers: `[batch, …]` → `[batch]`.
    pub(super) fn sum(losses: &Tensor) -> Result<Tensor> {
        let losses = losses.f_reshape([losses.size()[0], -1])?;
        Ok(losses.f_sum_dim_intlist([1i64].as_slice(), false, None)?)
    }
}
