//! `host resume`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::train::{Standing, reached, resume, standing};
use neurhai_core::{Experiment, Result};

use super::{Kept, Registering, failed, failed_at, misused};
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

    #[command(flatten)]
    kept: Kept,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let experiment = match Experiment::open(&args.maps) {
        Ok(experiment) => experiment,
        Err(error) => {
            return failed_at([&args.maps], &Failure::from(error), &Sources::default());
        }
    };
    let registering = match args.kept.registering(&args.maps, &experiment) {
        Ok(registering) => registering,
        Err(error) => return misused(error),
    };
    if args.dry_run {
        return match told(&args, &registering, &experiment) {
            Ok(lines) => {
                lines.iter().for_each(|line| output::line(line));
                ExitCode::SUCCESS
            }
            Err(error) => failed(&Failure::from(error), &Sources::default()),
        };
    }
    let runtime = match registering.runtime_for(&args.kept.arguments, plugins) {
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

/// What was found and what would be done, in lines.
fn told(args: &Args, registering: &Registering, experiment: &Experiment) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if let Some(script) = &registering.script {
        let words = [&[script.display().to_string()], &registering.arguments[..]].concat();
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
