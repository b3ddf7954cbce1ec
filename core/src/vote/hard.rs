use super::{Ballot, Vote, VoteInfo, winner};
use crate::error::Result;

/// The share of parts that decide for each class.
pub(super) struct Hard;

impl Vote for Hard {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: "hard".into(),
            help: "Each part has one vote for its most probable class, whatever its weight.".into(),
            source: "score(c) = share of parts whose most probable class is c; \
                     https://en.wikipedia.org/wiki/Plurality_voting"
                .into(),
        }
    }

    fn vote(&self, ballot: &Ballot<'_>) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(ballot.values.len() / ballot.parts.max(1));
        for image in ballot.images() {
            let mut votes = vec![0.0; ballot.outputs];
            for part in image.chunks_exact(ballot.outputs) {
                votes[winner(part)] += 1.0;
            }
            scores.extend(votes.iter().map(|count| count / ballot.parts as f64));
        }
        Ok(scores)
    }
}
