//! What an experiment uses beside what is built in: entries of plugins and scripts.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Entry, Origin, Registry};
use crate::error::{Code, Error, Place, Problems, Result};
use crate::network::Plan;

/// An entry of a plugin or script that an experiment uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// `layer`, `vote`, ….
    pub kind: String,
    /// The registered name.
    pub name: String,
    /// Where it came from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// Gathers what an experiment uses.
pub(crate) struct Used<'c> {
    catalog: &'c Catalog,
    extensions: Vec<Extension>,
}

impl<'c> Used<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, extensions: Vec::new() }
    }

    fn add<E: Entry>(&mut self, registry: &Registry<E>, name: &str) {
        let Some(entry) = registry.find(name) else { return };
        if *entry.origin() != Origin::BuiltIn {
            let (kind, name, origin) =
                (registry.what().to_owned(), name.to_owned(), entry.origin().clone());
            self.extensions.push(Extension { kind, name, origin });
        }
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

    /// Everything, with all metrics of the catalog, as they are all computed.
    pub(crate) fn with_metrics(mut self) -> Vec<Extension> {
        for entry in self.catalog.metrics.iter() {
            self.add(&self.catalog.metrics, entry.name());
        }
        self.extensions
    }
}

/// Compares what an experiment used with what the catalog has now; gives warnings where it differs.
///
/// # Errors
/// [`Code::MissingExtension`] for everything that is not there, with where it came from.
pub(crate) fn compare(
    catalog: &Catalog,
    extensions: &[Extension],
    experiment: &Path,
) -> Result<Vec<String>> {
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    for extension in extensions {
        match origin_now(catalog, extension) {
            None => problems.push(missing(extension, experiment)),
            Some(now) => warnings.extend(difference(extension, &now)),
        }
    }
    problems.into_result()?;
    Ok(warnings)
}

fn origin_now(catalog: &Catalog, extension: &Extension) -> Option<Origin> {
    let name = extension.name.as_str();
    match extension.kind.as_str() {
        "layer" => catalog.layers.find(name).map(|entry| entry.origin.clone()),
        "architecture" => catalog.architectures.find(name).map(|entry| entry.origin.clone()),
        "vote" => catalog.votes.find(name).map(|entry| entry.origin.clone()),
        "metric" => catalog.metrics.find(name).map(|entry| entry.origin.clone()),
        "loss" => catalog.losses.find(name).map(|entry| entry.origin.clone()),
        "transform" => catalog.transforms.find(name).map(|entry| entry.origin.clone()),
        _ => None,
    }
}

fn missing(extension: &Extension, experiment: &Path) -> Error {
    let Extension { kind, name, origin } = extension;
    let (from, help) = match origin {
        Origin::BuiltIn => ("the program".to_owned(), "use the version that wrote it".to_owned()),
        Origin::Plugin { plugin, version, file, blake3 } => (
            format!("the plugin {plugin} {version} ({}, BLAKE3 {blake3})", file.display()),
            "pass the folder that holds it with --plugins".to_owned(),
        ),
        Origin::Script { file, line, .. } => (
            format!("the script {}, line {line}", file.display()),
            format!(
                "import the script that registers it; a copy is in {}",
                experiment.join("scripts").display()
            ),
        ),
    };
    let message = format!("the experiment uses the {kind} {name:?} of {from}, which is not loaded");
    Error::new(Code::MissingExtension, message).at(Place::File(experiment.into())).help(help)
}

fn difference(extension: &Extension, now: &Origin) -> Option<String> {
    let Extension { kind, name, origin: then } = extension;
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
        (then, now) => said(then.to_string(), now.to_string()),
    }
}
