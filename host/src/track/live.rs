//! Sending while training goes on, on a thread of its own, which training never waits for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use neurhai_core::train::Event;

use super::{Target, push};
use crate::output;

/// After a failure the server is left alone for so long.
const PAUSE: Duration = Duration::from_secs(30);
/// What the end of the program waits for the last records.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is sent to, for as long as the program runs.
static LIVE: OnceLock<Mutex<Live>> = OnceLock::new();

struct Live {
    target: Target,
    /// The experiments that were begun, the last one being written.
    maps: Vec<PathBuf>,
    /// Those that there was something new of.
    to_thread: Option<Sender<PathBuf>>,
    /// Closed when all is sent; the experiments of which something is missing on the server.
    ended: Receiver<Vec<PathBuf>>,
}

/// Lets runs of this program be sent to a server from now on.
pub(crate) fn begin(target: &Target) {
    let (to_thread, pokes) = channel();
    let (end, ended) = channel();
    let own = target.clone();
    // Without a thread nothing is sent, and that is told at the end.
    let _ = std::thread::Builder::new().name("tracking".into()).spawn(move || {
        let _ = end.send(follow(&pokes, &own));
    });
    let live = Live { target: target.clone(), maps: Vec::new(), to_thread: Some(to_thread), ended };
    // There is one command, and so one server.
    let _ = LIVE.set(Mutex::new(live));
}

/// Takes note of what happened in a run.
pub(crate) fn told(event: &Event) {
    let Some(live) = LIVE.get() else { return };
    let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        Event::Opened { maps } => live.maps.push(maps.clone()),
        Event::EpochEnded { .. } | Event::NetworkTrained { .. } | Event::Finished { .. } => {}
        _ => return,
    }
    if let (Some(maps), Some(to_thread)) = (live.maps.last(), &live.to_thread) {
        // A thread that is not there is told of at the end.
        let _ = to_thread.send(maps.clone());
    }
}

/// Gives the last records some seconds to be sent.
pub(crate) fn finish() {
    let Some(live) = LIVE.get() else { return };
    let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
    live.to_thread = None;
    if live.maps.is_empty() {
        return;
    }
    // A thread that does not answer may have sent nothing of any.
    let mut missing = live.ended.recv_timeout(PATIENCE).unwrap_or_else(|_| live.maps.clone());
    missing.sort();
    missing.dedup();
    if missing.is_empty() {
        return;
    }
    let target = &live.target;
    let again: Vec<String> = missing
        .iter()
        .map(|maps| format!("\n  later: host track push {} --to '{target}'", maps.display()))
        .collect();
    output::note(&format!("warning: not everything was sent to {target}{}", again.concat()));
}

/// Sends what is new until nothing more comes, and then what is left of everything; the
/// experiments of which something could not be sent.
fn follow(pokes: &Receiver<PathBuf>, target: &Target) -> Vec<PathBuf> {
    let mut all = BTreeSet::new();
    let mut failed: Option<Instant> = None;
    let mut warned = false;
    while let Ok(first) = pokes.recv() {
        let new: BTreeSet<PathBuf> = std::iter::once(first).chain(pokes.try_iter()).collect();
        all.extend(new.iter().cloned());
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            continue;
        }
        failed = None;
        for maps in new {
            if let Err(error) = push(&maps, target, true) {
                failed = Some(Instant::now());
                if !warned {
                    output::note(&format!("warning: {error}\n  the run goes on"));
                }
                warned = true;
            }
        }
    }
    let mut missing = Vec::new();
    for maps in all {
        if let Err(error) = push(&maps, target, false) {
            if !warned {
                output::note(&format!("warning: {error}"));
            }
            warned = true;
            missing.push(maps);
        }
    }
    missing
}
