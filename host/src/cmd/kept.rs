//! The script that is kept with an experiment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::catalog::Origin;
use neurhai_core::{Experiment, Result, Used};

use super::{Registering, failed_at, misused};
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::runtime::Runtime;

/// The script that registers what an experiment used.
#[derive(Debug, clap::Args)]
pub(super) struct Kept {
    /// A script that registers what the experiment used; by default the one that is kept with it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Arguments for the script: --name value …; those not given are as the experiment was run with
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(super) arguments: Vec<String>,
}

impl Kept {
    /// The script that the command asks for or that is kept with the experiment in `maps`, and the
    /// arguments that it is called with; [`Registering::runtime_for`] takes those given.
    pub(super) fn registering(&self, maps: &Path, experiment: &Experiment) -> Result<Registering> {
        let script = self.script.clone().or_else(|| kept_script(maps, experiment));
        Ok(Registering { script, arguments: arguments(&self.arguments, experiment)? })
    }

    /// A runtime that knows what the experiment in `maps` used.
    pub(super) fn runtime(
        &self,
        maps: &PathBuf,
        plugins: &Options,
    ) -> std::result::Result<Runtime, ExitCode> {
        let experiment = Experiment::open(maps)
            .map_err(|error| failed_at([maps], &Failure::from(error), &Sources::default()))?;
        let registering = self.registering(maps, &experiment).map_err(misused)?;
        registering.runtime_for(&self.arguments, plugins)
    }
}

/// The script that an experiment was run with, as it is kept with it, where it registered something
/// that was used.
fn kept_script(maps: &Path, experiment: &Experiment) -> Option<PathBuf> {
    let file = |used: &Used| match &used.origin {
        Origin::Script { file, .. } => file.extension().is_some(),
        _ => false,
    };
    experiment.entries.iter().find(|used| file(used))?;
    let text = std::fs::read(maps.join("script.rhai")).ok()?;
    let same = |path: &PathBuf| std::fs::read(path).is_ok_and(|other| other == text);
    let files = std::fs::read_dir(maps.join("scripts")).ok()?;
    files.flatten().map(|entry| entry.path()).find(same)
}

/// The arguments that the script is called with: those given, and of the others those that the
/// experiment was run with.
fn arguments(given: &[String], experiment: &Experiment) -> Result<Vec<String>> {
    let pairs = Arguments::parse(given)?.pairs();
    let mut words = Vec::new();
    for (name, then) in &experiment.arguments {
        match pairs.iter().find(|(other, _)| other == name) {
            Some((_, now)) if now != then => {
                output::note(&format!(
                    "note: --{name} is {now}, the experiment was run with {then}"
                ));
            }
            Some(_) => {}
            None => words.push(format!("--{name}={then}")),
        }
    }
    words.extend(pairs.into_iter().map(|(name, value)| format!("--{name}={value}")));
    Ok(words)
}
