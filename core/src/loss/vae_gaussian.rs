//! Voxels with a normal distribution around the output, of variance ½: as ClinicaDL, the squared
//! difference without a factor ½.

use super::short::*;
use super::vae;

pub(super) struct VaeGaussian;

impl Loss for VaeGaussian {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "VAEGaussianLoss".into(),
            help: "Σ (output − target)² over the voxels + KL divergence of the codes.".into(),
            source: "https://arxiv.org/abs/1312.6114".into(),
            tasks: vec![Task::Reconstruction],
            options: vae::options(),
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
        same_shape("VAEGaussianLoss", output, target)?;
        let reconstruction = sum(&output.f_mse_loss(target, Reduction::None)?)?;
        vae::total("VAEGaussianLoss", &reconstruction, latents, options)
    }
}
