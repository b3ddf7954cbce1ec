//! Whether a map has anything to do with what the network learned.

/// How like a map is to that of a network with random weights: Spearman's correlation of the values'
/// magnitudes, over the voxels where one of them is not 0 (Adebayo et al. 2018,
/// <https://arxiv.org/abs/1810.03292>). Near 1, the map shows the image rather than what was learned.
/// None where a map is constant.
pub(super) fn similarity(map: &[f32], other: &[f32]) -> Option<f64> {
    let both = map.iter().zip(other).filter(|(a, b)| **a != 0.0 || **b != 0.0);
    let (a, b): (Vec<f32>, Vec<f32>) = both.map(|(a, b)| (a.abs(), b.abs())).unzip();
    correlation(&ranks(&a), &ranks(&b))
}

/// The rank of each value, the mean rank where several are equal.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        ties.iter().for_each(|at| ranks[*at] = rank);
        before += ties.len();
    }
    ranks
}

/// Pearson's.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - of_a, b - of_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    let scale = (aa * bb).sqrt();
    (scale > 0.0).then(|| ab / scale)
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
