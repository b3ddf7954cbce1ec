//! How the parts of an image vote on the image.

use serde::Serialize;

use crate::error::Result;

mod hard;
mod soft;

/// Every built-in vote, in order.
pub fn built_in() -> Vec<Box<dyn Vote>> {
    vec![Box::new(soft::Soft), Box::new(hard::Hard)]
}

/// What a person reads about a vote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VoteInfo {
    /// The registered name.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula and its source.
    pub source: String,
}

/// The outputs of all parts of all images of a group.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'a> {
    /// Parts per image.
    pub parts: usize,
    /// Outputs per part: one probability per class.
    pub outputs: usize,
    /// `[image, part, output]`, the last fastest.
    pub values: &'a [f64],
    /// One weight per part: not negative, with sum 1.
    pub weights: &'a [f64],
}

impl<'a> Ballot<'a> {
    /// The parts of each image: `[part, output]`.
    pub fn images(&self) -> impl Iterator<Item = &'a [f64]> {
        self.values.chunks_exact(self.parts * self.outputs)
    }
}

/// A voting strategy.
pub trait Vote: Send + Sync {
    /// Name, help and source.
    fn info(&self) -> VoteInfo;

    /// The scores `[image, output]` of a whole group.
    ///
    /// # Errors
    /// What makes the vote impossible.
    fn vote(&self, ballot: &Ballot<'_>) -> Result<Vec<f64>>;
}

/// The largest score's place; of several, the first.
pub fn winner(scores: &[f64]) -> usize {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests;
