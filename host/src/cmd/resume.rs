//! `host resume`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::catalog::Origin;
use neurhai_core::train::{Standing, resume, standing};
use neurhai_core::{Experiment, Used};

use super::{Registering, failed};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
use crate::show;

/// Go on with an experiment that was interrupted, or train a finished one for more epochs
///
/// The result is what it would have been without the interruption, byte by byte. Each split goes on
/// from its last checkpoint; those that were not begun yet are trained, too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// Epochs in all, in place of those that were asked for
    #[arg(long)]
    epochs: Option<usize>,

    /// Only say what was found and what would be done
    #[arg(long)]
    dry_run: bool,

    /// A script that registers what the experiment used; by default the one that is kept with it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Arguments for the script: --name value …
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// The script that an experiment was run with, as it is kept with it, where it registered something
/// that was used.
fn kept_script(maps: &Path) -> Option<PathBuf> {
    let file = |used: &Used| match &used.origin {
        Origin::Script { file, .. } => file.extension().is_some(),
        _ => false,
    };
    Experiment::open(maps).ok().filter(|experiment| experiment.entries.iter().any(file))?;
    let text = std::fs::read(maps.join("script.rhai")).ok()?;
    let same = |path: &PathBuf| std::fs::read(path).is_ok_and(|other| other == text);
    let files = std::fs::read_dir(maps.join("scripts")).ok()?;
    files.flatten().map(|entry| entry.path()).find(same)
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let script = args.script.clone().or_else(|| kept_script(&args.maps));
    let registering = Registering { script, arguments: args.arguments };
    let runtime = match registering.runtime(plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let fail = |error| failed(&Failure::from(error), runtime.sources());
    if args.dry_run {
        return match standing(&args.maps) {
            Ok(splits) => {
                splits.iter().for_each(|(split, standing)| output::line(&told(*split, standing)));
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        };
    }
    match runtime.in_session(|session| resume(&args.maps, args.epochs, session)) {
        Ok(outcome) => {
            output::line(&show::results(&outcome, "validation"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

fn told(split: usize, standing: &Standing) -> String {
    let what = match standing {
        Standing::Absent => "was not begun, and would be trained".into(),
        Standing::Begun(None) => "was begun but has no checkpoint: it would be trained anew".into(),
        Standing::Begun(Some(file)) => format!("would go on from {}", file.display()),
        Standing::Finished(None) => "is finished; its last state is gone".into(),
        Standing::Finished(Some(_)) => "is finished; with more --epochs it would go on".into(),
    };
    format!("split {split} {what}")
}
