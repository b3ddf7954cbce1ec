//! How well image and reconstruction agree in their vicinity, whatever the local brightness.
//!
//! As ClinicaDL: correlation in a Gaussian window (σ = 2 voxels, up to 8 voxels far, the image mirrored
//! at its border), negative ones cut to 0, and the mean over the voxels. Where the image is constant in
//! the window (its standard deviation is below a thousandth of the image's range, as outside of the
//! head) there is no correlation, and ClinicaDL no result; such voxels are left out here. An image that
//! is constant everywhere has 0. Several channels count as one image with more voxels.
use super::short::*;
use crate::filter::{Border, Gaussian, maps, mean_of_samples};

pub(super) struct Lncc;

impl ImageMetric for Lncc {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "LNCC".into(),
            help: "Local normalised cross-correlation of image and reconstruction.".into(),
            formula: "mean of max(0, σxy / (σx σy)) in windows of σ = 2 voxels".into(),
            source: "https://doi.org/10.1016/S1077-3142(03)00002-X".into(),
            direction: Direction::Higher,
            range: (0.0, 1.0),
            undefined: None,
        }
    }

    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>> {
        in_chunks(output, target, of_samples)
    }
}

/// The smallest variance in a window, for images whose range is 1.
const LEAST: f64 = 1e-6;

fn of_samples(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    let window = Gaussian { sigma: 2.0, radius: 8, border: Border::Reflect };
    let (x, y) = (normalised(&maps(output)?)?, normalised(&maps(target)?)?);
    let (mean_x, mean_y) = (window.filter(&x)?, window.filter(&y)?);
    let covariance = window.filter(&x.f_mul(&y)?)?.f_sub(&mean_x.f_mul(&mean_y)?)?;
    let of_x = window.filter(&x.f_square()?)?.f_sub(&mean_x.f_square()?)?.f_clamp_min(LEAST)?;
    let of_y = window.filter(&y.f_square()?)?.f_sub(&mean_y.f_square()?)?.f_clamp_min(LEAST)?;
    let counted = of_y.f_gt(LEAST)?.f_to_kind(Kind::Float)?;
    let correlation = covariance.f_div(&of_x.f_mul(&of_y)?.f_sqrt()?)?.f_clamp(0.0, 1.0)?;
    let batch = output.size()[0];
    let share = mean_of_samples(&counted, batch)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
    Ok(mean_of_samples(&correlation.f_mul(&counted)?, batch)?.f_div(&share)?)
}

/// Maps with a mean of 0 and a range of 1: correlation does not depend on them, float32 does.
fn normalised(maps: &Tensor) -> Result<Tensor> {
    let size = maps.size();
    let maps = maps.f_reshape([size[0], -1])?;
    let range = maps.f_amax([1], true)?.f_sub(&maps.f_amin([1], true)?)?;
    let range = range.f_clamp_min(f64::from(f32::MIN_POSITIVE))?;
    let centred = maps.f_sub(&maps.f_mean_dim([1i64].as_slice(), true, None)?)?;
    Ok(centred.f_div(&range)?.f_view(&size[..])?)
}
