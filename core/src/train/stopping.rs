//! The decisions of training: when to stop and which state is the best. Pure, so that a resumed run
//! decides as one that was never interrupted.

use serde::{Deserialize, Serialize};

use crate::metric::Direction;

/// Stops when the validation loss has not become better for `patience` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    patience: usize,
    tolerance: f64,
    best: Option<f64>,
    waited: usize,
}

impl EarlyStopping {
    /// `patience` epochs, 0 for never. Better means below best · (1 − tolerance), where `tolerance` is
    /// from 0 to 1. A loss can be negative: then better means below best · (1 + tolerance), so that a
    /// tolerance asks for more there, too, and no loss above the best one is better than it.
    ///
    /// The first finite loss is the best one; a loss that is NaN or infinite never is, and its epoch is
    /// one of those that were waited for.
    pub fn new(patience: usize, tolerance: f64) -> Self {
        Self { patience, tolerance, best: None, waited: 0 }
    }

    /// Takes note of an epoch's validation loss; whether training ends after it.
    pub fn stops_after(&mut self, loss: f64) -> bool {
        let limit = |best: f64| best * (1.0 - self.tolerance * best.signum());
        if loss.is_finite() && self.best.is_none_or(|best| loss < limit(best)) {
            self.best = Some(loss);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        self.patience > 0 && self.waited >= self.patience
    }
}

/// The best value of one selection metric so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The metric's name.
    pub metric: String,
    /// Which values are better.
    pub direction: Direction,
    /// The best value and the epoch, from 0, at whose end it was reached.
    pub record: Option<(f64, usize)>,
}

impl Best {
    /// No value yet.
    pub fn new(metric: &str, direction: Direction) -> Self {
        Self { metric: metric.into(), direction, record: None }
    }

    /// Takes note of the value at the end of `epoch`; whether it is strictly the best so far. A value
    /// that is undefined, NaN or infinite never is.
    pub fn improves(&mut self, value: Option<f64>, epoch: usize) -> bool {
        let Some(value) = value.filter(|value| value.is_finite()) else { return false };
        let better = self.record.is_none_or(|(best, _)| self.direction.is_better(value, best));
        if better {
            self.record = Some((value, epoch));
        }
        better
    }
}

#[cfg(test)]
mod tests;
