use neurhai_plugin::{Ballot, Info, Options, Result, Vote};

use crate::{each_image, normalise};

/// score(c) ∝ ∏ pᵢ(c)^wᵢ, with Σ wᵢ = 1: the weighted geometric mean.
///
/// A probability below 2⁻⁵² counts as that much, so that one part which rules a class out does not
/// leave an image without any.
pub(crate) struct ProductOfExperts;

impl Vote for ProductOfExperts {
    fn info(&self) -> Info {
        Info::new(
            "product_of_experts",
            "Weighted geometric mean of the parts' probabilities: each part can speak a class down.",
        )
        .source(
            "s(c) ∝ ∏ pᵢ(c)^wᵢ, the logarithmic opinion pool; Genest and Zidek 1986, \
             https://doi.org/10.1214/ss/1177013825",
        )
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
        each_image(ballot, scores, |parts, scores| {
            let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
            for (class, score) in scores.iter_mut().enumerate() {
                let logarithm = |part: &[f64]| part[class].max(f64::EPSILON).ln();
                let sum: f64 = parts.iter().map(|(weight, part)| weight * logarithm(part)).sum();
                *score = (sum / total).exp();
            }
            normalise(scores);
        })
    }
}
