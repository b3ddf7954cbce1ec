use super::{Ballot, Vote, VoteInfo, winner};
use crate::error::Result;
use crate::options::Options;

/// The share of parts that decide for each class, among those with a weight.
pub(super) struct Hard;

impl Vote for Hard {
    fn info(&self) -> VoteInfo {
        VoteInfo {
            name: "hard".into(),
            help: "Each part has one vote for its most probable class, whatever its weight; 0 has none. \
                   Of equal scores the first class wins."
                .into(),
            source: "score(c) = share of parts (of weight above 0) whose most probable class is c; \
                     of classes that are equally probable, or have equal shares, the first wins; \
                     https://en.wikipedia.org/wiki/Plurality_voting"
                .into(),
            options: vec![],
            fits: false,
            numbers: false,
        }
    }

    fn vote(&self, ballot: &Ballot<'_>, _: &Options) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(ballot.values.len() / ballot.parts.max(1));
        let voters = ballot.weights.iter().filter(|weight| **weight > 0.0).count() as f64;
        for image in ballot.images() {
            let mut votes = vec![0.0; ballot.outputs];
            for (part, weight) in image.chunks_exact(ballot.outputs).zip(ballot.weights) {
                votes[winner(part)] += if *weight > 0.0 { 1.0 } else { 0.0 };
            }
            scores.extend(votes.iter().map(|count| count / voters));
        }
        Ok(scores)
    }
}
