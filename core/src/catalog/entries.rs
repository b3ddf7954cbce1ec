//! What is registered: a description, an origin, and the thing itself.
//!
//! Entries of plugins and scripts are written by others, so what they give is checked here, once for
//! all who call them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tch::Tensor;

use super::Catalog;
use super::registry::{Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::layer::{Layer, LayerInfo};
use crate::loss::{Latent, Loss, LossInfo};
use crate::metric::{Confusion, Measure, MetricInfo, Rows};
use crate::network::NetworkSpec;
use crate::options::{Kind, OptionSpec, Options};
use crate::random::Random;
use crate::shape::show;
use crate::task::Task;
use crate::transform::{Transform, TransformInfo};
use crate::transpose::Transpose;
use crate::vote::{Ballot, Vote, VoteInfo};

/// A registered layer.
pub struct LayerEntry {
    /// Name, help, options and example.
    pub info: LayerInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The layer.
    pub layer: Box<dyn Layer>,
}

/// What an architecture is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArchitectureRequest {
    /// Input shape without the batch axis.
    pub input: Vec<i64>,
    /// The number of outputs: classes, 1 for a regression, or the input's channels for a
    /// reconstruction.
    pub outputs: i64,
    /// The options that were given.
    pub options: Map<String, Value>,
}

/// A recipe for networks.
pub trait Architecture: Send + Sync {
    /// The network for this request; `catalog` has the layers and rules that it may use.
    ///
    /// # Errors
    /// Options that do not exist or do not fit, or whatever the recipe says.
    fn build(&self, request: &ArchitectureRequest, catalog: &Catalog) -> Result<NetworkSpec>;

    /// The architecture that it was derived from, and the parts of it that make its encoder; nothing where it stands on its own.
    fn base(&self) -> Option<(&Arc<ArchitectureEntry>, &[String])> {
        None
    }
}

/// A registered architecture.
pub struct ArchitectureEntry {
    /// The registered name.
    pub name: String,
    /// One line, where the author gave one.
    pub help: String,
    /// Paper, DOI or page, where the author gave one.
    pub source: String,
    /// The options with their defaults.
    pub options: Vec<OptionSpec>,
    /// Where it comes from.
    pub origin: Origin,
    /// The recipe.
    pub architecture: Box<dyn Architecture>,
}

/// A registered transpose rule.
pub struct TransposeEntry {
    /// The layer it undoes.
    pub layer: String,
    /// One line.
    pub help: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The rule.
    pub rule: Box<dyn Transpose>,
}

/// A registered vote.
pub struct VoteEntry {
    /// Name, help, options and source.
    pub info: VoteInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The vote.
    pub vote: Box<dyn Vote>,
}

impl VoteEntry {
    /// The options that were given, checked.
    ///
    /// # Errors
    /// Every option that is unknown, missing or of the wrong type.
    pub fn options(&self, given: &Map<String, Value>) -> Result<Options> {
        Options::check(&self.info.options, given, &format!("vote {:?}", self.info.name))
    }

    /// The scores `[image, output]` of a whole group, each a finite number.
    ///
    /// # Errors
    /// [`Code::UndefinedVote`] for scores that are missing or no numbers; what the vote says.
    pub fn scores(&self, ballot: &Ballot<'_>, options: &Options) -> Result<Vec<f64>> {
        if ballot.values.iter().any(|value| !value.is_finite()) {
            let message = "a part's scores are NaN or infinite, so it cannot vote";
            return Err(
                Error::new(Code::UndefinedVote, message).help("look at the network that gave them")
            );
        }
        let scores = self.vote.vote(ballot, options)?;
        let wrong = |message: String| {
            let message = format!("the vote {:?} ({}) {message}", self.info.name, self.origin);
            Error::new(Code::UndefinedVote, message).help(
                "a vote gives one finite number per image and output: mend it, or use another",
            )
        };
        let expected = ballot.images().len() * ballot.outputs;
        if scores.len() != expected {
            return Err(wrong(format!("gives {} scores in place of {expected}", scores.len())));
        }
        match scores.iter().position(|score| !score.is_finite()) {
            Some(at) => {
                Err(wrong(format!("gives {} for image {}", scores[at], at / ballot.outputs)))
            }
            None => Ok(scores),
        }
    }
}

/// A registered metric.
pub struct MetricEntry {
    /// Name, help, formula and range.
    pub info: MetricInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is computed from: one measure for each task that it judges.
    pub measures: Vec<Measure>,
}

impl MetricEntry {
    /// What it is computed from in this task, if it judges it.
    pub fn measure(&self, task: Task) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.task() == task)
    }

    /// The value over the predictions of a classification, whose confusion matrix is `confusion`;
    /// `None` where it is not defined.
    ///
    /// # Errors
    /// What the metric says.
    pub fn value(&self, rows: &Rows<'_>, confusion: &Confusion) -> Result<Option<f64>> {
        match self.measure(Task::Classification) {
            Some(Measure::Classes(metric)) => Ok(metric.value(confusion)),
            Some(Measure::Scores(metric)) => {
                Ok(metric.weighed(rows)(&vec![1; rows.truth.len()]).filter(|value| !value.is_nan()))
            }
            Some(Measure::Rows(metric)) if !rows.truth.is_empty() => {
                let value = metric.value(rows)?.filter(|value| !value.is_nan());
                value.map(|value| self.within_range(value)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// The value over the predictions of a regression; `None` where it is not defined.
    pub fn value_of_numbers(&self, truth: &[f64], predicted: &[f64]) -> Option<f64> {
        let Some(Measure::Numbers(metric)) = self.measure(Task::Regression) else { return None };
        let value = metric.weighed(truth, predicted)(&vec![1; truth.len()]);
        value.filter(|value| !value.is_nan())
    }

    /// A value outside of the range that the metric itself gives is a mistake in it.
    fn within_range(&self, value: f64) -> Result<f64> {
        let (low, high) = self.info.range;
        let slack = 1e-9 * (1.0 + value.abs());
        if value.is_finite() && value >= low - slack && value <= high + slack {
            return Ok(value);
        }
        let MetricInfo { name, .. } = &self.info;
        let message = format!(
            "the metric {name:?} ({}) gives {value}, which is not within {low} to {high}",
            self.origin
        );
        Err(Error::new(Code::UndefinedMetric, message)
            .help("mend the metric, or the range it gives itself; what has no value is NaN, or () in a script"))
    }
}

/// A registered loss.
pub struct LossEntry {
    /// Name, help, tasks, options and source.
    pub info: LossInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The loss.
    pub loss: Box<dyn Loss>,
}

impl LossEntry {
    /// The options that were given, checked.
    ///
    /// # Errors
    /// Every option that is unknown, missing or of the wrong type.
    pub fn options(&self, given: &Map<String, Value>) -> Result<Options> {
        Options::check(&self.info.options, given, &format!("loss {:?}", self.info.name))
    }

    /// Whether it can train this task, as far as its author says.
    pub fn trains(&self, task: Task) -> bool {
        self.info.tasks.is_empty() || self.info.tasks.contains(&task)
    }

    /// The loss of each sample, `[batch]`; `latents` are what the network's latent layers drew from.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for a result of another shape; what the loss says.
    pub fn of_samples(
        &self,
        output: &Tensor,
        target: &Tensor,
        latents: &[Latent],
        options: &Options,
    ) -> Result<Tensor> {
        let loss = self.loss.with_latents(output, target, latents, options)?;
        let batch = &output.size()[..1];
        if loss.size() == batch {
            return Ok(loss);
        }
        Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "the loss {:?} ({}) gives {} for a batch of {}",
                self.info.name,
                self.origin,
                show(&loss.size()),
                show(batch)
            ),
        )
        .help("a loss gives one number per sample; how they are averaged is not its matter"))
    }
}

/// A registered transform.
pub struct TransformEntry {
    /// Name, help, options and source.
    pub info: TransformInfo,
    /// Where it comes from.
    pub origin: Origin,
    /// The transform.
    pub transform: Box<dyn Transform>,
    /// Whether the option `p` says how many images it changes; a transform may have one of its own.
    chance: bool,
}

impl TransformEntry {
    /// The entry of a transform, with the option `p` that all of them have.
    pub fn new(transform: Box<dyn Transform>, origin: Origin) -> Self {
        let mut info = transform.info();
        let chance = info.options.iter().all(|option| option.name != "p");
        if chance {
            let kind = Kind::Float { min: 0.0, max: 1.0 };
            info.options.push(OptionSpec::new("p", kind, info.p, "share of the images it changes"));
        }
        Self { info, origin, transform, chance }
    }

    /// The options that were given, checked.
    ///
    /// # Errors
    /// Every option that is unknown, missing or of the wrong type.
    pub fn options(&self, given: &Map<String, Value>) -> Result<Options> {
        Options::check(&self.info.options, given, &format!("transform {:?}", self.info.name))
    }

    /// The parameters for one image of this shape, as JSON; `null` where it stays as it is.
    ///
    /// # Errors
    /// What the transform says.
    pub fn draw(&self, shape: &[i64], options: &Options, seed: u64) -> Result<Value> {
        if self.chance && Random::new(seed, "p", &[]).unit() >= options.float("p")? {
            return Ok(Value::Null);
        }
        self.transform.draw(shape, options, seed)
    }

    /// The image `[channel, …]` as the network will see it, of the same shape.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for another number of voxels; what the transform says.
    pub fn apply(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        seed: u64,
    ) -> Result<Vec<f32>> {
        self.replay(voxels, shape, options, &self.draw(shape, options, seed)?)
    }

    /// The same with parameters that were drawn before.
    ///
    /// # Errors
    /// Parameters that do not fit the image; those of [`TransformEntry::apply`].
    pub fn replay(
        &self,
        voxels: Vec<f32>,
        shape: &[i64],
        options: &Options,
        drawn: &Value,
    ) -> Result<Vec<f32>> {
        if drawn.is_null() {
            return Ok(voxels);
        }
        let size = voxels.len();
        let voxels = self.transform.apply(voxels, shape, options, drawn)?;
        if voxels.len() == size {
            return Ok(voxels);
        }
        let (name, origin) = (&self.info.name, &self.origin);
        Err(Error::new(
            Code::ShapeMismatch,
            format!("the transform {name:?} ({origin}) changes the shape {}", show(shape)),
        )
        .help("a transform keeps the image's shape"))
    }
}

macro_rules! entries {
    ($($entry:ident: $($name:ident).+;)*) => {$(
        impl Entry for $entry {
            fn name(&self) -> &str {
                &self.$($name).+
            }
            fn origin(&self) -> &Origin {
                &self.origin
            }
        }
    )*};
}

entries! {
    LayerEntry: info.name;
    ArchitectureEntry: name;
    TransposeEntry: layer;
    VoteEntry: info.name;
    MetricEntry: info.name;
    LossEntry: info.name;
    TransformEntry: info.name;
}
