//! What the vote of each part of an image weighs.

use super::evaluate::Evaluation;
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};

/// The weights of the parts, and the scores that they come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartWeights {
    /// Each part's score over the validation set, before the threshold; none where parts are not weighed
    /// by one, and of a part that no image of the set has.
    pub(crate) scores: Vec<Option<f64>>,
    /// Not negative, with sum 1.
    pub(crate) weights: Vec<f64>,
}

impl PartWeights {
    /// The same weight for each.
    pub(crate) fn uniform(parts: usize) -> Self {
        Self { scores: vec![None; parts], weights: vec![1.0 / parts as f64; parts] }
    }

    /// Each part's `balanced_accuracy` or `accuracy` over `validation`, 0 under the threshold, divided by
    /// the sum; or `uniform`. The only part of an image decides alone, however right it is.
    ///
    /// # Errors
    /// [`Code::UndefinedVote`] if no part reaches the threshold or all scores are 0.
    pub(crate) fn by(
        score: &str,
        threshold: f64,
        validation: &Evaluation,
        parts: usize,
        catalog: &Catalog,
    ) -> Result<Self> {
        let metric = match score {
            "accuracy" => "accuracy",
            "balanced_accuracy" => "BA",
            _ => return Ok(Self::uniform(parts)),
        };
        let mut scores = Vec::with_capacity(parts);
        for part in 0..parts {
            let found = validation.of_part(part).value(catalog, metric)?;
            if let Some(found) = found.filter(|found| !(*found >= 0.0 && found.is_finite())) {
                let message = format!("part {part} would weigh {found} by its validation {metric}");
                return Err(Error::new(Code::UndefinedVote, message)
                    .help("weights are finite and not negative; set vote_weights: \"uniform\""));
            }
            scores.push(found);
        }
        if parts == 1 {
            return Ok(Self { scores, weights: vec![1.0] });
        }
        let counts = |score: &Option<f64>| score.filter(|score| *score >= threshold).unwrap_or(0.0);
        let sum: f64 = scores.iter().map(counts).sum();
        if sum > 0.0 {
            let weights = scores.iter().map(|score| counts(score) / sum).collect();
            return Ok(Self { scores, weights });
        }
        Err(Error::new(
            Code::UndefinedVote,
            format!("no part has a validation {score} above 0 and of at least {threshold}"),
        )
        .help("lower selection_threshold, or set vote_weights: \"uniform\""))
    }
}
