//! Turns what Rhai and the core report into problems with a place.

use neurhai_core::error::nearest;
use neurhai_core::train::{CheckReport, FoundRates};
use neurhai_core::{Code, Error, Place, Problem};
use rhai::{EvalAltResult, ParseErrorType, Position};

use std::collections::BTreeMap;

use super::{CallSite, Diagnostic, Failure, Frame, locate, scan, words};
use crate::functions::layers::Layer;
use crate::functions::{Raised, Shared, Training};
use crate::sandbox::Halt;

/// What is remembered on the way, for problems that come back through the core.
#[derive(Default)]
pub(crate) struct Traces {
    /// The parts of the network built last.
    pub(crate) parts: Vec<(String, Vec<Layer>)>,
    /// Problems within functions of scripts that the core called, and where they lie.
    told: Vec<Diagnostic>,
    /// The name of the script that runs.
    pub(crate) script: Option<String>,
    /// What checks in place of training found.
    pub(crate) reports: Vec<CheckReport>,
    /// What was found of learning rates in place of training.
    pub(crate) found_rates: Vec<FoundRates>,
    /// What the options of trainings are, found in place of training.
    pub(crate) trainings: Vec<Training>,
    /// How often the script asked for a training.
    pub(crate) trained: usize,
    /// Whether it called something else that takes the options of a training.
    pub(crate) others: bool,
}

/// Problems kept for when they come back; the core gives up at the first that matters.
const MAX_TOLD: usize = 64;

impl Traces {
    /// Forgets what earlier calls into the core left behind.
    pub(crate) fn begin(&mut self) {
        self.parts.clear();
        self.told.clear();
    }

    /// Remembers where problems lie before the core learns of them.
    pub(crate) fn tell(&mut self, failure: &Failure) {
        if self.told.len() > MAX_TOLD {
            self.told.clear();
        }
        self.told.extend(failure.diagnostics.iter().cloned());
    }

    fn recall(&self, problem: &Problem) -> Option<&Diagnostic> {
        // The core may have added a place or advice, but code and message stay.
        let same = |told: &&Diagnostic| {
            told.problem.code == problem.code && told.problem.message == problem.message
        };
        self.told.iter().rev().find(same)
    }

    fn layer(&self, path: &str) -> Option<&CallSite> {
        let (part, rest) = path.split_once('.')?;
        let (_, layers) = self.parts.iter().find(|(name, _)| name == part)?;
        Layer::find(layers, rest)
    }
}

/// What went wrong in the script `main`, or in a function that was written in it.
pub(crate) fn diagnose(error: &EvalAltResult, main: &str, shared: &Shared) -> Failure {
    let (mut frames, mut source, mut current) = (Vec::new(), main.to_owned(), error);
    loop {
        let (what, inner, position) = match current {
            EvalAltResult::ErrorInFunctionCall(name, _, inner, position) => {
                (call_words(name), inner, *position)
            }
            EvalAltResult::ErrorInModule(name, inner, position) => {
                (format!("the module {name}"), inner, *position)
            }
            _ => break,
        };
        if let Some(at) = CallSite::new(&source, position) {
            frames.insert(0, Frame { what, at });
        }
        match current {
            EvalAltResult::ErrorInFunctionCall(_, name, ..)
            | EvalAltResult::ErrorInModule(name, ..)
                if !name.is_empty() =>
            {
                source.clone_from(name);
            }
            _ => {}
        }
        current = inner;
    }
    // A problem without a position lies where the innermost call is.
    let site =
        CallSite::new(&source, current.position()).or_else(|| Some(frames.first()?.at.clone()));
    if let EvalAltResult::ErrorRuntime(value, _) = current
        && let Some(raised) = value.read_lock::<Raised>()
    {
        let problems = raised.error.problems().iter();
        let placed =
            problems.map(|problem| place(problem, site.as_ref(), &frames, &raised, shared));
        return Failure { diagnostics: placed.collect() };
    }
    let error = match &site {
        Some(site) => words::of_rhai(current, site, shared),
        None => words::of_rhai(current, &CallSite { source, line: 1, column: 1 }, shared),
    };
    let problem = error.problems()[0].clone();
    let at = site.map(|site| with_width(shared, site));
    Failure { diagnostics: vec![Diagnostic { problem, at, frames }] }
}

/// A script that cannot be read as one.
pub(crate) fn diagnose_parse(
    kind: &ParseErrorType,
    position: Position,
    source: &str,
    shared: &Shared,
) -> Failure {
    let error = words::of_parser(kind, source, shared);
    let at = CallSite::new(source, position).map(|site| with_width(shared, site));
    let problem = error.problems()[0].clone();
    Failure { diagnostics: vec![Diagnostic { problem, at, frames: Vec::new() }] }
}

/// Calls of functions that do not exist.
pub(crate) fn diagnose_calls(
    unknown: &[(String, Position)],
    source: &str,
    shared: &Shared,
) -> Option<Failure> {
    let diagnostics = unknown.iter().map(|(name, position)| {
        let error = words::no_function(name, "", source, shared);
        let at = CallSite::new(source, *position).map(|site| with_width(shared, site));
        Diagnostic { problem: error.problems()[0].clone(), at, frames: Vec::new() }
    });
    let diagnostics: Vec<_> = diagnostics.collect();
    (!diagnostics.is_empty()).then_some(Failure { diagnostics })
}

fn with_width(shared: &Shared, site: CallSite) -> (CallSite, usize) {
    let width = locate::width(&shared.sources, &site);
    (site, width)
}

fn call_words(name: &str) -> String {
    if name.starts_with("anon$") { "a closure".into() } else { name.to_owned() }
}

/// The place of a problem that a function of ours reports for the call at `site`.
fn place(
    problem: &Problem,
    site: Option<&CallSite>,
    frames: &[Frame],
    raised: &Raised,
    shared: &Shared,
) -> Diagnostic {
    let plain = |at| Diagnostic { problem: problem.clone(), at, frames: frames.to_vec() };
    if let Some(from) = replaced_by(problem, raised) {
        let place = Some(Place::Given(from.to_owned()));
        let problem = Problem { place, ..problem.clone() };
        return Diagnostic { problem, at: None, frames: Vec::new() };
    }
    let Some(site) = site else { return plain(None) };
    let called = locate::name(&shared.sources, site).unwrap_or_default();
    let traces = shared.traces();
    if let Some(told) = traces.recall(problem) {
        let mut told = told.clone();
        told.frames.push(Frame { what: called, at: site.clone() });
        told.frames.extend_from_slice(frames);
        return told;
    }
    let option = |key: &str| {
        let giver = key.rsplit('.').find_map(|key| raised.givers.get(key)).unwrap_or(site);
        let function = locate::name(&shared.sources, giver).unwrap_or_default();
        let position = position_of(shared, &function, key);
        let at = locate::option(&shared.sources, giver, key, position);
        let mut found = plain(Some(at.unwrap_or_else(|| with_width(shared, giver.clone()))));
        if giver != site {
            found.frames.insert(0, Frame { what: called.clone(), at: site.clone() });
        }
        found
    };
    match &problem.place {
        Some(Place::Option(key)) => option(key),
        Some(Place::File(file)) => {
            let text = file.to_string_lossy();
            match raised.texts.iter().find(|(_, value)| **value == *text) {
                Some((key, _)) => option(key),
                None => plain(Some(with_width(shared, site.clone()))),
            }
        }
        Some(Place::Layer(path)) => match traces.layer(path) {
            Some(made) => {
                let mut found = plain(Some(with_width(shared, made.clone())));
                found.frames.insert(0, Frame { what: called.clone(), at: site.clone() });
                found
            }
            None => plain(Some(with_width(shared, site.clone()))),
        },
        _ => plain(Some(with_width(shared, site.clone()))),
    }
}

/// What gave the option that a problem is about, where that is not the script.
fn replaced_by<'a>(problem: &Problem, raised: &'a Raised) -> Option<&'a str> {
    let option = match problem.place.as_ref()? {
        Place::Option(key) => key.as_str(),
        Place::File(file) => {
            let text = file.to_string_lossy();
            let mut replaced = raised.replaced.iter();
            let of_file = |value: &Option<serde_json::Value>| {
                value.as_ref().and_then(|value| value.as_str()).is_some_and(|value| value == text)
            };
            return replaced.find(|one| of_file(&one.value)).map(|one| one.from.as_str());
        }
        _ => return None,
    };
    let exact = raised.replaced.iter().find(|one| one.option == option);
    // Who holds options within a map may not know by which name.
    let within = || {
        let inner = |one: &&neurhai_core::overrides::Replaced| {
            one.option.rsplit_once('.').is_some_and(|(_, name)| name == option)
        };
        raised.replaced.iter().find(inner)
    };
    exact.or_else(within).map(|one| one.from.as_str())
}

/// Where the call of `train` at `site`, or the call that made its data, gives an option.
pub(crate) fn option_site(
    shared: &Shared,
    site: &CallSite,
    givers: &BTreeMap<String, CallSite>,
    key: &str,
) -> CallSite {
    let inner = key.strip_prefix("data.");
    let giver = inner.and_then(|key| givers.get(key)).unwrap_or(site);
    let function = locate::name(&shared.sources, giver).unwrap_or_default();
    let position = position_of(shared, &function, inner.unwrap_or(key));
    let found = locate::option(&shared.sources, giver, key, position);
    found.map_or_else(|| giver.clone(), |(site, _)| site)
}

/// Which value of a call gives this option by its position.
fn position_of(shared: &Shared, function: &str, key: &str) -> Option<usize> {
    let catalog = shared.catalog();
    if let Some(entry) = catalog.layers.find(function) {
        let position = entry.info.options.iter().position(|option| option.name == key);
        return position.filter(|position| *position < entry.info.positional);
    }
    crate::functions::data::position(function, key)
}

/// The name among all words of a script that is nearest to a misspelt one.
pub(super) fn near_word(shared: &Shared, source: &str, given: &str) -> Option<String> {
    let text = shared.sources.text(source)?;
    let tokens = scan(&text);
    let words = tokens.iter().filter(|token| token.kind == super::Kind::Word);
    let words = words.map(|token| token.text).filter(|word| *word != given && word.len() > 1);
    nearest(given, words).map(str::to_owned)
}

/// Why a script was stopped, as an error.
pub(super) fn halted(halt: Option<Halt>) -> Error {
    match halt {
        Some(Halt::Interrupted) => Error::new(Code::Interrupted, "the script was stopped"),
        Some(Halt::Limit(what)) => Error::new(Code::ScriptLimit, what).help(
            "training does not count, only the script's own work; look for a loop that never ends",
        ),
        Some(Halt::Checked) | None => Error::new(Code::ScriptError, "the script was stopped"),
    }
}
