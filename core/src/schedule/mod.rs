//! How the learning rate changes while a network is trained.
//!
//! A learning rate depends only on where training stands and on the validation losses so far, so a
//! training that was interrupted goes on with the one it would have had.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::options::{OptionSpec, Options};

mod cosine;
mod one_cycle;
mod plateau;
mod step;
#[cfg(test)]
mod tests;

/// Every schedule, in order.
fn built_in() -> Vec<Arc<dyn Rule>> {
    vec![
        Arc::new(plateau::Plateau),
        Arc::new(step::Step),
        Arc::new(cosine::Cosine),
        Arc::new(one_cycle::OneCycle),
    ]
}

/// What a person reads about every schedule, in order.
pub fn infos() -> Vec<ScheduleInfo> {
    built_in().iter().map(|rule| rule.info()).collect()
}

/// What a person reads about a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleInfo {
    /// PyTorch's name.
    pub name: String,
    /// One line.
    pub help: String,
    /// The paper or manual.
    pub source: String,
    /// The options, with PyTorch's names and defaults.
    pub options: Vec<OptionSpec>,
}

/// Where training stands, just before a weight update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing<'a> {
    /// Finished epochs.
    pub epoch: usize,
    /// Weight updates of this epoch that are done.
    pub update: usize,
    /// Weight updates of every epoch; at least 1.
    pub updates_per_epoch: usize,
    /// Epochs that training has at most.
    pub epochs: usize,
    /// The validation losses at the ends of the finished epochs; NaN where there was none.
    pub losses: &'a [f64],
}

impl Standing<'_> {
    /// The same without its first epochs.
    fn without(self, epochs: usize) -> Self {
        Self {
            epoch: self.epoch.saturating_sub(epochs),
            epochs: self.epochs.saturating_sub(epochs),
            losses: self.losses.get(epochs..).unwrap_or(&[]),
            ..self
        }
    }
}

/// A rule by which the learning rate changes.
trait Rule: Send + Sync {
    /// Name, help, source and options.
    fn info(&self) -> ScheduleInfo;

    /// The learning rate of the next weight update, where `base` is training's own.
    fn rate(&self, base: f64, at: Standing<'_>, options: &Options) -> Result<f64>;

    /// Whether it spreads itself over all epochs, so that it is another one where there are more.
    fn spreads(&self, options: &Options) -> bool {
        let _ = options;
        false
    }
}

/// The course of the learning rate: a warm-up, and a schedule after it.
#[derive(Clone)]
pub struct Schedule {
    base: f64,
    warmup_epochs: usize,
    rule: Option<(Arc<dyn Rule>, Options)>,
}

impl Schedule {
    /// A learning rate that stays at `base` after so many epochs in which it rises to it.
    pub fn constant(base: f64, warmup_epochs: usize) -> Self {
        Self { base, warmup_epochs, rule: None }
    }

    /// The same with a schedule after the warm-up.
    ///
    /// # Errors
    /// A name that there is not, and options that do not fit.
    pub fn with(self, name: &str, options: &Map<String, Value>) -> Result<Self> {
        let rules = built_in();
        let infos: Vec<ScheduleInfo> = rules.iter().map(|rule| rule.info()).collect();
        let names = || infos.iter().map(|info| info.name.as_str());
        let Some(i) = names().position(|other| other == name) else {
            let near = did_you_mean(name, names());
            let all: Vec<&str> = names().collect();
            let message = format!("there is no schedule {name:?}{near}");
            return Err(Error::new(Code::UnknownName, message)
                .help(format!("there are: {}", all.join(", "))));
        };
        let options =
            Options::check(&infos[i].options, options, &format!("the schedule {name:?}"))?;
        Ok(Self { rule: Some((Arc::clone(&rules[i]), options)), ..self })
    }

    /// Whether the schedule spreads itself over all epochs: a training of more epochs has others
    /// learning rates from its beginning.
    pub fn spreads(&self) -> bool {
        self.rule.as_ref().is_some_and(|(rule, options)| rule.spreads(options))
    }

    /// The learning rate of the next weight update. In the warm-up it rises from update to update, in a
    /// straight line from 0 to where the schedule begins; the schedule counts epochs and losses from
    /// the end of the warm-up.
    ///
    /// # Errors
    /// None but defects: options were checked.
    pub fn rate(&self, at: Standing<'_>) -> Result<f64> {
        let rate = |at| match &self.rule {
            None => Ok(self.base),
            Some((rule, options)) => rule.rate(self.base, at, options),
        };
        if at.epoch >= self.warmup_epochs {
            return rate(at.without(self.warmup_epochs));
        }
        let first = Standing { epoch: 0, update: 0, losses: &[], ..at.without(self.warmup_epochs) };
        let updates = at.epoch * at.updates_per_epoch + at.update + 1;
        let all = self.warmup_epochs * at.updates_per_epoch;
        Ok(rate(first)? * updates as f64 / all as f64)
    }

    /// Refuses a warm-up that leaves nothing to train after it.
    pub(crate) fn check(&self, epochs: usize) -> Result<()> {
        if self.warmup_epochs < epochs {
            return Ok(());
        }
        let message =
            format!("{} epochs of warm-up leave none of {epochs} to train", self.warmup_epochs);
        Err(Error::new(Code::BadOption, message)
            .at(Place::Option("warmup_epochs".into()))
            .help("take fewer of them, or more epochs"))
    }
}

/// What files of schedules write again and again.
mod short {
    pub(super) use super::{Rule, ScheduleInfo, Standing};
    pub(super) use crate::error::Result;
    pub(super) use crate::options::{Kind, OptionSpec, Options};

    pub(super) fn epochs(min: i64) -> Kind {
        Kind::Int { min, max: i64::from(i32::MAX) }
    }

    pub(super) fn positive() -> Kind {
        Kind::Float { min: 0.0, max: f64::MAX }
    }

    pub(super) fn share() -> Kind {
        Kind::Float { min: 0.0, max: 1.0 }
    }

    /// From `start` to `end` along half a wave, as `part` goes from 0 to 1.
    pub(super) fn wave(start: f64, end: f64, part: f64) -> f64 {
        end + (start - end) / 2.0 * (1.0 + (std::f64::consts::PI * part).cos())
    }
}
