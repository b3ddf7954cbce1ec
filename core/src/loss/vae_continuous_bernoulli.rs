//! Voxels from 0 to 1 with a continuous Bernoulli distribution (Loaiza-Ganem and Cunningham 2019).
//!
//! Its density is C(λ) λˣ (1 − λ)¹⁻ˣ, with λ the output, so −log likelihood is the cross-entropy
//! minus log C(λ). C(λ) = 2 artanh(1 − 2λ) / (1 − 2λ), and 2 at λ = ½; near ½, where this is 0 / 0,
//! the Taylor series log 2 + 4/3 d² + 104/45 d⁴ + 16064/2835 d⁶ with d = λ − ½ stands in. Outputs are
//! held within 1e-6 of 0 and 1. ClinicaDL mixes up the terms and their weights; here they are as
//! published.

use super::short::*;
use super::vae::{self, Vae};

pub(super) const LOSS: Vae = Vae {
    name: "VAEContinuousBernoulliLoss",
    help: "Σ (cross-entropy − log C(output)) over the voxels + KL divergence of the codes.",
    source: "https://arxiv.org/abs/1907.06845",
    voxels: |name, output, target| {
        let p = vae::probabilities(name, output, target)?;
        Ok(vae::cross_entropy(&p, target)?.f_sub(&log_normaliser(&p)?)?)
    },
};

/// log C(λ) of each voxel, for λ within (0, 1).
fn log_normaliser(p: &Tensor) -> Result<Tensor> {
    let centred = p.f_sub_scalar(0.5)?;
    let near = centred.f_abs()?.f_lt(NEAR)?;
    // Where the series stands in, the formula is given a λ at which it and its gradient are finite.
    let far = p.f_masked_fill(&near, 0.5 - NEAR)?;
    let odds = far.f_neg()?.f_log1p()?.f_sub(&far.f_log()?)?;
    let exact = odds.f_div(&far.f_mul_scalar(-2.0)?.f_add_scalar(1.0)?)?.f_log()?;
    let square = centred.f_square()?;
    let slope = square.f_mul_scalar(16064.0 / 2835.0)?.f_add_scalar(104.0 / 45.0)?;
    let slope = slope.f_mul(&square)?.f_add_scalar(4.0 / 3.0)?;
    let series = slope.f_mul(&square)?.f_add_scalar(std::f64::consts::LN_2)?;
    Ok(series.f_where_self(&near, &exact)?)
}

/// How far from ½ the series stands in: its error there is below 1e-9.
const NEAR: f64 = 0.05;
