//! `host search`.

use std::process::ExitCode;

use neurhai_core::overrides::Source;
use neurhai_core::search::{Distribution, Space};
use neurhai_core::trials::ranking::{Trial, rank, write_search};
use neurhai_core::trials::{State, Trials};
use neurhai_core::{Code, Error, Place, Problems, Result};
use serde_json::{Value, json};

use super::misused;
use super::trials::{Study, TrialArgs, stopped, tables, without_script, write_report};
use crate::configuration::{Configuration, of_text, path};
use crate::plugins::Options;
use crate::trials::Planned;
use crate::{html, output, show};

/// Train a script again and again with options that are drawn at random, and compare
///
/// What is drawn stands in a table [search] of a file for --config, or after --vary. A trial's draws depend
/// on the seed and its number alone. Each trial is an experiment folder; one that fails is noted, and the
/// others go on. Stopped in whatever way, the same command goes on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many trials; with more than before, those that are there already stay
    #[arg(long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u32).range(1..100_000))]
    trials: u32,

    /// Draw an option: "learning_rate=exponent(3, 5)", "options.width=choice(4, 8, 16)"; also uniform(a, b),
    /// randint(a, b), log_uniform(a, b), fixed(a)
    #[arg(long, value_name = "OPTION=DISTRIBUTION")]
    vary: Vec<String>,

    /// The seed of what is drawn
    #[arg(long, default_value = "0")]
    seed: u32,

    #[command(flatten)]
    shared: TrialArgs,
}

pub(super) fn run(args: &Args, plugins: &Options) -> ExitCode {
    search(args, plugins).unwrap_or_else(|code| code)
}

fn search(args: &Args, plugins: &Options) -> std::result::Result<ExitCode, ExitCode> {
    let configuration = args.shared.configuration()?;
    let space = space(args, &configuration).map_err(misused)?;
    let study = args.shared.study(configuration, plugins)?;
    space.check_metric(&study.judge.metric).map_err(misused)?;
    let wanted = args.trials as usize;
    let draw = |number| space.draw(u64::from(args.seed), number);
    args.shared.check_draws(&space, &(0..wanted).map(draw).collect::<Vec<_>>(), plugins)?;
    let more = json!({ "kind": "search", "seed": args.seed, "space": space.to_json() });
    let trials = args.shared.open(&study, more)?;
    // Those of an earlier, longer search stay in the table.
    let all = wanted.max(trials.numbered("trial-").map_err(without_script)?);
    let drawn: Vec<(String, Vec<(String, Value)>)> =
        (0..all).map(|number| (format!("trial-{number:03}"), draw(number))).collect();
    let planned: Vec<Planned> = drawn[..wanted]
        .iter()
        .map(|(name, drawn)| Planned { name: name.clone(), options: tables(drawn) })
        .collect();
    let written =
        || -> Result<()> { write_search(&trials, &read(&trials, &drawn, &study)?, &study.judge) };
    written().map_err(without_script)?;
    let complete = args.shared.run(&study, &trials, &planned, plugins, &written)?;
    let mut all = read(&trials, &drawn, &study).map_err(without_script)?;
    rank(&mut all, &study.judge);
    write_report(&trials, html::search(&all, &study.judge, &trials))?;
    if args.shared.json {
        let found = json!({ "judged_by": study.judge, "trials": all });
        output::line(&found.to_string());
    } else {
        output::line(&show::search(&all, &study.judge, trials.folder()));
    }
    if !complete {
        return Ok(stopped());
    }
    let good = all.iter().any(|trial| trial.state == State::Finished);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(
    trials: &Trials,
    drawn: &[(String, Vec<(String, Value)>)],
    study: &Study,
) -> Result<Vec<Trial>> {
    drawn
        .iter()
        .map(|(name, drawn)| Trial::read(trials, name, drawn.clone(), &study.judge))
        .collect()
}

/// What is searched over: the tables of the files, then what the command line says.
fn space(args: &Args, configuration: &Configuration) -> Result<Space> {
    let mut space = Space::default();
    let mut problems = Problems::default();
    for (table, lines) in &configuration.search {
        let source = |path: &[String]| {
            let path = [&["search".to_owned()], path].concat();
            lines.source(&path)
        };
        let mut own = Space::default();
        problems.take(own.table(table, &source));
        space.replace_by(own);
    }
    let mut own = Space::default();
    for text in &args.vary {
        let source = Source::Argument(format!("--vary {text}"));
        let found = vary(text).map_err(|error| error.at(Place::Given(source.to_string())));
        problems.take(found.and_then(|(path, found)| own.add(&path, found, &source)));
    }
    space.replace_by(own);
    problems.into_result()?;
    if space.options().len() == 0 {
        return Err(Error::new(Code::MissingOption, "nothing is searched over").help(
            "name options with what they are drawn from: --vary \"learning_rate=exponent(3, 5)\", or a \
             table [search] in a file for --config",
        ));
    }
    for option in space.options() {
        if args.shared.sets(option) {
            let message = format!("{option} is set by --set, and cannot be searched over");
            return Err(Error::new(Code::BadOption, message).help("leave one of the two out"));
        }
    }
    if args.shared.sets("output") {
        return Err(Error::new(Code::BadOption, "every trial has an output of its own")
            .at(Place::Given("--set output".into()))
            .help("say with --output where the folder of all trials is"));
    }
    Ok(space)
}

/// `PATH=NAME(VALUE, …)`
fn vary(text: &str) -> Result<(Vec<String>, Distribution)> {
    let wrong = || {
        Error::new(Code::BadOption, "it is no distribution of an option")
            .help("write OPTION=DISTRIBUTION: \"learning_rate=exponent(3, 5)\"")
    };
    let (key, distribution) = text.split_once('=').ok_or_else(wrong)?;
    let path = path(key).ok_or_else(wrong)?;
    let (name, rest) = distribution.trim().split_once('(').ok_or_else(wrong)?;
    let inner = rest.strip_suffix(')').ok_or_else(wrong)?;
    let values = match of_text(&format!("[{inner}]")) {
        Ok(Value::Array(list)) => list,
        // Plain words without quotes.
        _ => {
            let words = inner.split(',').map(|word| of_text(word.trim()));
            words.collect::<std::result::Result<_, _>>().map_err(|_| wrong())?
        }
    };
    Ok((path, Distribution::named(name.trim(), values)?))
}
