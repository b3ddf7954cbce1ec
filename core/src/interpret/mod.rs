//! Which voxels a network's output hangs on: attribution maps.
//!
//! A map says how much each voxel of what the network sees counts for its score: the output of one
//! class before softmax, or the predicted number of a regression, as in ClinicaDL. All methods look at
//! the network as it evaluates, without dropout and with the statistics gathered in training.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tch::Tensor;

use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::network::{Network, Plan};
use crate::options::{OptionSpec, Options};
use crate::picture::Colors;

mod canvas;
mod description;
mod grad_cam;
mod gradients;
mod integrated_gradients;
mod means;
mod names;
mod occlusion;
mod options;
mod pictures;
mod randomised;
mod records;
mod regions;
mod run;
mod smooth_grad;
mod subject;
mod tables;
#[cfg(test)]
mod tests;
mod work;

pub use options::options;
pub use records::{Completeness, Found};
pub use run::{Interpreted, check, interpret};
use subject::Subject;

/// Every method, in order.
fn built_in() -> Vec<Arc<dyn Rule>> {
    vec![
        Arc::new(gradients::Gradients),
        Arc::new(integrated_gradients::IntegratedGradients),
        Arc::new(smooth_grad::SmoothGrad),
        Arc::new(grad_cam::GradCam),
        Arc::new(occlusion::Occlusion),
    ]
}

/// What a person reads about every method, in order.
pub fn infos() -> Vec<MethodInfo> {
    built_in().iter().map(|rule| rule.info()).collect()
}

/// What a person reads about a method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodInfo {
    /// The name.
    pub name: String,
    /// One line.
    pub help: String,
    /// The formula of a voxel's value.
    pub formula: String,
    /// The paper.
    pub source: String,
    /// The options.
    pub options: Vec<OptionSpec>,
}

/// What is explained: parts of images, all of one shape.
pub struct Samples<'a> {
    /// What the network sees, `[batch, channel, …]`.
    pub x: &'a Tensor,
    /// For each sample, which of the network's outputs is its score.
    pub targets: &'a [usize],
    /// The seed of each sample's random choices.
    pub seeds: &'a [u64],
    /// What stands for no information, `[batch, channel, …]`; 0 where there is none. Only some methods
    /// look at it.
    pub baseline: Option<&'a Tensor>,
    /// For each sample which of its voxels count, where not all do; only occlusion looks at it: what it
    /// fills, and where. The last axis counts fastest.
    pub inside: Option<&'a [Vec<bool>]>,
    /// How many samples a forward pass has at most, where a method makes its own of them.
    pub batch_size: usize,
    /// Is told between steps how many of how many are done; an error ends the work.
    pub goes_on: &'a dyn Fn(u64, u64) -> Result<()>,
}

impl Samples<'_> {
    fn goes_on(&self, done: u64, of: u64) -> Result<()> {
        (self.goes_on)(done, of)
    }
}

/// How much each voxel counts.
#[derive(Debug)]
pub struct Attribution {
    /// The maps, `[batch, channel, …]` as the samples; with one channel where a method does not tell
    /// them apart.
    pub maps: Tensor,
    /// The score of each sample.
    pub scores: Vec<f64>,
    /// The score of each baseline, from methods whose maps should sum up to the difference.
    pub baseline_scores: Option<Vec<f64>>,
}

/// A way to make maps.
trait Rule: Send + Sync {
    /// Name, help, source and options.
    fn info(&self) -> MethodInfo;

    /// Whether the method can be used on the network.
    fn check(&self, plan: &Plan, options: &Options) -> Result<()> {
        let _ = (plan, options);
        Ok(())
    }

    /// How many forward passes it takes for a part of this size, the spatial axes alone.
    fn passes(&self, size: &[i64], options: &Options) -> Result<u64> {
        let _ = (size, options);
        Ok(1)
    }

    /// What is to be known before its maps of this network are looked at.
    fn caution(&self, plan: &Plan, options: &Options) -> Result<Option<String>> {
        let _ = (plan, options);
        Ok(None)
    }

    /// Whether the samples' baselines are wanted.
    fn wants_baseline(&self, options: &Options) -> Result<bool> {
        let _ = options;
        Ok(false)
    }

    /// Whether values may be below 0.
    fn signed(&self, options: &Options) -> Result<bool> {
        let _ = options;
        Ok(true)
    }

    /// The maps of the samples.
    fn maps(
        &self,
        subject: &Subject<'_>,
        samples: &Samples<'_>,
        options: &Options,
    ) -> Result<Attribution>;
}

/// A method with its options.
#[derive(Clone)]
pub struct Method {
    name: String,
    rule: Arc<dyn Rule>,
    options: Options,
}

impl Method {
    /// The method of this name.
    ///
    /// # Errors
    /// A name that there is not, and options that do not fit.
    pub fn named(name: &str, options: &Map<String, Value>) -> Result<Self> {
        let rules = built_in();
        let infos: Vec<MethodInfo> = rules.iter().map(|rule| rule.info()).collect();
        let names = || infos.iter().map(|info| info.name.as_str());
        let Some(i) = names().position(|other| other == name) else {
            let near = did_you_mean(name, names());
            let all: Vec<&str> = names().collect();
            let message = format!("there is no method {name:?}{near}");
            return Err(Error::new(Code::UnknownName, message)
                .at(Place::Option("method".into()))
                .help(format!("the methods are: {}", all.join(", "))));
        };
        let options = Options::check(&infos[i].options, options, &format!("the method {name:?}"))?;
        Ok(Self { name: name.into(), rule: Arc::clone(&rules[i]), options })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its options, defaults filled in.
    pub fn options(&self) -> &Map<String, Value> {
        self.options.values()
    }

    /// Whether it can be used on a network of this plan.
    ///
    /// # Errors
    /// [`Code::BadOption`] for a layer that is not there or has no map, and the like.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        self.rule.check(plan, &self.options)
    }

    /// How many forward passes it takes for a part, at most.
    ///
    /// # Errors
    /// As [`Method::check`].
    pub fn passes(&self, plan: &Plan) -> Result<u64> {
        self.rule.passes(&plan.input[1..], &self.options)
    }

    /// What is to be known before its maps of this network are looked at.
    ///
    /// # Errors
    /// As [`Method::check`].
    pub fn caution(&self, plan: &Plan) -> Result<Option<String>> {
        self.rule.caution(plan, &self.options)
    }

    /// Whether it compares with the mean of all images, which [`Samples::baseline`] then holds.
    ///
    /// # Errors
    /// None but defects: options were checked.
    pub fn wants_baseline(&self) -> Result<bool> {
        self.rule.wants_baseline(&self.options)
    }

    /// How its maps are coloured.
    fn colors(&self) -> Result<Colors> {
        Ok(if self.rule.signed(&self.options)? { Colors::Diverging } else { Colors::Sequential })
    }

    /// The maps of the samples. Weights that ask for gradients cost time and memory:
    /// [`Network::without_gradients`] spares them.
    ///
    /// # Errors
    /// What libtorch or a layer says; [`Code::NotDifferentiable`] where the score does not depend on
    /// the samples in a way that libtorch can follow; what [`Samples::goes_on`] says. Whether the maps are
    /// finite is not checked.
    pub fn attribute(&self, network: &Network, samples: &Samples<'_>) -> Result<Attribution> {
        self.rule.maps(&Subject { network }, samples, &self.options)
    }
}

/// What the file of a method needs.
mod short {
    pub(super) use super::{Attribution, MethodInfo, Rule, Samples, Subject};
    pub(super) use crate::error::Result;
    pub(super) use crate::options::{Kind, OptionSpec, Options};
    pub(super) use tch::Tensor;
}
