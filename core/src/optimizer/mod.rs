//! How weights are updated from their gradients.
//!
//! The moments are tensors of ours under PyTorch's names, so that they can be saved and restored
//! exactly; the arithmetic is libtorch's, over all parameters at once or, where a rule takes several
//! operations, over pieces that fit into the processor's cache.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::options::{OptionSpec, Options};

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod asgd;
mod groups;
mod nadam;
mod pieces;
mod radam;
mod rmsprop;
mod sgd;
mod step;
#[cfg(test)]
mod tests;
mod update;

pub use groups::Groups;
pub use step::{Clip, Optimizer};
use update::Update;

/// Every optimiser, in order.
fn built_in() -> Vec<Arc<dyn Rule>> {
    vec![
        Arc::new(adam::Adam),
        Arc::new(adamw::AdamW),
        Arc::new(sgd::Sgd),
        Arc::new(rmsprop::RmsProp),
        Arc::new(adagrad::Adagrad),
        Arc::new(adadelta::Adadelta),
        Arc::new(adamax::Adamax),
        Arc::new(asgd::Asgd),
        Arc::new(nadam::NAdam),
        Arc::new(radam::RAdam),
    ]
}

/// What a person reads about every optimiser, in order.
pub fn infos() -> Vec<OptimizerInfo> {
    built_in().iter().map(|rule| rule.info()).collect()
}

/// What a person reads about an optimiser.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptimizerInfo {
    /// PyTorch's name.
    pub name: String,
    /// One line.
    pub help: String,
    /// The paper.
    pub source: String,
    /// The options, with PyTorch's names and defaults; learning rate and weight decay are training's.
    pub options: Vec<OptionSpec>,
}

/// A rule by which weights are updated.
trait Rule: Send + Sync {
    /// Name, help, source and options.
    fn info(&self) -> OptimizerInfo;

    /// What is kept of each number of a parameter, with the value it begins with.
    fn kept(&self, options: &Options) -> Result<Vec<(&'static str, f64)>>;

    /// What is kept of each parameter as a single number; it begins with 0.
    fn numbers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether one kernel does it all, so that large parameters need not be cut to be fast.
    fn passes_once(&self) -> bool {
        false
    }

    /// Updates parameters that were updated equally often before.
    fn update(&self, update: &mut Update<'_>) -> Result<()>;
}

/// An optimiser with its options.
#[derive(Clone)]
pub struct Method {
    rule: Arc<dyn Rule>,
    options: Options,
}

impl Method {
    /// The optimiser of this name.
    ///
    /// # Errors
    /// A name that there is not, and options that do not fit.
    pub fn new(name: &str, options: &Map<String, Value>) -> Result<Self> {
        let rules = built_in();
        let infos: Vec<OptimizerInfo> = rules.iter().map(|rule| rule.info()).collect();
        let names = || infos.iter().map(|info| info.name.as_str());
        let Some(i) = names().position(|other| other == name) else {
            let near = did_you_mean(name, names());
            let all: Vec<&str> = names().collect();
            let message = format!("there is no optimizer {name:?}{near}");
            return Err(Error::new(Code::UnknownName, message)
                .help(format!("there are: {}", all.join(", "))));
        };
        let options =
            Options::check(&infos[i].options, options, &format!("the optimizer {name:?}"))?;
        let method = Self { rule: Arc::clone(&rules[i]), options };
        method.check()?;
        Ok(method)
    }

    /// How many tensors of a parameter's size are kept beside it.
    pub(crate) fn kept(&self) -> Result<usize> {
        Ok(self.rule.kept(&self.options)?.len())
    }

    /// What the types of the options cannot say.
    fn check(&self) -> Result<()> {
        let options = &self.options;
        let wrong = |option: &str, message: &str, help: &str| {
            let error = Error::new(Code::BadOption, message);
            Err(error.at(Place::Option(option.into())).help(help))
        };
        if options.has("betas") && options.floats("betas")?.len() != 2 {
            return wrong("betas", "betas must be two numbers", "PyTorch's are [0.9, 0.999]");
        }
        if options.has("nesterov") && options.flag("nesterov")? {
            let momentum = options.float("momentum")?;
            if momentum == 0.0 || options.float("dampening")? != 0.0 {
                let message = "nesterov needs a momentum, and no dampening";
                return wrong("nesterov", message, "give a momentum, such as 0.9");
            }
        }
        Ok(())
    }
}

/// What files of optimisers write again and again.
mod short {
    pub(super) use super::{OptimizerInfo, Rule, Update};
    pub(super) use crate::error::Result;
    use crate::options::Kind;
    pub(super) use crate::options::{OptionSpec, Options};

    /// The largest rate of decay: with 1 nothing would ever change.
    const BELOW_ONE: f64 = 0.999_999;

    pub(super) fn flag(name: &str, help: &str) -> OptionSpec {
        OptionSpec::new(name, Kind::Bool, false, help)
    }

    pub(super) fn positive(name: &str, default: f64, help: &str) -> OptionSpec {
        OptionSpec::new(name, Kind::Float { min: 0.0, max: f64::MAX }, default, help)
    }

    pub(super) fn share(name: &str, default: f64, help: &str) -> OptionSpec {
        OptionSpec::new(name, Kind::Float { min: 0.0, max: BELOW_ONE }, default, help)
    }

    pub(super) fn eps(default: f64) -> OptionSpec {
        positive("eps", default, "added to the denominator")
    }

    pub(super) fn betas() -> OptionSpec {
        let kind = Kind::Floats { min: 0.0, max: BELOW_ONE };
        let help = "what stays of the two moments at a step";
        OptionSpec::new("betas", kind, vec![0.9, 0.999], help)
    }

    pub(super) fn decoupled() -> OptionSpec {
        flag(
            "decoupled_weight_decay",
            "let the weight decay shrink the weights themselves, as AdamW",
        )
    }
}
