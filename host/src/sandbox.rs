//! The sandbox: an engine that can neither run for ever, nor fill the memory, nor reach outside.
//!
//! Rhai bounds single values and call depth itself. What it cannot see (many values, or values of
//! ours) is bounded by a meter that looks at the whole process now and then.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rhai::packages::{
    BasicArrayPackage, BasicBlobPackage, BasicMapPackage, BasicMathPackage, BitFieldPackage,
    CorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalAltResult};

/// What a script may use up by itself; what training uses does not count.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps of the interpreter, in the script and in each call of its functions from training.
    pub operations: u64,
    /// Time on the clock, for steps that are slow.
    pub time: Duration,
    /// Growth of the process's memory, where the system tells.
    pub memory_bytes: u64,
    /// Elements in all lists, or in all maps, within one value. Rhai measures a value whenever it
    /// changes, so this bounds the time of each step, too.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 200_000_000,
            time: Duration::from_secs(60),
            memory_bytes: 1 << 30,
            elements: 20_000,
        }
    }
}

const MAX_TEXT_BYTES: usize = 1 << 18;
const MAX_CALL_LEVELS: usize = 64;
const MAX_MODULES: usize = 64;
const MAX_VARIABLES: usize = 1_000;

/// Why a script was stopped from outside.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// The user asked.
    Interrupted,
    /// It used up more than it may; the text says what.
    Limit(String),
    /// It came to the results of a training that a check does not do.
    Checked,
}

/// An engine with the sandbox's limits and the standard functions that are deterministic.
pub(crate) fn engine(limits: Limits, stop: Arc<AtomicBool>) -> Engine {
    let mut engine = Engine::new_raw();
    // All standard packages but the one that tells the time.
    CorePackage::new().register_into_engine(&mut engine);
    BitFieldPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicBlobPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    // There is nothing to wait for, and nothing that could interrupt it.
    let no_sleep = || Err::<(), Box<EvalAltResult>>("sleep is not available in scripts".into());
    engine
        .register_fn("sleep", move |_: i64| no_sleep())
        .register_fn("sleep", move |_: f64| no_sleep());
    engine
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(64, 64)
        .set_max_string_size(MAX_TEXT_BYTES)
        .set_max_array_size(limits.elements)
        .set_max_map_size(limits.elements)
        .set_max_modules(MAX_MODULES)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(1_000)
        .set_fail_on_invalid_map_property(true)
        // A misspelt variable is told before anything runs.
        .set_strict_variables(true)
        .disable_symbol("eval")
        .on_progress(move |_| {
            let halt = match stop.load(Ordering::Relaxed) && stoppable() {
                true => Some(Halt::Interrupted),
                false => tick(&limits).map(Halt::Limit),
            };
            halt.map(Dynamic::from)
        });
    engine
}

struct Meter {
    operations: u64,
    next_look: u64,
    started: Instant,
    memory: Option<u64>,
    stoppable: bool,
}

/// Steps between looks at the clock and the memory.
const LOOK_EVERY: u64 = 4096;

thread_local! {
    static METER: RefCell<Option<Meter>> = const { RefCell::new(None) };
}

/// Runs a script, or one of its functions, with limits of its own.
pub(crate) fn measured<T>(run: impl FnOnce() -> T) -> T {
    metered(LOOK_EVERY, resident_bytes(), true, run)
}

/// Runs a function of a script as part of training, whose own time and memory cannot be told from
/// the function's: only steps count. Who asks to stop waits for training, which saves where it is.
pub(crate) fn in_pass<T>(run: impl FnOnce() -> T) -> T {
    metered(u64::MAX, None, false, run)
}

fn metered<T>(next_look: u64, memory: Option<u64>, stoppable: bool, run: impl FnOnce() -> T) -> T {
    let fresh = Meter { operations: 0, next_look, started: Instant::now(), memory, stoppable };
    let outer = METER.replace(Some(fresh));
    let result = run();
    METER.set(outer);
    result
}

/// What a call of long work counts, so that a loop over such calls ends, too.
const UNMEASURED_OPERATIONS: u64 = 100_000;

/// Runs work of the program's own on behalf of a script; what it uses up does not count.
pub(crate) fn unmeasured<T>(work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    METER.with_borrow_mut(|meter| {
        if let Some(meter) = meter {
            meter.operations += UNMEASURED_OPERATIONS;
            meter.started += began.elapsed();
            meter.memory = resident_bytes();
        }
    });
    result
}

/// Counts steps of work that one step of the interpreter stands for.
pub(crate) fn count(steps: u64) {
    METER.with_borrow_mut(|meter| {
        if let Some(meter) = meter {
            meter.operations = meter.operations.saturating_add(steps);
        }
    });
}

fn stoppable() -> bool {
    METER.with_borrow(|meter| meter.as_ref().is_none_or(|meter| meter.stoppable))
}

/// Counts a step; says which limit it exceeds.
fn tick(limits: &Limits) -> Option<String> {
    METER.with_borrow_mut(|meter| {
        let meter = meter.as_mut()?;
        meter.operations += 1;
        if meter.operations > limits.operations {
            return Some(format!("the script took more than {} steps", limits.operations));
        }
        if meter.operations < meter.next_look {
            return None;
        }
        meter.next_look = meter.operations + LOOK_EVERY;
        if meter.started.elapsed() > limits.time {
            return Some(format!("the script ran for more than {} s", limits.time.as_secs()));
        }
        let grown = resident_bytes()?.saturating_sub(meter.memory?);
        (grown > limits.memory_bytes).then(|| {
            format!("the script filled more than {} MB of memory", limits.memory_bytes >> 20)
        })
    })
}

/// The memory this process occupies, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb << 10)
}
