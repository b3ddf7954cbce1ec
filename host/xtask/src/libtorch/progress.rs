//! Megabytes as they come: one line that is rewritten on a terminal, now and then a new line elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

pub(super) struct Progress {
    label: String,
    total: u64,
    terminal: bool,
    shown: Instant,
}

impl Progress {
    pub(super) fn new(label: String, total: u64) -> Progress {
        Progress { label, total, terminal: stderr().is_terminal(), shown: Instant::now() }
    }

    pub(super) fn at(&mut self, done: u64) {
        let pause = Duration::from_millis(if self.terminal { 100 } else { 5000 });
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let megabytes = |bytes: u64| (bytes + 500_000) / 1_000_000;
        let (label, total) = (&self.label, megabytes(self.total));
        let done = megabytes(done.min(self.total));
        if self.terminal {
            eprint!("\r\x1b[K  {label}: {done} of {total} MB");
            // A terminal that has gone away is no reason to stop.
            let _ = stderr().flush();
        } else {
            eprintln!("  {label}: {done} of {total} MB");
        }
    }

    /// The line that stays.
    pub(super) fn finish(self) {
        let megabytes = self.total as f64 / 1e6;
        let digits = if megabytes < 10.0 { 1 } else { 0 };
        let rewrite = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{rewrite}  {}: {megabytes:.digits$} MB", self.label);
    }
}
