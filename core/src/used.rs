//! The entries of the catalog that an experiment uses, and where they came from.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Entry, Origin, Registry};
use crate::error::{Code, Error, Place, Problems, Result};
use crate::network::Plan;
use crate::task::Task;
use crate::train::scores::judges;

/// An entry that an experiment uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// `layer`, `vote`, ….
    pub kind: String,
    /// The registered name.
    pub name: String,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Gathers what an experiment uses.
pub(crate) struct Gathered<'c> {
    catalog: &'c Catalog,
    entries: Vec<Used>,
}

impl<'c> Gathered<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, entries: Vec::new() }
    }

    fn add<E: Entry>(&mut self, registry: &Registry<E>, name: &str) {
        let Some(entry) = registry.find(name) else { return };
        let (kind, origin) = (registry.what().to_owned(), entry.origin().clone());
        self.entries.push(Used { kind, name: name.to_owned(), origin });
    }

    pub(crate) fn architecture(&mut self, name: &str) {
        self.add(&self.catalog.architectures, name);
    }

    /// Every kind of layer in the network, those within layers included.
    pub(crate) fn layers(&mut self, plan: &Plan) {
        let kinds: BTreeSet<&str> = plan.rows.iter().map(|row| row.kind.as_str()).collect();
        for kind in kinds {
            self.add(&self.catalog.layers, kind);
        }
    }

    pub(crate) fn vote(&mut self, name: &str) {
        self.add(&self.catalog.votes, name);
    }

    pub(crate) fn loss(&mut self, name: &str) {
        self.add(&self.catalog.losses, name);
    }

    pub(crate) fn transforms<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let names: BTreeSet<&str> = names.collect();
        for name in names {
            self.add(&self.catalog.transforms, name);
        }
    }

    /// Everything, with all metrics that judge the task, as they are all computed.
    pub(crate) fn with_metrics(mut self, task: Task) -> Vec<Used> {
        for entry in judges(self.catalog, task) {
            self.add(&self.catalog.metrics, entry.name());
        }
        self.entries
    }
}

/// Compares what an experiment used with what the catalog has now; gives warnings where it differs.
///
/// # Errors
/// [`Code::MissingExtension`] for everything that is not there, with where it came from.
pub(crate) fn compare(
    catalog: &Catalog,
    entries: &[Used],
    experiment: &Path,
) -> Result<Vec<String>> {
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    for used in entries {
        match origin_now(catalog, used) {
            None => problems.push(missing(used, experiment)),
            Some(now) => warnings.extend(difference(used, &now)),
        }
    }
    problems.into_result()?;
    Ok(warnings)
}

fn origin_now(catalog: &Catalog, used: &Used) -> Option<Origin> {
    let name = used.name.as_str();
    match used.kind.as_str() {
        "layer" => catalog.layers.find(name).map(|entry| entry.origin.clone()),
        "architecture" => catalog.architectures.find(name).map(|entry| entry.origin.clone()),
        "vote" => catalog.votes.find(name).map(|entry| entry.origin.clone()),
        "metric" => catalog.metrics.find(name).map(|entry| entry.origin.clone()),
        "loss" => catalog.losses.find(name).map(|entry| entry.origin.clone()),
        "transform" => catalog.transforms.find(name).map(|entry| entry.origin.clone()),
        _ => None,
    }
}

fn missing(used: &Used, experiment: &Path) -> Error {
    let Used { kind, name, origin } = used;
    let (from, help) = match origin {
        Origin::BuiltIn => ("the program".to_owned(), "use the version that wrote it".to_owned()),
        Origin::Plugin { plugin, version, file, blake3 } => (
            format!("the plugin {plugin} {version} ({}, BLAKE3 {blake3})", file.display()),
            "pass the folder that holds it with --plugins".to_owned(),
        ),
        Origin::Script { file, line, .. } => (
            format!("the script {}, line {line}", file.display()),
            format!(
                "run the script that registers it before (host inspect: --script FILE); a copy is in {}",
                experiment.join("scripts").display()
            ),
        ),
    };
    let message = format!("the experiment uses the {kind} {name:?} of {from}, which is not loaded");
    Error::new(Code::MissingExtension, message).at(Place::File(experiment.into())).help(help)
}

fn words(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "this program".into(),
        Origin::Plugin { .. } => format!("the {origin}"),
        Origin::Script { .. } => format!("the script {origin}"),
    }
}

fn difference(used: &Used, now: &Origin) -> Option<String> {
    let Used { kind, name, origin: then } = used;
    let said = |then: String, now: String| {
        Some(format!("the {kind} {name:?} is that of {now}; the experiment used that of {then}"))
    };
    match (then, now) {
        (
            Origin::Plugin { plugin: p1, version: v1, blake3: h1, .. },
            Origin::Plugin { plugin: p2, version: v2, blake3: h2, .. },
        ) => match (p1, h1) == (p2, h2) {
            true => None,
            false if (p1, v1) == (p2, v2) => said(
                format!("the plugin {p1} {v1}"),
                format!("another build of the plugin {p2} {v2}"),
            ),
            false => said(format!("the plugin {p1} {v1}"), format!("the plugin {p2} {v2}")),
        },
        (Origin::Script { blake3: h1, file, .. }, Origin::Script { blake3: h2, .. }) => {
            match h1 == h2 {
                true => None,
                false => said(
                    format!("the script {}", file.display()),
                    "a script with another text".to_owned(),
                ),
            }
        }
        (then, now) if then == now => None,
        (then, now) => said(words(then), words(now)),
    }
}
