//! Voxels as probabilities, which the network's output (after a sigmoid) is compared with. Outputs
//! are held within 1e-6 of 0 and 1.

use super::short::*;
use super::vae;

pub(super) struct VaeBernoulli;

impl Loss for VaeBernoulli {
    fn info(&self) -> LossInfo {
        LossInfo {
            name: "VAEBernoulliLoss".into(),
            help: "Σ cross-entropy over the voxels (from 0 to 1) + KL divergence of the codes."
                .into(),
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
        same_shape("VAEBernoulliLoss", output, target)?;
        let p = vae::probabilities("VAEBernoulliLoss", output, target)?;
        let reconstruction = sum(&vae::cross_entropy(&p, target)?)?;
        vae::total("VAEBernoulliLoss", &reconstruction, latents, options)
    }
}
