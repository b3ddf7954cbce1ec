//! Which samples the epochs of a run learn from.

use super::config::Config;
use super::prepare::Prepared;
use crate::data::loader::Sample;
use crate::data::split::Label;
use crate::error::Result;
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
