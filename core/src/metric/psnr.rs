//! How far the errors of a reconstruction lie below the image's range, in decibels.
//!
//! As ClinicaDL, the range R is 1 for images within 0…1 and 2 for images within −1…1. Of other images,
//! which ClinicaDL refuses, it is their own largest minus smallest voxel (or, where these are equal,
//! that voxel's absolute value). The mean over a set needs a number for each image, so the highest
//! value is 100 dB, which stands for identical images: float32 voxels hold no more than 144 dB.
use super::short::*;

pub(super) struct Psnr;

impl ImageMetric for Psnr {
    fn info(&self) -> MetricInfo {
        MetricInfo {
            name: "PSNR".into(),
            help: "Peak signal-to-noise ratio of the reconstruction, in dB; 100 at most.".into(),
            formula: "10 log10(R² / MSE), R: range of the image".into(),
            source: "https://scikit-image.org/docs/stable/api/skimage.metrics.html#skimage.metrics.peak_signal_noise_ratio".into(),
            direction: Direction::Higher,
            range: (f64::NEG_INFINITY, 100.0),
            undefined: None,
        }
    }

    fn values(&self, output: &Tensor, target: &Tensor) -> Result<Vec<f64>> {
        let errors = in_chunks(output, target, |x, y| mean_of_voxels(&x.f_sub(y)?.f_square()?))?;
        let lowest = in_chunks(output, target, |_, y| Ok(voxels(y)?.f_amin([1], false)?))?;
        let highest = in_chunks(output, target, |_, y| Ok(voxels(y)?.f_amax([1], false)?))?;
        let ranges = lowest.into_iter().zip(highest).map(|(low, high)| range(low, high));
        let ratios =
            ranges.zip(errors).map(|(range, error)| 10.0 * (range * range / error).log10());
        Ok(ratios.map(|ratio| ratio.min(100.0)).collect())
    }
}

fn range(low: f64, high: f64) -> f64 {
    match (low, high) {
        (0.0.., ..=1.0) => 1.0,
        (-1.0.., ..=1.0) => 2.0,
        _ if low == high => low.abs(),
        _ => high - low,
    }
}
