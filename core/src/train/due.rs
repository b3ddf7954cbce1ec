//! When the next checkpoint within an epoch is due.

use std::time::{Duration, Instant};

/// Time since the last checkpoint, by a clock that is never set back.
pub(super) struct Due {
    /// None for never.
    every: Option<Duration>,
    since: Instant,
}

impl Due {
    /// Counts from now on; 0 minutes, and more than a clock can count, are never over.
    pub(super) fn every(minutes: f64) -> Self {
        let every = Duration::try_from_secs_f64(minutes * 60.0).ok().filter(|_| minutes > 0.0);
        Self { every, since: Instant::now() }
    }

    /// Whether the time is over.
    pub(super) fn now(&self) -> bool {
        self.every.is_some_and(|every| self.since.elapsed() >= every)
    }

    /// Counts anew.
    pub(super) fn restart(&mut self) {
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_when_the_minutes_are_over_and_for_0_never() {
        let ago = |minutes: f64, seconds: u64| {
            let mut due = Due::every(minutes);
            due.since = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
            due.now()
        };
        assert!(ago(0.5, 31) && !ago(0.5, 20));
        assert!(ago(1e-9, 0) || ago(1e-9, 1));
        assert!(!ago(0.0, 100) && !ago(f64::MAX, 100));
    }
}
