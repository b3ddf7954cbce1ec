//! Batches that hold the classes as the training set does.
//!
//! Of n samples, nₖ are of class k. A batch of b samples would hold b · nₖ / n of them; here it holds
//! that number rounded down or up, and every sample is in one batch of the epoch. It takes two steps:
//!
//! 1. Where the last batch is shorter, its places are shared out by the method of largest remainders:
//!    each class gets its share rounded down, and what is left goes, one each, to the classes whose
//!    share has the largest fraction, among equal ones to the first.
//! 2. The other samples, class by class, are dealt to the full batches like cards: so the numbers of a
//!    class in any two of them differ by one at most, and every batch becomes full.
//!
//! A full batch cannot get a wrong number in the second step. Be a its share of a class rounded down,
//! of which the fraction φ is left, and ψ the fraction of the share of the last batch. Then f full
//! batches have f · a + m samples of the class to hold if the last batch rounds down and f · a + m − 1
//! if it rounds up, with the whole number m = f · φ + ψ; that is below f + 1, and at least 1 where ψ is
//! not 0. So each holds a or a + 1.
//!
//! Which samples of a class come into which batch is random, and so is the order of the full batches.

use super::short::*;
use crate::quota::quotas;

pub(super) struct Stratified;

impl Rule for Stratified {
    fn info(&self) -> SamplerInfo {
        SamplerInfo {
            name: "stratified".into(),
            help: "Every sample once, each batch with the classes (or bins of numbers) in the \
                   proportions of the training set."
                .into(),
            source:
                "samples of a class in a batch = batch size · share of the class, rounded down or \
                     up; https://en.wikipedia.org/wiki/Quota_method"
                    .into(),
            options: vec![bins()],
        }
    }

    fn check(&self, task: Task, options: &Options) -> Result<()> {
        has_labels("stratified", task, options)
    }

    fn groups(&self, items: &[Item<'_>], options: &Options) -> Result<Vec<Vec<usize>>> {
        by_label(items, options)
    }

    fn order(&self, groups: &[Vec<usize>], batch_size: usize, random: &mut Random) -> Vec<usize> {
        let mut groups = groups.to_vec();
        groups.iter_mut().for_each(|group| random.shuffle(group));
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let all: usize = sizes.iter().sum();
        let take = |(group, count): (&mut Vec<usize>, usize)| group.split_off(group.len() - count);
        let last = groups.iter_mut().zip(quotas(&sizes, all % batch_size)).flat_map(take);
        let last: Vec<usize> = last.collect();
        let full = all / batch_size;
        let mut batches = vec![Vec::with_capacity(batch_size); full];
        for (i, place) in groups.into_iter().flatten().enumerate() {
            batches[i % full].push(place);
        }
        random.shuffle(&mut batches);
        batches.push(last);
        batches.concat()
    }
}
