//! Runs the trainings of a search or a learning curve, each in a process of its own: so one that fails
//! takes no other along, and threads and memory are divided.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use neurhai_core::trials::{State, Trials};
use neurhai_core::{Code, Error, Result};
use serde_json::{Map, Value};

use neurhai_core::memory::{Memory, memory};

/// What tells a training how many threads it has.
const THREADS: &str = "OMP_NUM_THREADS";
/// How often processes are looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a training waits whose folder another process still writes to.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);
/// How often a training is killed until it is not tried again.
const KILLED_MOST: u32 = 2;
/// What a training is taken to need before one has shown it.
const FIRST_BYTES: u64 = 512 << 20;

/// A training to be run.
pub(crate) struct Planned {
    pub(crate) name: String,
    /// What it is given in place of the script's options, by their tables.
    pub(crate) options: Map<String, Value>,
}

/// How trainings are run.
pub(crate) struct Runner<'a> {
    pub(crate) trials: &'a Trials,
    /// The words of `host run` before what belongs to a training: the script and its options.
    pub(crate) run: Vec<OsString>,
    /// The script's arguments, after `--`.
    pub(crate) arguments: Vec<OsString>,
    /// The options of plugins, for `host run` and `host resume`.
    pub(crate) plugins: Vec<OsString>,
    /// How many run at once at most.
    pub(crate) jobs: usize,
    /// The threads of each.
    pub(crate) threads: usize,
    pub(crate) stop: &'a AtomicBool,
}

/// What happens to a training.
pub(crate) enum Told<'a> {
    Begins(&'a Planned, State),
    Ended(&'a Planned, State, f64),
    /// It was stopped by a signal of its own, and stays as it is.
    Stopped(&'a Planned),
    /// It was killed, as by a system that is short of memory, and is tried again.
    Killed(&'a Planned, &'a str),
    /// It waits for a process that still writes to its folder.
    Locked(&'a Planned),
    /// It waits until there is memory for it.
    Memory,
}

struct Running<'p> {
    planned: &'p Planned,
    child: Child,
    began: Instant,
    log_start: u64,
}

impl Runner<'_> {
    /// Runs what is not done, and tells. Whether all of it is done or failed.
    ///
    /// # Errors
    /// What the disk says, and where no process can be started.
    pub(crate) fn run(&self, all: &[Planned], tell: &mut dyn FnMut(Told<'_>)) -> Result<bool> {
        let mut waiting: VecDeque<&Planned> = VecDeque::new();
        for planned in all {
            if matches!(self.trials.state(&planned.name)?, State::Waiting | State::Begun) {
                waiting.push_back(planned);
            }
        }
        let mut running: Vec<Running<'_>> = Vec::new();
        let mut held: BTreeMap<&str, Instant> = BTreeMap::new();
        let mut killed: BTreeMap<&str, u32> = BTreeMap::new();
        let (mut peak, mut complete, mut short) = (FIRST_BYTES, true, false);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                // Its end is what a training takes for ours.
                running.iter_mut().for_each(|one| drop(one.child.stdin.take()));
                complete &= waiting.is_empty();
                waiting.clear();
            }
            peak = running.iter().map(|one| taken(&one.child, "VmHWM:")).fold(peak, u64::max);
            let mut still = Vec::new();
            for mut one in running {
                match one.child.try_wait() {
                    Ok(None) => still.push(one),
                    Ok(Some(status)) => match self.ended(&one, status, tell)? {
                        Outcome::Done => {}
                        Outcome::Stopped => complete = false,
                        Outcome::Killed(why) => {
                            let times = killed.entry(&one.planned.name).or_default();
                            *times += 1;
                            if *times < KILLED_MOST {
                                tell(Told::Killed(one.planned, &why));
                                waiting.push_back(one.planned);
                            } else {
                                self.trials.fail(&one.planned.name, &why)?;
                                let seconds = one.began.elapsed().as_secs_f64();
                                tell(Told::Ended(one.planned, State::Failed, seconds));
                            }
                        }
                        Outcome::Locked => {
                            let until = Instant::now() + LOCKED_PAUSE;
                            if held.insert(&one.planned.name, until).is_none() {
                                tell(Told::Locked(one.planned));
                            }
                            waiting.push_back(one.planned);
                        }
                    },
                    Err(error) => return Err(broken("cannot wait for a training", &error)),
                }
            }
            running = still;
            if running.is_empty() && waiting.is_empty() {
                return Ok(complete);
            }
            let next = waiting.iter().position(|planned| {
                held.get(planned.name.as_str()).is_none_or(|until| *until <= Instant::now())
            });
            let room = running.len() < self.jobs && self.begun(&running);
            if let Some(next) = next.filter(|_| room) {
                if running.is_empty() || fits(&running, peak) {
                    short = false;
                    if let Some(planned) = waiting.remove(next) {
                        match self.begin(planned, tell) {
                            Ok(one) => running.push(one),
                            Err(error) if error.code() == Code::OutputLocked => {
                                let until = Instant::now() + LOCKED_PAUSE;
                                if held.insert(&planned.name, until).is_none() {
                                    tell(Told::Locked(planned));
                                }
                                waiting.push_back(planned);
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    continue;
                } else if !std::mem::replace(&mut short, true) {
                    tell(Told::Memory);
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether all that run have begun to train. Before, they may make files that they share, and do
    /// not show what memory they need.
    fn begun(&self, running: &[Running<'_>]) -> bool {
        running.iter().all(|one| self.trials.maps(&one.planned.name).join("maps.json").exists())
    }

    fn begin<'p>(
        &self,
        planned: &'p Planned,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<Running<'p>> {
        let name = &planned.name;
        let state = self.trials.state(name)?;
        let program = std::env::current_exe()
            .map_err(|error| broken("this program does not know where it lies", &error))?;
        let mut command = Command::new(program);
        match state {
            State::Begun => {
                command.arg("resume").arg(self.trials.maps(name));
            }
            _ => {
                self.trials.prepare(name, &planned.options)?;
                command.arg("run").args(&self.run);
                command.arg("--trial").arg(self.trials.configuration(name));
            }
        }
        command.args(&self.plugins).arg("--with-parent");
        if state != State::Begun {
            command.args(&self.arguments);
        }
        let log = self.trials.log(name);
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.map_err(|error| Error::io(&log, "write what a training says", &error))?;
        let log_start = file.metadata().map_or(0, |data| data.len());
        let again = file.try_clone().map_err(|error| Error::io(&log, "open the file", &error))?;
        for variable in [THREADS, "MKL_NUM_THREADS"] {
            if std::env::var_os(variable).is_none() {
                command.env(variable, self.threads.to_string());
            }
        }
        command.stdin(Stdio::piped()).stdout(file).stderr(again);
        let child = command.spawn().map_err(|e| broken("cannot start a training", &e))?;
        tell(Told::Begins(planned, state));
        Ok(Running { planned, child, began: Instant::now(), log_start })
    }

    fn ended(
        &self,
        one: &Running<'_>,
        status: std::process::ExitStatus,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<Outcome> {
        let (name, seconds) = (&one.planned.name, one.began.elapsed().as_secs_f64());
        let said = self.said(one);
        if !status.success() && said.contains(Code::OutputLocked.id()) {
            return Ok(Outcome::Locked);
        }
        self.trials.add_seconds(name, seconds)?;
        // 128 and the number of a signal that asked it to save.
        let saved = status.code().is_some_and(|code| code > 128);
        if saved || self.stop.load(Ordering::Relaxed) && !status.success() {
            tell(Told::Stopped(one.planned));
            return Ok(Outcome::Stopped);
        }
        if status.code().is_none() {
            return Ok(Outcome::Killed(format!(
                "killed by {status}, perhaps for want of memory: fewer --jobs need less"
            )));
        }
        if !status.success() {
            let why = match said.is_empty() {
                true => format!("it ended with {status}"),
                false => said,
            };
            self.trials.fail(name, &why)?;
        } else if self.trials.state(name)? != State::Finished {
            self.trials
                .fail(name, "the script ended without training into the folder it was given")?;
        } else {
            let unlike = self.trials.unlike(name, &one.planned.options)?;
            if !unlike.is_empty() {
                let why = format!("it was trained with other values of {}", unlike.join(", "));
                self.trials.fail(name, &why)?;
            }
        }
        tell(Told::Ended(one.planned, self.trials.state(name)?, seconds));
        Ok(Outcome::Done)
    }

    /// The errors that a training ended with; the last thing it said where there are none.
    fn said(&self, one: &Running<'_>) -> String {
        let text = std::fs::read(self.trials.log(&one.planned.name)).unwrap_or_default();
        let text = text.get(one.log_start as usize..).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let error = |line: &&str| {
            line.starts_with("error") || line.starts_with("1. ") && line.contains("[E")
        };
        match lines.iter().rposition(error) {
            Some(at) => lines[at..].join("\n"),
            None => lines.last().map_or_else(String::new, |line| (*line).to_owned()),
        }
    }
}

enum Outcome {
    Done,
    Stopped,
    /// By what, and what helps.
    Killed(String),
    Locked,
}

/// The threads of a training: what the user's environment says, or what those that are there had, as
/// results depend on it; otherwise its share of all.
pub(crate) fn threads(jobs: usize, before: Option<usize>) -> usize {
    let given = std::env::var(THREADS).ok().and_then(|text| text.trim().parse().ok());
    let share = || match jobs {
        1 => usize::try_from(tch::get_num_threads()).unwrap_or(1),
        jobs => std::thread::available_parallelism().map_or(1, usize::from) / jobs,
    };
    given.or(before).unwrap_or_else(share).max(1)
}

/// Whether there is memory for one more, when those that run take what the largest has taken so far.
fn fits(running: &[Running<'_>], peak: u64) -> bool {
    // Where the system does not say, the number of jobs is all there is to go by.
    let Some(Memory { free, .. }) = memory() else { return true };
    enough(free, peak, running.iter().map(|one| taken(&one.child, "VmRSS:")))
}

/// Whether `free` bytes are enough for those that run to grow from what they have taken to `peak`, and for
/// one more with a fifth to spare.
fn enough(free: u64, peak: u64, taken: impl Iterator<Item = u64>) -> bool {
    let still: u64 = taken.map(|bytes| peak.saturating_sub(bytes)).sum();
    free > peak.saturating_add(peak / 5).saturating_add(still)
}

/// Bytes that a process takes, or at most took, by what the system says; 0 where it does not.
fn taken(child: &Child, what: &str) -> u64 {
    let file = PathBuf::from(format!("/proc/{}/status", child.id()));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(what));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

fn broken(what: &str, error: &std::io::Error) -> Error {
    Error::new(Code::FileAccess, what).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_begins_where_all_can_grow_to_the_largest() {
        let enough = |free, taken: &[u64]| enough(free, 100, taken.iter().copied());
        // 120 for itself, and 70 that the second has not taken yet.
        assert!(!enough(190, &[100, 30]));
        assert!(enough(191, &[100, 30]));
        // What took more than the largest so far gives nothing back.
        assert!(!enough(120, &[300]));
        assert!(!super::enough(u64::MAX, u64::MAX, [].into_iter()));
    }
}
