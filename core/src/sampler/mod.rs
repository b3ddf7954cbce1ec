//! Which samples an epoch learns from, and in which order.
//!
//! The order of an epoch depends only on the samples and on the stream of random numbers that it is
//! given, which training keys by seed, split and epoch: neither loader threads nor an interruption
//! change it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data::split::Label;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::options::{OptionSpec, Options};
use crate::random::Random;
use crate::task::Task;

mod cohorts;
mod groups;
mod random;
mod stratified;
#[cfg(test)]
mod tests;
mod weighted;

/// Every sampler, in order.
fn built_in() -> Vec<Arc<dyn Rule>> {
    vec![
        Arc::new(random::Shuffled),
        Arc::new(weighted::Weighted),
        Arc::new(stratified::Stratified),
        Arc::new(cohorts::Cohorts),
    ]
}

/// What a person reads about every sampler, in order.
pub fn infos() -> Vec<SamplerInfo> {
    built_in().iter().map(|rule| rule.info()).collect()
}

/// What a person reads about a sampler.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SamplerInfo {
    /// The name in scripts.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula and its source.
    pub source: String,
    /// The options.
    pub options: Vec<OptionSpec>,
}

/// A training sample, as a sampler sees it. Where images have several parts, each part is one, with
/// the label and the cohort of its image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item<'a> {
    /// What is to be learned of it.
    pub label: Label,
    /// The cohort that it belongs to.
    pub cohort: &'a str,
}

/// A rule by which samples are drawn.
trait Rule: Send + Sync {
    /// Name, help, source and options.
    fn info(&self) -> SamplerInfo;

    /// Refuses a task, or options, that the rule has no use for.
    fn check(&self, _: Task, _: &Options) -> Result<()> {
        Ok(())
    }

    /// What the rule tells apart: the places among `items` that belong together. No group is empty,
    /// and every place is in one.
    fn groups(&self, items: &[Item<'_>], options: &Options) -> Result<Vec<Vec<usize>>>;

    /// The places of an epoch's samples in the order in which they are learned from, as many as there
    /// are items.
    fn order(&self, groups: &[Vec<usize>], batch_size: usize, random: &mut Random) -> Vec<usize>;
}

/// A sampler with its options.
#[derive(Clone)]
pub struct Sampler {
    rule: Arc<dyn Rule>,
    options: Options,
}

impl Sampler {
    /// The sampler of this name, for a training of this task.
    ///
    /// # Errors
    /// A name that there is not, options that do not fit, and a task that it cannot serve.
    pub fn new(name: &str, options: &Map<String, Value>, task: Task) -> Result<Self> {
        let rules = built_in();
        let infos: Vec<SamplerInfo> = rules.iter().map(|rule| rule.info()).collect();
        let names = || infos.iter().map(|info| info.name.as_str());
        let Some(i) = names().position(|other| other == name) else {
            let near = did_you_mean(name, names());
            let all: Vec<&str> = names().collect();
            let message = format!("there is no sampler {name:?}{near}");
            return Err(Error::new(Code::UnknownName, message)
                .help(format!("there are: {}", all.join(", "))));
        };
        let options = Options::check(&infos[i].options, options, &format!("the sampler {name:?}"))
            .map_err(|error| error.within("sampler_options"))?;
        rules[i].check(task, &options)?;
        Ok(Self { rule: Arc::clone(&rules[i]), options })
    }

    /// The draws from these training samples.
    ///
    /// # Errors
    /// Samples among which there is nothing to balance.
    pub fn draws(&self, items: &[Item<'_>]) -> Result<Draws> {
        let groups = self.rule.groups(items, &self.options)?;
        Ok(Draws { rule: Arc::clone(&self.rule), groups })
    }
}

/// The draws of a sampler from the samples of a training set.
#[derive(Clone)]
pub struct Draws {
    rule: Arc<dyn Rule>,
    groups: Vec<Vec<usize>>,
}

impl Draws {
    /// The places, among the items that the draws are from, of an epoch's samples in their order: as
    /// many as there are items, to be cut into batches of `batch_size`, the last of which may be
    /// shorter.
    pub fn epoch(&self, batch_size: usize, random: &mut Random) -> Vec<usize> {
        self.rule.order(&self.groups, batch_size, random)
    }
}

/// What files of samplers write again and again.
mod short {
    pub(super) use super::groups::{bins, by_label, evenly, has_labels, together};
    pub(super) use super::{Item, Rule, SamplerInfo};
    pub(super) use crate::error::Result;
    pub(super) use crate::options::Options;
    pub(super) use crate::random::Random;
    pub(super) use crate::task::Task;
}
