use neurhai_plugin::{Ballot, Info, Options, Result, Vote};

use crate::{each_image, normalise};

/// score(c) ∝ Σ wᵢ · kᵢ · pᵢ(c) with the confidence kᵢ = (max pᵢ − 1/K) / (1 − 1/K) of a part among K
/// classes: 0 for a part that favours no class, 1 for one that is certain.
pub(crate) struct Confidence;

impl Vote for Confidence {
    fn info(&self) -> Info {
        Info::new(
            "confidence",
            "Mean of the parts' probabilities, weighed by weight and by how sure each part is.",
        )
        .source(
            "s(c) ∝ Σ wᵢ kᵢ pᵢ(c), kᵢ = (max pᵢ − 1/K) / (1 − 1/K); the largest probability as \
             confidence: Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136",
        )
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
        let chance = 1.0 / ballot.outputs as f64;
        each_image(ballot, scores, |parts, scores| {
            scores.fill(0.0);
            for (weight, part) in parts {
                let largest = part.iter().copied().fold(0.0, f64::max);
                // With a single class there is nothing to be unsure of.
                let sure = if chance < 1.0 { (largest - chance) / (1.0 - chance) } else { 1.0 };
                for (score, p) in scores.iter_mut().zip(*part) {
                    *score += weight * sure.max(0.0) * p;
                }
            }
            normalise(scores);
        })
    }
}
