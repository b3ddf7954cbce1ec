use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Difference;

/// What [`corrected_t`] finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorrectedT {
    /// The mean difference over the splits.
    pub difference: Difference,
    /// The t statistic.
    pub t: f64,
}

/// The corrected resampled t test of a metric's differences over splits, whose training sets overlap:
/// their variance counts 1/k + n₂/n₁ times, with k splits and n₂ images in validation for n₁ in
/// training (Nadeau and Bengio 2003, <https://doi.org/10.1023/A:1024068626366>). Student's t has k − 1
/// degrees of freedom.
///
/// Nothing for fewer than two splits, where all differences are the same, or for a ratio that is no
/// positive number.
pub fn corrected_t(differences: &[f64], validation_to_train: f64) -> Option<CorrectedT> {
    let k = differences.len() as f64;
    let usable = validation_to_train.is_finite() && validation_to_train > 0.0;
    if differences.len() < 2 || !usable {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / k;
    let squares: f64 = differences.iter().map(|one| (one - mean).powi(2)).sum();
    let error = ((1.0 / k + validation_to_train) * squares / (k - 1.0)).sqrt();
    // Differences that are the same but for rounding have no variance to judge by.
    let largest = differences.iter().fold(0.0_f64, |largest, one| largest.max(one.abs()));
    if error.is_nan() || error <= 1e-12 * largest.max(f64::MIN_POSITIVE) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, k - 1.0).ok()?;
    let (t, half) = (mean / error, student.inverse_cdf(0.975) * error);
    let p = 2.0 * student.cdf(-t.abs());
    let difference = Difference { difference: mean, interval: Some((mean - half, mean + half)), p };
    Some(CorrectedT { difference, t })
}
