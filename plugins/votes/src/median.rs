use neurhai_plugin::{Ballot, Info, Options, Result, Vote};

use crate::{each_image, normalise};

/// score(c) ∝ median over the parts i with wᵢ > 0 of pᵢ(c).
pub(crate) struct Median;

impl Vote for Median {
    fn info(&self) -> Info {
        Info::new(
            "median",
            "Median of the parts' probabilities per class: a few wild parts change nothing.",
        )
        .source(
            "s(c) = median of pᵢ(c) over the parts with a weight above 0, then normalised; Kittler \
             et al. 1998, https://doi.org/10.1109/34.667881",
        )
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options, scores: &mut [f64]) -> Result<()> {
        each_image(ballot, scores, |parts, scores| {
            for (class, score) in scores.iter_mut().enumerate() {
                let mut values: Vec<f64> = parts.iter().map(|(_, part)| part[class]).collect();
                values.sort_by(f64::total_cmp);
                let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
                *score = (low + high) / 2.0;
            }
            normalise(scores);
        })
    }
}
