//! The network that is asked.

use tch::{Device, Kind, Tensor, no_grad_guard};

use crate::error::{Code, Error, Result};
use crate::network::{Mode, Network};

/// A network that is asked for scores and how they change with what it sees.
pub(super) struct Subject<'a> {
    pub(super) network: &'a Network,
}

impl Subject<'_> {
    /// The score of each sample.
    pub(super) fn scores(&self, x: &Tensor, targets: &[usize]) -> Result<Vec<f64>> {
        let _no_grad = no_grad_guard();
        numbers(&self.of_output(&self.network.forward(x, Mode::Evaluation)?, targets)?)
    }

    /// Each sample's score, and its gradient by the sample, `[batch, channel, …]`.
    pub(super) fn gradient(&self, x: &Tensor, targets: &[usize]) -> Result<(Tensor, Vec<f64>)> {
        let x = x.f_detach()?.f_set_requires_grad(true)?;
        let scores = self.of_output(&self.network.forward(&x, Mode::Evaluation)?, targets)?;
        Ok((slope(&scores, &x)?, numbers(&scores)?))
    }

    /// Each sample's score, the output of the layer at `path`, `[batch, channel, …]`, and the
    /// gradient of the score by it.
    pub(super) fn gradient_at(
        &self,
        path: &str,
        x: &Tensor,
        targets: &[usize],
    ) -> Result<(Tensor, Tensor, Vec<f64>)> {
        // The weights may ask for no gradients, so the input does.
        let x = x.f_detach()?.f_set_requires_grad(true)?;
        let mut seen = None;
        let output = self.network.forward_observed(&x, Mode::Evaluation, |layer, output| {
            if layer == path {
                seen = Some(output.shallow_clone());
            }
        })?;
        let Some(seen) = seen else {
            return Err(Error::new(Code::Internal, format!("the layer {path:?} did not run")));
        };
        let scores = self.of_output(&output, targets)?;
        let gradient = slope(&scores, &seen)?;
        Ok((seen.f_detach()?, gradient, numbers(&scores)?))
    }

    /// Of the output `[batch, outputs]` what each sample's target is, `[batch]`.
    fn of_output(&self, output: &Tensor, targets: &[usize]) -> Result<Tensor> {
        let samples = targets.len() as i64;
        let outputs = output.f_reshape([samples, -1])?;
        let targets: Vec<i64> = targets.iter().map(|target| *target as i64).collect();
        let targets = Tensor::f_from_slice(&targets)?.f_to_device(outputs.device())?;
        let scores = outputs.f_gather(1, &targets.f_view([samples, 1])?, false)?;
        Ok(scores.f_view([samples])?)
    }
}

/// The gradient of each score by its own sample: samples do not see each other, so it is that of the
/// scores' sum.
pub(super) fn slope(scores: &Tensor, by: &Tensor) -> Result<Tensor> {
    let unknown = || {
        let message = "the network's output does not depend on the image in a way that can be \
                       differentiated";
        Error::new(Code::NotDifferentiable, message)
            .help("take the method \"occlusion\", which needs no gradients")
    };
    let sum = scores.f_sum(Kind::Float)?;
    if !sum.requires_grad() || !by.requires_grad() {
        return Err(unknown());
    }
    let gradients = Tensor::f_run_backward(&[sum], &[by], false, false)?;
    let gradient = gradients.into_iter().next().filter(Tensor::defined).ok_or_else(unknown)?;
    Ok(gradient.f_detach()?)
}

/// One number per sample.
fn numbers(scores: &Tensor) -> Result<Vec<f64>> {
    let scores = scores.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
    let mut numbers = vec![0f64; scores.numel()];
    scores.f_contiguous()?.f_copy_data(&mut numbers, scores.numel())?;
    Ok(numbers)
}
