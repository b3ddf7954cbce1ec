use super::{Ballot, Vote, VoteInfo};
use crate::error::Result;
use crate::options::Options;

/// p(c) = Σ wᵢ · pᵢ(c) over the parts i.
pub(super) struct Soft;

impl Vote for Soft {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: "soft".into(),
            help: "Weighted mean of the parts' probabilities or numbers.".into(),
            source: "p(c) = Σ wᵢ · pᵢ(c), Σ wᵢ = 1; \
                     https://clinicadl.readthedocs.io/en/latest/Train/Details/"
                .into(),
            options: vec![],
            fits: false,
            numbers: true,
        }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(ballot.values.len() / ballot.parts.max(1));
        for image in ballot.images() {
            for output in 0..ballot.outputs {
                let parts = image.iter().skip(output).step_by(ballot.outputs);
                scores.push(parts.zip(ballot.weights).map(|(p, w)| p * w).sum());
            }
        }
        Ok(scores)
    }
}
