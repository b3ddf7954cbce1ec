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
    /// `patience` epochs, 0 for never; better means below best · (1 − tolerance).
    pub fn new(patience: usize, tolerance: f64) -> Self {
        Self { patience, tolerance, best: None, waited: 0 }
    }

    /// Takes note of an epoch's validation loss; whether training ends after it.
    pub fn stops_after(&mut self, loss: f64) -> bool {
        let better = match self.best {
            None => !loss.is_nan(),
            Some(best) => loss < best * (1.0 - self.tolerance),
        };
        if better {
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

    /// Takes note of the value at the end of `epoch`; whether it is strictly the best so far. An
    /// undefined value never is.
    pub fn improves(&mut self, value: Option<f64>, epoch: usize) -> bool {
        let Some(value) = value.filter(|value| !value.is_nan()) else { return false };
        let better = self.record.is_none_or(|(best, _)| self.direction.is_better(value, best));
        if better {
            self.record = Some((value, epoch));
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patience: usize, tolerance: f64, losses: &[f64], stops_after: Option<usize>) {
        let mut stopping = EarlyStopping::new(patience, tolerance);
        let found = losses.iter().position(|loss| stopping.stops_after(*loss)).map(|i| i + 1);
        assert_eq!(found, stops_after, "{losses:?}");
    }

    #[test]
    fn training_stops_when_the_loss_no_longer_falls() {
        // ClinicaDL's own numbers: 0.95 and 0.94 are not below 1.0 · 0.9.
        check(2, 0.1, &[1.0, 0.95, 0.94, 0.93], Some(3));
        check(2, 0.0, &[1.0, 0.9, 0.95, 0.8, 0.81, 0.82], Some(6));
        check(1, 0.0, &[1.0, 1.0], Some(2));
        check(0, 0.0, &[1.0, 2.0, 3.0, 4.0], None);
        check(2, 0.0, &[f64::NAN, 1.0, f64::NAN, 1.5], Some(4));
        check(3, 0.0, &[1.0, 0.9, 0.8, 0.7], None);
    }

    #[test]
    fn only_a_strictly_better_value_is_the_best() {
        let mut best = Best::new("BA", Direction::Higher);
        let values = [None, Some(f64::NAN), Some(0.5), Some(0.5), Some(0.4), Some(0.6)];
        let improved: Vec<bool> =
            values.iter().enumerate().map(|(epoch, value)| best.improves(*value, epoch)).collect();
        assert_eq!(improved, [false, false, true, false, false, true]);
        assert_eq!(best.record, Some((0.6, 5)));
        let mut loss = Best::new("loss", Direction::Lower);
        assert!(loss.improves(Some(2.0), 0) && loss.improves(Some(1.0), 1));
        assert!(!loss.improves(Some(1.5), 2));
    }
}
