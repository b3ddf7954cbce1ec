//! What the losses of variational autoencoders share: reconstruction and divergence, weighed.
//!
//! The evidence lower bound of Kingma and Welling 2014, <https://arxiv.org/abs/1312.6114>, with
//! weights of its two terms as in Higgins et al. 2017, <https://openreview.net/forum?id=Sy2fzU9gl>.

use super::short::*;

/// The weights of the two terms.
fn options() -> Vec<OptionSpec> {
    let weight = || Kind::Float { min: 0.0, max: f64::MAX };
    vec![
        OptionSpec::new("recons_weight", weight(), 1.0, "weight of the reconstruction"),
        OptionSpec::new("kl_weight", weight(), 1.0, "weight of the divergence of the codes"),
    ]
}

/// A loss of variational autoencoders: how likely the voxels are is all that they differ in.
pub(super) struct Vae {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) source: &'static str,
    /// −log likelihood of each voxel, from the loss's name, the output and the target.
    pub(super) voxels: fn(&str, &Tensor, &Tensor) -> Result<Tensor>,
}

impl Loss for Vae {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: self.name.into(),
            help: self.help.into(),
            source: self.source.into(),
            tasks: vec![Task::Reconstruction],
            options: options(),
        }
    }

    fn loss(&self, output: &Tensor, target: &Tensor, options: &Options) -> Result<Tensor> {
        self.with_latents(output, target, &[], options)
    }

    fn with_latents(
        &self,
        output: &Tensor,
        target: &Tensor,
        latents: &[Latent],
        options: &Options,
    ) -> Result<Tensor> {
        same_shape(self.name, output, target)?;
        let reconstruction = sum(&(self.voxels)(self.name, output, target)?)?;
        total(self.name, &reconstruction, latents, options)
    }
}

/// recons_weight · reconstruction + kl_weight · divergence: `[batch]`.
///
/// The divergence of the codes from the standard normal distribution is
/// ½ Σ (−1 − log σ² + μ² + σ²), over all numbers of a sample's codes (appendix B of Kingma and
/// Welling). `reconstruction` is `[batch]`.
fn total(
    name: &str,
    reconstruction: &Tensor,
    latents: &[Latent],
    options: &Options,
) -> Result<Tensor> {
    if latents.is_empty() {
        let message = format!("the loss {name:?} needs a network with a `latent` layer");
        return Err(Error::new(Code::BadNetwork, message)
            .help("put latent(…) between encoder and decoder, or use a loss such as MSELoss"));
    }
    let mut total = reconstruction.f_mul_scalar(options.float("recons_weight")?)?;
    for Latent { mean, log_variance } in latents {
        let spread = log_variance.f_exp()?.f_sub(log_variance)?.f_sub_scalar(1.0)?;
        let divergence = sum(&mean.f_square()?.f_add(&spread)?)?;
        total = total.f_add(&divergence.f_mul_scalar(0.5 * options.float("kl_weight")?)?)?;
    }
    Ok(total)
}

/// The smallest probability of an output that is reckoned with, so that its logarithm is finite.
const LEAST: f64 = 1e-6;

/// Outputs that are probabilities, held off 0 and 1.
///
/// # Errors
/// Outputs or targets that are not within 0…1.
pub(super) fn probabilities(name: &str, output: &Tensor, target: &Tensor) -> Result<Tensor> {
    let range = (0.0, 1.0);
    within(&format!("outputs of the network with {name}"), output, range, SCALE)?;
    let help = "let the data scale each part to 0…1, with normalize: true, or use another loss";
    within(&format!("voxels with {name}"), target, range, help)?;
    Ok(output.f_clamp(LEAST, 1.0 - LEAST)?)
}

/// −(t log p + (1 − t) log(1 − p)) of each voxel.
pub(super) fn cross_entropy(p: &Tensor, target: &Tensor) -> Result<Tensor> {
    let other = p.f_neg()?.f_log1p()?;
    // t (log p − log(1 − p)) + log(1 − p)
    Ok(p.f_log()?.f_sub(&other)?.f_mul(target)?.f_add(&other)?.f_neg()?)
}
