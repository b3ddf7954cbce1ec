//! Whether a map has anything to do with what the network learned.

use crate::statistics::{pearson, ranks};

/// How like a map is to that of a network with random weights: Spearman's correlation of the values'
/// magnitudes, over the voxels where one of them is not 0 (Adebayo et al. 2018,
/// <https://arxiv.org/abs/1810.03292>). Near 1, the map shows the image rather than what was learned.
/// None where a map is constant.
pub(super) fn similarity(map: &[f32], other: &[f32]) -> Option<f64> {
    let both = map.iter().zip(other).filter(|(a, b)| **a != 0.0 || **b != 0.0);
    let both = both.map(|(a, b)| (f64::from(a.abs()), f64::from(b.abs())));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    pearson(&ranks(&a), &ranks(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.spearmanr([1, 2, 2, 3, 0.5], [1, 0, 4, 5, 0.25])` gives 0.5642880936468347; what is
    /// 0 in both does not count, and signs do not.
    #[test]
    fn similarity_is_spearmans_correlation_of_magnitudes() {
        let (a, b) = ([1.0, -2.0, 2.0, 3.0, 0.0, 0.5], [-1.0, 0.0, 4.0, 5.0, 0.0, 0.25]);
        let found = similarity(&a, &b).unwrap();
        assert!((found - 0.564_288_093_646_834_7).abs() < 1e-12, "{found}");
        assert_eq!(similarity(&[1.0, 1.0], &[2.0, 3.0]), None);
        assert_eq!(similarity(&[0.0], &[0.0]), None);
    }
}
