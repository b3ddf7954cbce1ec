//! A host in miniature, which puts a plugin through what every plugin must keep.
//!
//! One test in the plugin is enough:
//!
//! ```no_run
//! # neurhai_plugin::export_plugin!("empty", "0.1.0", |_registrar| Ok(()));
//! # fn main() {
//! neurhai_plugin::testkit::check(&neurhai_plugin);
//! # }
//! ```
//!
//! It goes through the same interface as the real host, so it serves for a plugin in C too, and its
//! clauses, words and tolerances are those of the host's own contract: `host plugins check`, in
//! `core/src/contract`. Whoever changes one changes the other; a test compares their words.
//!
//! What it cannot see is the host's own part: options against their schema, shapes of a whole network,
//! saved weights. What only it looks at is the boundary itself: calls that the host never makes are
//! refused with a reason, and every kind of entry is called from two threads.
//!
//! A plugin with layers or losses uses `testkit::torch::check` instead.

use serde_json::{Map, Value, json};

use crate::abi::{self, Entry};

mod architecture;
mod collect;
mod describe;
#[cfg(feature = "torch")]
mod layer;
#[cfg(feature = "torch")]
mod loss;
mod metric;
#[cfg(feature = "torch")]
pub mod torch;
mod vote;

use collect::{Kind, Registered, collect};

/// Puts the plugin through all tests.
///
/// # Panics
/// With a list of everything that failed, each with the name of the entry and what was expected.
#[track_caller]
pub fn check(entry: &Entry) {
    check_with(entry, &[]);
}

/// The same, with options for entries that need some: `&[("name", json!({"option": 1}))]`.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_with(entry: &Entry, options: &[(&str, Value)]) {
    none(&problems(entry, options));
}

/// Everything that fails, one line each.
pub fn problems(entry: &Entry, options: &[(&str, Value)]) -> Vec<String> {
    problems_with(entry, options, |_| {
        Err("expected no tensors; testkit::torch::check goes through layers and losses".into())
    })
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "the plugin breaks its contract:\n  {}", problems.join("\n  "));
}

/// `tensors` is the check of layers and losses. It is handed in rather than called, so that tests of
/// plugins without tensors do not link libtorch where another crate has turned the feature on.
fn problems_with(
    entry: &Entry,
    options: &[(&str, Value)],
    tensors: fn(&Registered) -> Check,
) -> Vec<String> {
    let mut problems = describe::entry(entry);
    match collect(entry, options) {
        Ok(all) => {
            problems.extend(all.iter().flat_map(|registered| check_one(registered, tensors)))
        }
        Err(error) => problems.push(error),
    }
    problems.extend(collect::refused(entry).err());
    problems
}

fn check_one(registered: &Registered, tensors: fn(&Registered) -> Check) -> Vec<String> {
    let mut found = describe::item(registered);
    if found.is_empty() {
        let result = match &registered.kind {
            Kind::Architecture(raw) => architecture::check(registered, raw),
            Kind::Transpose(raw) => architecture::check_transpose(registered, raw),
            Kind::Vote(raw) => vote::check(registered, raw),
            Kind::Metric(raw) => metric::check(registered, raw),
            Kind::Layer(_) | Kind::Loss(_) => tensors(registered),
        };
        found.extend(result.err());
    }
    let who = format!("{} {:?}: ", registered.kind.word(), registered.name);
    found.into_iter().map(|problem| who.clone() + &problem).collect()
}

type Check = Result<(), String>;

/// Fails with `message` unless it holds.
fn ensure(holds: bool, message: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(message()) }
}

/// How a call into the plugin ended: its status and what it wrote as the reason.
fn call(what: &str, call: impl FnOnce(abi::Sink) -> abi::Status) -> Result<(), Failed> {
    let mut message = Vec::new();
    let status = call(crate::call::sink(&mut message));
    if status == abi::OK {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&message).into_owned();
    Err(Failed { status, message: format!("{what} ends with status {status}: {text}"), text })
}

/// A call that did not end well.
struct Failed {
    status: abi::Status,
    message: String,
    text: String,
}

impl From<Failed> for String {
    fn from(failed: Failed) -> Self {
        failed.message
    }
}

impl Failed {
    /// A refusal is fine if it says why and is no panic.
    fn polite(self) -> Check {
        let known = [abi::ERROR, abi::INVALID, abi::NAME_TAKEN].contains(&self.status);
        ensure(known, || format!("{}; expected a refusal with a reason", self.message))?;
        ensure(!self.text.trim().is_empty(), || format!("{}; expected a reason", self.message))
    }
}

/// Entries of a plugin, and the tensors lent to it, behind which stand raw pointers.
struct AnyThread<T>(T);

// SAFETY: the interface promises that every function may be called from any thread, and several at
// once; the tests only read what they share.
unsafe impl<T> Sync for AnyThread<T> {}

impl<T> AnyThread<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

/// Runs `work` on two threads at once, several times, and compares with what it gave alone.
fn on_two_threads<T: PartialEq>(
    clause: &str,
    alone: &T,
    work: impl Fn() -> Result<T, String>,
) -> Check {
    let shared = AnyThread((alone, work));
    std::thread::scope(|scope| {
        let run = || -> Check {
            let (alone, work) = shared.get();
            for _ in 0..5 {
                let same = work()? == **alone;
                ensure(same, || format!("expected {clause}"))?;
            }
            Ok(())
        };
        let threads = [scope.spawn(run), scope.spawn(run)];
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a panic got out".into())))
    })
}

/// Numbers between 0 and 1, always the same.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        // Knuth's MMIX generator; the high bits are good enough here.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `rows` × `outputs` probabilities.
    fn probabilities(&mut self, rows: usize, outputs: usize) -> Vec<f64> {
        let mut all = Vec::new();
        for _ in 0..rows {
            let row: Vec<f64> = (0..outputs).map(|_| 0.05 + 0.95 * self.next()).collect();
            let sum: f64 = row.iter().sum();
            all.extend(row.iter().map(|value| value / sum));
        }
        all
    }
}

/// Equal up to rounding.
fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0))
}

/// The class with the largest score; the first of them in a tie.
fn winner(scores: &[f64]) -> usize {
    (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

/// The options of a request: those given to [`check_with`], then the example's, then defaults, and the
/// smallest that fit where an option must be given.
fn options_of(registered: &Registered) -> Map<String, Value> {
    let mut options = Map::new();
    for spec in registered.option_specs() {
        let default = spec.get("default").cloned();
        let value = default.or_else(|| spec.get("absent").is_none().then(|| smallest(&spec)));
        if let (Some(name), Some(value)) = (spec["name"].as_str(), value) {
            options.insert(name.into(), value);
        }
    }
    options.extend(registered.given.clone());
    options
}

fn smallest(spec: &Value) -> Value {
    match spec["type"].as_str().unwrap_or_default() {
        "int" => json!(spec["min"].as_i64().unwrap_or(i64::MIN).max(1)),
        "sizes" => json!(spec["min"].as_i64().unwrap_or(0).max(1)),
        "float" => json!(spec["min"].as_f64().unwrap_or(f64::NEG_INFINITY).max(0.5)),
        "bool" => json!(true),
        "text" => json!("x"),
        "choice" => spec["of"].get(0).cloned().unwrap_or_default(),
        "ints" => json!([1]),
        "texts" => json!(["x"]),
        "map" => json!({}),
        _ => json!([]),
    }
}
