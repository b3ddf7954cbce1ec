//! Voxels with a normal distribution around the output, of variance ½: as ClinicaDL, the squared
//! difference without a factor ½.

use super::short::*;
use super::vae::Vae;

pub(super) const LOSS: Vae = Vae {
    name: "VAEGaussianLoss",
    help: "Σ (output − target)² over the voxels + KL divergence of the codes.",
    source: "https://arxiv.org/abs/1312.6114",
    voxels: |_, output, target| Ok(output.f_mse_loss(target, Reduction::None)?),
};
