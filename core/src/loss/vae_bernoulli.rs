//! Voxels as probabilities, which the network's output (after a sigmoid) is compared with. Outputs
//! are held within 1e-6 of 0 and 1.

use super::vae::{self, Vae};

pub(super) const LOSS: Vae = Vae {
    name: "VAEBernoulliLoss",
    help: "Σ cross-entropy over the voxels (from 0 to 1) + KL divergence of the codes.",
    source: "https://arxiv.org/abs/1312.6114",
    voxels: |name, output, target| {
        vae::cross_entropy(&vae::probabilities(name, output, target)?, target)
    },
};
