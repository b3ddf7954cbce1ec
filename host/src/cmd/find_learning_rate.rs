//! `host find-learning-rate`.

use std::process::ExitCode;

use neurhai_core::train::Sweep;
use serde_json::{Map, json};

use super::{ScriptArgs, exit_code, failed, found_json, misused};
use crate::output;
use crate::plugins::Options;
use crate::runtime::{Ending, Mode};
use crate::show;

/// Try rising learning rates wherever a script trains, and suggest one; no experiment is written
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The smallest learning rate to try [default: 1e-7]
    #[arg(long, value_name = "RATE")]
    from: Option<f64>,

    /// The largest [default: 10]
    #[arg(long, value_name = "RATE")]
    to: Option<f64>,

    /// How many to try, a weight update each [default: 100]
    #[arg(long, value_name = "NUMBER")]
    updates: Option<usize>,

    /// As JSON, with every update
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    script: ScriptArgs,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let given = [
        ("from", args.from.map(|rate| json!(rate))),
        ("to", args.to.map(|rate| json!(rate))),
        ("updates", args.updates.map(|number| json!(number))),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let sweep = match Sweep::read(&given.collect::<Map<_, _>>()) {
        Ok(sweep) => sweep,
        Err(error) => return misused(error),
    };
    let runtime = match args.script.runtime(Mode::FindLearningRate(sweep), plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&args.script.script).and_then(|ending| {
        runtime.check_overrides()?;
        Ok(ending)
    });
    let found = runtime.found_rates();
    if args.json {
        found_json("found", &found, ending.as_ref().err());
    } else {
        found.iter().for_each(|rates| output::line(&show::found_rates(rates)));
    }
    match ending {
        Ok(Ending::ResultsNeeded(Some(place))) => {
            output::note(&format!("what follows {place} needs results and was not run"));
            ExitCode::SUCCESS
        }
        Ok(_) => {
            if found.is_empty() {
                output::note("the script trains nothing");
            }
            ExitCode::SUCCESS
        }
        Err(failure) if args.json => exit_code(&failure),
        Err(failure) => failed(&failure, runtime.sources()),
    }
}
