//! How the parts of an image vote on the image.

use serde::Serialize;

use crate::error::Result;
use crate::options::{OptionSpec, Options};

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
    /// The options.
    pub options: Vec<OptionSpec>,
    /// Whether it learns from the validation set before it is used.
    pub fits: bool,
    /// Whether it can vote on the numbers of a regression, too: `outputs` is 1 then, and what it gives
    /// is the number.
    pub numbers: bool,
}

/// The outputs of all parts of all images of a group.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'a> {
    /// Parts per image.
    pub parts: usize,
    /// Outputs per part: one probability per class, or one number.
    pub outputs: usize,
    /// `[image, part, output]`, the last fastest. Of a part that an image lacks, which has the weight 0,
    /// every output is the same.
    pub values: &'a [f64],
    /// One weight per part: not negative, with sum 1. A part of weight 0 has no say.
    pub weights: &'a [f64],
    /// What the vote learned; empty where it learns nothing.
    pub fitted: &'a [f64],
}

impl<'a> Ballot<'a> {
    /// The parts of each image: `[part, output]`.
    pub fn images(&self) -> std::slice::ChunksExact<'a, f64> {
        self.values.chunks_exact((self.parts * self.outputs).max(1))
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
    fn vote(&self, ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>>;

    /// What the vote learns from the validation set, where `truth` is each image's class code; kept
    /// with the experiment, and given back as [`Ballot::fitted`].
    ///
    /// # Errors
    /// What makes learning impossible.
    fn fit(&self, _ballot: &Ballot<'_>, _truth: &[usize], _options: &Options) -> Result<Vec<f64>> {
        Ok(Vec::new())
    }
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
