//! How much of an image's structure a reconstruction keeps.
//!
//! As ClinicaDL: means, variances and covariance in a Gaussian window of 11 voxels (σ = 1.5) with
//! zeros beyond the border, C₁ = 0.01², C₂ = 0.03² (images from 0 to 1), and the mean over all voxels;
//! in 2D and 3D alike, and with several channels the mean over them. An image smaller than the window
//! is one with more border. Identical images have 1.
use super::short::*;
use crate::filter::{Border, Gaussian, maps, mean_of_samples};

pub(super) struct Ssim;

impl ImageMetric for Ssim {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "SSIM".into(),
            help: "Structural similarity of image and reconstruction.".into(),
            formula: "mean of (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2))"
                .into(),
            source: "https://doi.org/10.1109/TIP.2003.819861".into(),
            direction: Direction::Higher,
            range: (-1.0, 1.0),
            undefined: None,
        }
    }

    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>> {
        in_chunks(output, target, of_samples)
    }
}

/// The similarity of each sample, with a gradient.
///
/// # Shapes
/// `output` and `target` `[batch, channel, (depth,) height, width]` → `[batch]`.
///
/// # Errors
/// What libtorch says.
pub(crate) fn of_samples(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    let window = Gaussian { sigma: 1.5, radius: 5, border: Border::Zero };
    let (x, y) = (maps(output)?, maps(target)?);
    let (mean_x, mean_y) = (window.filter(&x)?, window.filter(&y)?);
    let product = window.filter(&x.f_mul(&y)?)?;
    let squares = window.filter(&x.f_square()?.f_add(&y.f_square()?)?)?;
    drop((x, y));
    let means = mean_x.f_mul(&mean_y)?;
    let square_means = mean_x.f_square()?.f_add(&mean_y.f_square()?)?;
    drop((mean_x, mean_y));
    let covariance = product.f_sub(&means)?;
    let variances = squares.f_sub(&square_means)?;
    drop((product, squares));
    let similarity = linear(&means, 2.0, C1)?.f_mul(&linear(&covariance, 2.0, C2)?)?;
    let scale = linear(&square_means, 1.0, C1)?.f_mul(&linear(&variances, 1.0, C2)?)?;
    mean_of_samples(&similarity.f_div(&scale)?, output.size()[0])
}

const C1: f64 = 1e-4;
const C2: f64 = 9e-4;

fn linear(x: &Tensor, factor: f64, shift: f64) -> Result<Tensor> {
    Ok(x.f_mul_scalar(factor)?.f_add_scalar(shift)?)
}
