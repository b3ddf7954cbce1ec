//! Intervals and tests beyond the bootstrap: of shares, of areas under ROC curves, and of two models
//! that predicted the same images.
//!
//! Every test is two-sided, and every interval is one of 95 %.

use statrs::function::erf::erfc;

mod corrected_t;
mod correlation;
mod delong;
mod holm;
mod mcnemar;
#[cfg(test)]
mod tests;
mod wilson;

pub use corrected_t::{CorrectedT, corrected_t};
pub(crate) use correlation::{pearson, ranks};
pub use delong::{Delong, delong, mean_difference};
pub use holm::holm;
pub use mcnemar::mcnemar;
pub use wilson::wilson;

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A difference with its interval and the p value of there being none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The first less the second.
    pub difference: f64,
    /// Lower and upper bound; none where there is no variance to judge by.
    pub interval: Option<(f64, f64)>,
    /// The p value.
    pub p: f64,
}

/// The probability of a standard normal value at least this far from 0.
fn normal_p(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2)
}
