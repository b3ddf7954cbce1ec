//! `host resume`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::catalog::Origin;
use neurhai_core::train::{Standing, reached, resume, standing};
use neurhai_core::{Experiment, Result, Used};

use super::{Registering, failed, misused};
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::show;
use crate::track;

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

    #[command(flatten)]
    tracking: track::Options,

    /// A script that registers what the experiment used; by default the one that is kept with it
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Arguments for the script: --name value …; those not given are as the experiment was run with
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let experiment = match Experiment::open(&args.maps) {
        Ok(experiment) => experiment,
        Err(error) => return failed(&Failure::from(error), &Sources::default()),
    };
    let script = args.script.clone().or_else(|| kept_script(&args.maps, &experiment));
    let arguments = match arguments(&args.arguments, &experiment) {
        Ok(arguments) => arguments,
        Err(error) => return misused(error),
    };
    if args.dry_run {
        return match told(&args, script.as_deref(), &arguments, &experiment) {
            Ok(lines) => {
                lines.iter().for_each(|line| output::line(line));
                ExitCode::SUCCESS
            }
            Err(error) => failed(&Failure::from(error), &Sources::default()),
        };
    }
    let runtime = match (Registering { script, arguments }).runtime_for(&args.arguments, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    args.tracking.track.iter().for_each(track::begin);
    let done = runtime.in_session(|session| resume(&args.maps, args.epochs, session));
    track::finish();
    match done {
        Ok(outcome) => {
            output::line(&show::results(&outcome, "validation"));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&Failure::from(error), runtime.sources()),
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

/// What was found and what would be done, in lines.
fn told(
    args: &Args,
    script: Option<&Path>,
    arguments: &[String],
    experiment: &Experiment,
) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if let Some(script) = script {
        let words = [&[script.display().to_string()], arguments].concat();
        lines.push(format!("{} would be loaded", words.join(" ")));
    }
    let asked = experiment.configuration.get("epochs").and_then(serde_json::Value::as_u64);
    let epochs = args.epochs.or(asked.map(|epochs| epochs as usize)).unwrap_or_default();
    for (split, standing) in standing(&args.maps)? {
        lines.push(format!("split {split} {}", of_split(&standing, epochs)?));
    }
    Ok(lines)
}

fn of_split(standing: &Standing, epochs: usize) -> Result<String> {
    let (finished, file) = match standing {
        Standing::Absent => {
            return Ok(format!("was not begun, and would be trained for {epochs} epochs"));
        }
        Standing::Begun(None) => {
            return Ok("was begun but has no checkpoint: it would be trained anew".into());
        }
        Standing::Finished(None) => return Ok("is finished; its last state is gone".into()),
        Standing::Begun(Some(file)) => (false, file),
        Standing::Finished(Some(file)) => (true, file),
    };
    let at = reached(file)?;
    let batches = match at.batch {
        0 => String::new(),
        batch => format!(" and {batch} batches"),
    };
    let stands = format!("after {} epochs{batches}", at.epoch);
    Ok(match (finished, at.stopped, at.epoch < epochs) {
        (true, true, _) => format!("is finished: early stopping ended it {stands}"),
        (true, false, false) => format!("is finished {stands}; with more --epochs it would go on"),
        (false, false, true) | (true, false, true) => {
            format!("would go on to epoch {epochs} from {}, {stands}", file.display())
        }
        (false, ..) => format!("is trained {stands}, and would be evaluated"),
    })
}
