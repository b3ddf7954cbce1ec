//! Which samples the epochs of a run learn from.

use super::config::Config;
use super::prepare::Prepared;
use crate::data::loader::Sample;
use crate::data::split::Label;
use crate::error::Result;
use crate::random::Random;
use crate::sampler::{Draws, Item, Sampler};

/// The sampler that the options name.
///
/// # Errors
/// Options that do not fit it, and a task that it cannot serve.
pub(super) fn read(config: &Config) -> Result<Sampler> {
    let train = &config.train;
    Sampler::new(train.text("sampler")?, train.map("sampler_options")?, config.task)
}

/// What should be known of a sampler that evens out what the loss does, too.
pub(super) fn warning(config: &Config) -> Result<Option<String>> {
    let train = &config.train;
    let weighs = match (train.flag("balance_classes")?, train.has("class_weights")) {
        (true, _) => "balance_classes",
        (_, true) => "class_weights",
        _ => return Ok(None),
    };
    Ok((train.text("sampler")? == "weighted").then(|| {
        format!(
            "the weighted sampler draws every class equally often already; {weighs} weighs the \
             classes once more"
        )
    }))
}

/// The batches of an epoch, as the sampler draws them by the seed, the split and the epoch.
pub(super) fn batches(
    draws: &Draws,
    samples: &[(Sample, Label)],
    size: usize,
    (seed, split, epoch): (u64, usize, usize),
) -> Vec<Vec<(Sample, Label)>> {
    let places = draws.epoch(size, &mut Random::new(seed, "order", &[split as u64, epoch as u64]));
    let mut drawn = vec![0; samples.len()];
    let numbered = places.into_iter().map(|place| {
        let (sample, label) = samples[place];
        let draw = drawn[place];
        drawn[place] += 1;
        (Sample { draw, ..sample }, label)
    });
    let numbered: Vec<(Sample, Label)> = numbered.collect();
    numbered.chunks(size).map(<[_]>::to_vec).collect()
}

impl Prepared {
    /// The draws from these training samples.
    ///
    /// # Errors
    /// Samples among which the sampler has nothing to balance.
    pub(super) fn draws(&self, samples: &[(Sample, Label)]) -> Result<Draws> {
        let images = &self.source.images;
        let item = |(sample, label): &(Sample, Label)| Item {
            label: *label,
            cohort: &images.session(sample.image).cohort,
        };
        self.sampler.draws(&samples.iter().map(item).collect::<Vec<_>>())
    }
}
