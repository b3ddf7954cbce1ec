//! What every entry of the catalog promises, whoever wrote it: built in, in a plugin or in a script.
//!
//! Tests hold every entry to it, and `host plugins check` those of a plugin. The test kit of the plugin
//! SDK (`plugins/sdk/src/testkit`) asks the same through the plugin interface alone; whoever changes a
//! clause here changes it there, and a test compares their words.

use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Entry, Registry};
use crate::error::{Code, Result};
use crate::options::{Default, OptionSpec};
use crate::random::Random;

mod architecture;
mod layer;
mod loss;
mod metric;
mod network;
mod transform;
mod transpose;
mod vote;

/// Holds the entry to its contract: what is broken, or nothing. `kind` is a registry's own word:
/// `layer`, `vote`, ….
pub fn check(catalog: &Catalog, kind: &str, name: &str) -> Vec<String> {
    let mut findings = Findings::default();
    fn with<E: Entry>(
        registry: &Registry<E>,
        name: &str,
        findings: &mut Findings,
        check: impl FnOnce(&E, &mut Findings),
    ) {
        if let Some(entry) = findings.ok("to be found", registry.get(name).cloned()) {
            check(&entry, findings);
        }
    }
    let all = &mut findings;
    match kind {
        "layer" => with(&catalog.layers, name, all, |e, f| layer::check(catalog, e, f)),
        "architecture" => {
            with(&catalog.architectures, name, all, |e, f| architecture::check(catalog, e, f));
        }
        "transpose rule" => {
            with(&catalog.transposes, name, all, |e, f| transpose::check(catalog, e, f));
        }
        "vote" => with(&catalog.votes, name, all, vote::check),
        "metric" => with(&catalog.metrics, name, all, metric::check),
        "loss" => with(&catalog.losses, name, all, loss::check),
        "transform" => with(&catalog.transforms, name, all, transform::check),
        other => all.that(&format!("{other} to be a kind of entry"), false),
    }
    findings.0
}

/// All entries of the catalog: kind and name.
pub fn entries(catalog: &Catalog) -> Vec<(&'static str, String)> {
    fn of<E: Entry>(registry: &Registry<E>) -> impl Iterator<Item = (&'static str, String)> {
        registry.iter().map(|entry| (registry.what(), entry.name().to_owned()))
    }
    of(&catalog.layers)
        .chain(of(&catalog.architectures))
        .chain(of(&catalog.transposes))
        .chain(of(&catalog.votes))
        .chain(of(&catalog.metrics))
        .chain(of(&catalog.losses))
        .chain(of(&catalog.transforms))
        .collect()
}

/// What was expected and did not hold.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    /// Expects something to hold.
    fn that(&mut self, what: &str, holds: bool) {
        if !holds {
            self.0.push(format!("expected {what}"));
        }
    }

    /// Expects a good result, and gives its value. The same error is told once.
    fn ok<T>(&mut self, what: &str, result: Result<T>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let problem = &error.problems()[0];
        let cause = problem.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
        let text = format!("{}{cause}", problem.message);
        if !self.0.iter().any(|finding| finding.ends_with(&text)) {
            self.0.push(format!("expected {what}, but {text}"));
        }
        None
    }

    /// Expects a line of help.
    fn help(&mut self, help: &str) {
        self.that("a line of help", help.trim().len() > 5 && !help.contains('\n'));
    }

    /// Expects that a misspelt option is refused, and that the right one is suggested.
    fn unknown_option<T>(
        &mut self,
        specs: &[OptionSpec],
        check: impl Fn(&Map<String, Value>) -> Result<T>,
    ) {
        let misspelt = match specs.first() {
            Some(spec) => format!("{}_", spec.name),
            None => "no_such_option".into(),
        };
        let mut given = required(specs);
        given.insert(misspelt.clone(), json!(1));
        let error = check(&given).err();
        let problem = error.as_ref().and_then(|error| {
            error.problems().iter().find(|problem| problem.code == Code::UnknownOption)
        });
        self.that(&format!("the unknown option {misspelt:?} to be refused"), problem.is_some());
        if let (Some(problem), [_, ..]) = (problem, specs) {
            let suggests = problem.message.contains("did you mean");
            self.that(&format!("a suggestion for the unknown option {misspelt:?}"), suggests);
        }
    }
}

/// Values for options that must be given: the smallest that fit.
fn required(specs: &[OptionSpec]) -> Map<String, Value> {
    use crate::options::Kind;
    let needed = specs.iter().filter(|spec| spec.default == Default::Required);
    let value = |spec: &OptionSpec| match &spec.kind {
        Kind::Int { min, .. } => json!((*min).max(1)),
        Kind::Float { min, .. } => json!(min.max(0.5)),
        Kind::Sizes { min } => json!((*min).max(1)),
        Kind::Bool | Kind::Folder => json!(true),
        Kind::Text => json!("x"),
        Kind::Choice { of } => json!(of[0]),
        Kind::Ints => json!([1]),
        Kind::Floats { min, .. } => json!([min]),
        Kind::Texts => json!(["x"]),
        Kind::Map => json!({}),
        Kind::Layers | Kind::Branches | Kind::Named => json!([]),
    };
    needed.map(|spec| (spec.name.clone(), value(spec))).collect()
}

/// Rows of probabilities, none of them a tie.
fn probabilities(rows: usize, classes: usize, purpose: &str) -> Vec<f64> {
    let mut random = Random::new(1, purpose, &[rows as u64, classes as u64]);
    let mut all = Vec::with_capacity(rows * classes);
    for _ in 0..rows {
        let raw: Vec<f64> = (0..classes).map(|_| random.uniform(0.05, 1.0)).collect();
        let sum: f64 = raw.iter().sum();
        all.extend(raw.iter().map(|value| value / sum));
    }
    all
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0))
}

#[cfg(test)]
mod tests;
