use statrs::distribution::{Binomial, DiscreteCDF};

/// The exact p value of two models being right equally often, where `first` images were predicted right
/// by the first alone and `second` by the second alone: twice the smaller tail of a binomial with
/// share ½ (McNemar 1947, <https://doi.org/10.1007/BF02295996>). 1 where there is no such image.
pub fn mcnemar(first: u64, second: u64) -> f64 {
    let apart = first + second;
    let tail = Binomial::new(0.5, apart).map_or(1.0, |binomial| binomial.cdf(first.min(second)));
    if apart == 0 { 1.0 } else { (2.0 * tail).min(1.0) }
}
