//! Five more ways for the parts of an image to vote on it, for any number of classes. Parts with a
//! weight of zero never count.

use neurhai_plugin::{Ballot, Result, export_plugin};

mod confidence;
mod logistic;
mod median;
mod product_of_experts;
mod stacking;
#[cfg(test)]
mod tests;
mod trimmed_mean;

export_plugin!("votes", env!("CARGO_PKG_VERSION"), |registrar| {
    registrar.vote(median::Median)?;
    registrar.vote(trimmed_mean::TrimmedMean)?;
    registrar.vote(product_of_experts::ProductOfExperts)?;
    registrar.vote(confidence::Confidence)?;
    registrar.fitted_vote(stacking::Stacking)?;
    Ok(())
});

/// A part's weight and probabilities.
type Part<'a> = (f64, &'a [f64]);

/// Fills each image's scores from the parts that have a weight.
fn each_image(
    ballot: &Ballot<'_>,
    scores: &mut [f64],
    mut vote: impl FnMut(&[Part<'_>], &mut [f64]),
) -> Result<()> {
    for (image, scores) in ballot.images().zip(scores.chunks_exact_mut(ballot.outputs)) {
        let parts: Vec<Part<'_>> = ballot.weighted_parts(image).collect();
        if parts.is_empty() {
            return Err("every part has a weight of zero".into());
        }
        vote(&parts, scores);
    }
    Ok(())
}

/// Makes the scores sum to 1; if all are zero, nothing speaks for any class.
fn normalise(scores: &mut [f64]) {
    let sum: f64 = scores.iter().sum();
    let equal = 1.0 / scores.len() as f64;
    scores.iter_mut().for_each(|score| *score = if sum > 0.0 { *score / sum } else { equal });
}
