//! How a run updates weights: its optimiser, what it treats apart, and the learning rate's course.

use super::config::Config;
use crate::error::{Code, Error, Problems, Result};
use crate::network::Network;
use crate::optimizer::{Clip, Groups, Method, Optimizer};
use crate::schedule::Schedule;

/// How weights are updated.
pub(crate) struct Updates {
    method: Method,
    groups: Groups,
    clip: Clip,
    pub(crate) schedule: Schedule,
}

impl Updates {
    /// Reads and checks what the options say.
    ///
    /// # Errors
    /// Every option of the optimiser, of the schedule and of groups that does not fit, at once.
    pub(super) fn read(config: &Config) -> Result<Self> {
        let mut problems = Problems::default();
        let train = &config.train;
        let method = Method::new(train.text("optimizer")?, train.map("optimizer_options")?);
        let method = problems.take(method.map_err(|error| error.within("optimizer_options")));
        let schedule = problems.take(schedule(config));
        let factors = problems.take(Groups::factors(train.map("learning_rate_factors")?));
        problems.into_result()?;
        let (Some(method), Some(schedule), Some(factors)) = (method, schedule, factors) else {
            return Err(Error::new(Code::Internal, "a check failed without saying why"));
        };
        let limit = |name| -> Result<Option<f64>> {
            Ok(if train.has(name) { Some(train.float(name)?) } else { None })
        };
        Ok(Self {
            method,
            groups: Groups {
                weight_decay: config.weight_decay,
                decay_norms_and_biases: train.flag("decay_norms_and_biases")?,
                learning_rate_factors: factors,
            },
            clip: Clip { norm: limit("clip_norm")?, value: limit("clip_value")? },
            schedule,
        })
    }

    /// Whether the paths of learning-rate factors lead to something among the parameters that learn.
    ///
    /// # Errors
    /// Every path that does not.
    pub(super) fn check(&self, learning: &[&str]) -> Result<()> {
        self.groups.check(learning)
    }

    /// Bytes of so many weights in float32, and of the gradients and of what the optimiser keeps for
    /// those that are learned.
    ///
    /// # Errors
    /// None but defects: options were checked.
    pub(super) fn bytes(&self, weights: i64, learned: i64) -> Result<i64> {
        let of_learned = learned.saturating_mul(1 + self.method.kept()? as i64);
        Ok(weights.saturating_add(of_learned).saturating_mul(4))
    }

    /// An optimiser for the network.
    ///
    /// # Errors
    /// A path of a learning-rate factor that leads to nothing that learns; what libtorch says.
    pub(crate) fn optimizer(&self, network: &Network) -> Result<Optimizer> {
        Optimizer::new(network, &self.method, &self.groups, self.clip)
    }
}

fn schedule(config: &Config) -> Result<Schedule> {
    let train = &config.train;
    let schedule = Schedule::constant(config.learning_rate, train.int("warmup_epochs")? as usize);
    schedule.check(config.epochs)?;
    if !train.has("schedule") {
        return Ok(schedule);
    }
    let schedule = schedule.with(train.text("schedule")?, train.map("schedule_options")?);
    schedule.map_err(|error| error.within("schedule_options"))
}
