//! `host learning-curve`.

use std::process::ExitCode;

use neurhai_core::trials::State;
use neurhai_core::trials::curve::{Run, points};
use neurhai_core::{Code, Error};
use serde_json::{Map, Value, json};

use super::misused;
use super::trials::{TrialArgs, stopped, without_script, write_report};
use crate::plugins::Options;
use crate::trials::Planned;
use crate::{html, output, show};

/// Train a script with more and more of its training participants, and compare
///
/// Of each class the same share is taken; a smaller share is part of a larger one. Validation stays the
/// same. Each training is an experiment folder. Stopped in whatever way, the same command goes on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shares of the training participants
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_value = "0.25,0.5,0.75,1")]
    fractions: Vec<f64>,

    /// Trainings of each share, with the seeds after the script's
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,

    #[command(flatten)]
    shared: TrialArgs,
}

pub(super) fn run(args: &Args, plugins: &Options) -> ExitCode {
    curve(args, plugins).unwrap_or_else(|code| code)
}

fn curve(args: &Args, plugins: &Options) -> Result<ExitCode, ExitCode> {
    check(args).map_err(misused)?;
    let configuration = args.shared.configuration()?;
    let study = args.shared.study(configuration, plugins)?;
    let seed = study.option("seed").and_then(Value::as_u64).unwrap_or_default();
    let trials = args.shared.open(&study, json!({ "kind": "learning curve" }))?;
    let mut fractions = args.fractions.clone();
    fractions.sort_by(f64::total_cmp);
    fractions.dedup();
    let mut runs = Vec::new();
    for fraction in fractions {
        for seed in (seed..).take(usize::from(args.repeats)) {
            runs.push(Run { name: format!("fraction-{fraction}-seed-{seed}"), fraction, seed });
        }
    }
    let options = |run: &Run| -> Map<String, Value> {
        let pairs = [("train_fraction", json!(run.fraction)), ("seed", json!(run.seed))];
        pairs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    };
    let planned: Vec<Planned> =
        runs.iter().map(|run| Planned { name: run.name.clone(), options: options(run) }).collect();
    let read = || points(&trials, &runs, &study.judge);
    let written = || read().map(drop);
    written().map_err(without_script)?;
    let complete = args.shared.run(&study, &trials, &planned, plugins, &written)?;
    let found = read().map_err(without_script)?;
    write_report(&trials, html::learning_curve(&found, &study.judge, &trials))?;
    if args.shared.json {
        let found = json!({ "judged_by": study.judge, "points": found });
        output::line(&found.to_string());
    } else {
        output::line(&show::learning_curve(&found, &study.judge, trials.folder()));
    }
    if !complete {
        return Ok(stopped());
    }
    let done = |run: &Run| trials.state(&run.name).is_ok_and(|state| state == State::Finished);
    Ok(if runs.iter().any(done) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(args: &Args) -> neurhai_core::Result<()> {
    let wrong = |message: String, help: &str| Error::new(Code::BadOption, message).help(help);
    if let Some(share) = args.fractions.iter().find(|share| !(**share >= 1e-6 && **share <= 1.0)) {
        let message = format!("{share} is no share of the training participants");
        return Err(wrong(
            message,
            "give numbers above 0 and up to 1: --fractions 0.25,0.5,0.75,1",
        ));
    }
    for option in ["train_fraction", "seed", "output"] {
        if args.shared.sets(option) {
            let message = format!("{option} is different in each training, and cannot be set");
            return Err(wrong(message, "leave it out, or set it in the script or a file"));
        }
    }
    Ok(())
}
