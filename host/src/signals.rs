//! Signals that ask the program to save and end: Ctrl-C (SIGINT), SIGTERM, SIGHUP, and SIGUSR1, by
//! which clusters say that a job's time is nearly up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(unix)]
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
#[cfg(unix)]
use signal_hook::low_level::{emulate_default_handler, signal_name};

#[cfg(unix)]
use crate::output;

/// Ctrl-C's number, which is the same everywhere.
const CTRL_C: i32 = 2;

static STATE: Mutex<State> = Mutex::new(State { came: Vec::new(), awaited: None });

/// What came, and what is waited for.
struct State {
    /// The signals that came while something ran, in order, each once.
    came: Vec<i32>,
    /// Whose words are waited for; none while something runs.
    awaited: Option<Awaited>,
}

/// Whose words the program waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A person's at a terminal, who may press Ctrl-C to drop them.
    Person,
    /// Another program's.
    Program,
}

impl Awaited {
    /// Whether this signal ends the program while it waits.
    fn ended_by(self, signal: i32) -> bool {
        self == Self::Program || signal != CTRL_C
    }
}

/// What a signal leads to.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing.
    Ignore,
    /// What it does to programs that do not listen.
    Default,
    /// What runs is asked to stop, and this is told.
    Stop(Option<String>),
    /// The end, without waiting for what runs.
    End,
}

impl State {
    fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.came.first().unwrap_or(&CTRL_C)).unwrap_or(1)
    }

    /// Takes note of a signal. Only a second Ctrl-C comes from someone who does not want to wait:
    /// clusters repeat theirs, and send one after another.
    #[cfg(unix)]
    fn answer(&mut self, signal: i32) -> Answer {
        match self.awaited {
            Some(awaited) if awaited.ended_by(signal) => return Answer::Default,
            Some(_) => return Answer::Ignore,
            None => {}
        }
        let (first, again) = (self.came.is_empty(), self.came.contains(&signal));
        if !again {
            self.came.push(signal);
        }
        match signal_name(signal) {
            _ if signal == CTRL_C && again => Answer::End,
            _ if signal == CTRL_C => {
                let text = "\nstopping after this step; press Ctrl-C again to stop at once";
                Answer::Stop(Some(text.into()))
            }
            Some(name) if first => Answer::Stop(Some(format!("{name}: stopping after this step"))),
            _ => Answer::Stop(None),
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exit code of a command that was interrupted: 128 and the number of the first signal, as shells
/// have it.
pub(crate) fn exit_code() -> u8 {
    state().exit_code()
}

/// Whether the end of standard input asks for the end, too.
static WITH_PARENT: AtomicBool = AtomicBool::new(false);

/// From now on the end of standard input asks for the end as a signal does: whoever started this
/// program holds it open, and it ends with them, however they do.
pub(crate) fn end_with_parent() {
    WITH_PARENT.store(true, Ordering::Relaxed);
}

/// The flag that these signals set. Without handlers they end the program at once, which is safe, too.
pub(crate) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    if WITH_PARENT.load(Ordering::Relaxed) {
        let stop = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("parent".into());
        drop(thread.spawn(move || {
            drop(std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()));
            stop.store(true, Ordering::Relaxed);
        }));
    }
    #[cfg(unix)]
    listen(Arc::clone(&stop));
    stop
}

/// Waits for words, while signals end the program at once; a person's Ctrl-C does nothing, and `stop`,
/// which one set before, is reset.
///
/// # Errors
/// The exit code, without waiting, if a signal came before that asks for the program's end.
pub(crate) fn awaiting<T>(
    awaited: Awaited,
    stop: &AtomicBool,
    wait: impl FnOnce() -> T,
) -> Result<T, u8> {
    {
        let mut state = state();
        if state.came.iter().any(|signal| awaited.ended_by(*signal)) {
            return Err(state.exit_code());
        }
        state.came.clear();
        state.awaited = Some(awaited);
        stop.store(false, Ordering::Relaxed);
    }
    let words = wait();
    state().awaited = None;
    Ok(words)
}

/// Listens to what whoever started the program did not tell it to ignore, as nohup does with SIGHUP,
/// and a shell without job control with SIGINT for what it starts in the background.
#[cfg(unix)]
fn listen(stop: Arc<AtomicBool>) {
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGUSR1];
    let wanted = wanted.iter().filter(|signal| !ignored(**signal));
    let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
    let thread = std::thread::Builder::new().name("signals".into());
    drop(thread.spawn(move || signals.forever().for_each(|signal| received(signal, &stop))));
}

#[cfg(unix)]
#[allow(clippy::exit, reason = "who asks twice does not want to wait")]
fn received(signal: i32, stop: &AtomicBool) {
    let mut state = state();
    match state.answer(signal) {
        Answer::Ignore => {}
        Answer::Default => drop(emulate_default_handler(signal)),
        Answer::Stop(told) => {
            stop.store(true, Ordering::Relaxed);
            told.iter().for_each(|told| output::note(told));
        }
        Answer::End => std::process::exit(i32::from(state.exit_code())),
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The answers to these signals, and the exit code at the end.
    fn answers(awaited: Option<Awaited>, signals: &[i32]) -> (Vec<Answer>, u8) {
        let mut state = State { came: Vec::new(), awaited };
        let answers = signals.iter().map(|signal| state.answer(*signal)).collect();
        (answers, state.exit_code())
    }

    #[test]
    fn only_a_second_ctrl_c_does_not_wait() {
        let stops = |(answers, code): (Vec<Answer>, u8)| {
            assert!(answers.iter().all(|a| matches!(a, Answer::Stop(_))), "{answers:?}");
            code
        };
        assert_eq!(stops(answers(None, &[SIGTERM, SIGTERM, SIGTERM])), 143);
        assert_eq!(stops(answers(None, &[SIGUSR1, SIGTERM, SIGUSR1, SIGTERM])), 138);
        assert_eq!(stops(answers(None, &[SIGTERM, SIGINT])), 143);
        let (found, code) = answers(None, &[SIGTERM, SIGINT, SIGHUP, SIGINT]);
        assert_eq!((found.last(), code), (Some(&Answer::End), 143));
    }

    #[test]
    fn while_words_are_waited_for_only_a_persons_ctrl_c_does_not_end_the_program() {
        let all = [SIGINT, SIGTERM, SIGHUP, SIGUSR1];
        let (found, _) = answers(Some(Awaited::Program), &all);
        assert!(found.iter().all(|answer| *answer == Answer::Default), "{found:?}");
        let (found, _) = answers(Some(Awaited::Person), &all);
        assert_eq!(found[0], Answer::Ignore);
        assert!(found[1..].iter().all(|answer| *answer == Answer::Default), "{found:?}");
    }
}
