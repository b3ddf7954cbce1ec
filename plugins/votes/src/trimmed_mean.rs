use neurhai_plugin::{Ballot, Info, OptionSpec, Options, Result, Vote};

use crate::{each_image, normalise};

/// The mean of each class's probabilities without the lowest and the highest.
///
/// It is weighted: sorted by value, the parts lie side by side on a line of length Σ wᵢ = 1, each as
/// long as its weight; what lies below `trim` or above 1 − `trim` is cut off, and the mean is taken
/// over what is left, by length. With equal weights that is the usual trimmed mean wherever `trim`
/// times the number of parts is whole; as `trim` nears ½ it becomes the weighted median.
pub(crate) struct TrimmedMean;

impl Vote for TrimmedMean {
    fn info(&self) -> Info {
        Info::new(
            "trimmed_mean",
            "Weighted mean of the parts' probabilities without the extremes on both sides.",
        )
        .source(
            "s(c) = mean of pᵢ(c) by weight, without the share `trim` of the weight at either end; \
             https://en.wikipedia.org/wiki/Truncated_mean",
        )
        .option(
            OptionSpec::float("trim", "share of the weight that is cut off on either side")
                .min(0.0)
                .max(0.49)
                .default(0.1),
        )
    }

    fn vote(&self, ballot: &Ballot<'_>, options: &Options, scores: &mut [f64]) -> Result<()> {
        let trim = options.float("trim")?;
        each_image(ballot, scores, |parts, scores| {
            let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
            let (low, high) = (trim * total, (1.0 - trim) * total);
            for (class, score) in scores.iter_mut().enumerate() {
                let mut values: Vec<(f64, f64)> =
                    parts.iter().map(|(weight, part)| (part[class], *weight)).collect();
                values.sort_by(|a, b| a.0.total_cmp(&b.0));
                let (mut at, mut sum) = (0.0_f64, 0.0);
                for (value, weight) in values {
                    let kept = (at + weight).min(high) - at.max(low);
                    sum += value * kept.max(0.0);
                    at += weight;
                }
                *score = sum;
            }
            normalise(scores);
        })
    }
}
