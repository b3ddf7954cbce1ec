//! Signals that ask the program to save and end: Ctrl-C (SIGINT), SIGTERM, SIGHUP, and SIGUSR1, by
//! which clusters say that a job's time is nearly up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

#[cfg(unix)]
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use crate::output;

/// The last signal that came; before any, the number of Ctrl-C's.
static LAST: AtomicI32 = AtomicI32::new(2);

/// The exit code of a command that was interrupted: 128 and the signal's number, as shells have it.
pub(super) fn exit_code() -> u8 {
    u8::try_from(128 + LAST.load(Ordering::Relaxed)).unwrap_or(1)
}

/// The flag that these signals set. Without handlers they end the program at once, which is safe, too.
pub(super) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    listen(Arc::clone(&stop));
    stop
}

#[cfg(unix)]
fn listen(stop: Arc<AtomicBool>) {
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGUSR1];
    // Under nohup, the end of the session ends nothing.
    let wanted = wanted.iter().filter(|signal| **signal != SIGHUP || !ignored(SIGHUP));
    let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
    let thread = std::thread::Builder::new().name("signals".into());
    drop(thread.spawn(move || signals.forever().for_each(|signal| received(signal, &stop))));
}

/// Takes note of a signal. The same one again ends the program at once; only clusters may repeat theirs.
#[cfg(unix)]
#[allow(clippy::exit, reason = "who asks twice does not want to wait")]
fn received(signal: i32, stop: &AtomicBool) {
    let before = LAST.swap(signal, Ordering::Relaxed);
    let stopping = stop.swap(true, Ordering::Relaxed);
    if stopping && before == signal && signal != SIGUSR1 {
        std::process::exit(i32::from(exit_code()));
    }
    match signal_hook::low_level::signal_name(signal) {
        _ if stopping => {}
        Some(name) if signal != SIGINT => {
            output::note(&format!("{name}: stopping after this step"))
        }
        _ => output::note("\nstopping after this step; press Ctrl-C again to stop at once"),
    }
}

/// Whether whoever started the program told it to ignore a signal, where the system says so.
#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
