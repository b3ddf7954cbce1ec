//! `host check`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::{Code, Error};

use super::{GivenOptions, ScriptArgs, exit_code, failed, found_json, misused, show_config};
use crate::output;
use crate::plugins::Options;
use crate::runtime::{Ending, Mode, Runtime};
use crate::show;

mod data;

/// Check a script, or data: everything short of training, all problems at once
///
/// Of a script: its options, its network and its data. Of a CAPS: every image, once; of tables and
/// splits: ids, cells, classes and who is on which side. All images that Clinica made are looked at;
/// with --preprocessing or --custom-suffix only these, which then every session must have. The exit code
/// is 1 where an error was found.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A script, a CAPS, a table of participants or of cohorts (.tsv), a folder of splits, or an image
    path: PathBuf,

    /// Only show this of the script, without looking at its data
    #[arg(long, value_name = "WHAT")]
    show: Option<Show>,

    #[command(flatten)]
    given: GivenOptions,

    #[command(flatten)]
    data: data::Data,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Arguments for the script: --name value …
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// What can be shown of a script.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Show {
    /// Every option, its value, and where that comes from
    Config,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    if data::is_data(&args.path) {
        let of_script = args.show.is_some() || args.given.is_given();
        if of_script {
            let message = "--show, --set and --config are for scripts, not for data";
            return misused(Error::new(Code::BadOption, message));
        }
        return data::run(&args.path, &args.data, args.json);
    }
    if let Some(option) = args.data.given() {
        let message = format!("{option} is for data, but a script says itself which data it means");
        return misused(Error::new(Code::BadOption, message));
    }
    if args.path.extension().is_none_or(|kind| kind != "rhai") {
        let path = args.path.display().to_string();
        let error = match args.path.exists() {
            true => Error::new(Code::BadOption, format!("{path:?} is no script, nor data")),
            false => Error::new(Code::FileNotFound, format!("there is nothing at {path:?}")),
        };
        return misused(error.help(
            "name a script (.rhai), a CAPS, a table (.tsv), a folder of splits or an image",
        ));
    }
    let script = ScriptArgs { script: args.path, given: args.given, arguments: args.arguments };
    if let Some(Show::Config) = args.show {
        return show_config::run(&script, args.json, plugins);
    }
    let runtime = match script.runtime(Mode::Check, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let ending = runtime.run_file(&script.script).and_then(|ending| {
        runtime.check_overrides()?;
        Ok(ending)
    });
    let reports = runtime.reports();
    if args.json {
        found_json("reports", &reports, ending.as_ref().err());
    } else {
        for report in &reports {
            output::line(&show::check_report(&runtime.catalog(), report));
        }
    }
    match ending {
        Ok(ending) => verdict(&ending, &runtime, args.json),
        Err(failure) if args.json => exit_code(&failure),
        Err(failure) => failed(&failure, runtime.sources()),
    }
}

/// What a script that runs to its end comes to.
fn verdict(ending: &Ending, runtime: &Runtime, json: bool) -> ExitCode {
    let reports = runtime.reports();
    let wrong: usize = reports.iter().map(|report| report.errors()).sum();
    let text = match ending {
        _ if wrong > 0 => "it would run, but on data with errors".to_owned(),
        Ending::ResultsNeeded(Some(place)) => {
            format!("ready to run; what follows {place} needs results and was not checked")
        }
        _ if reports.is_empty() => "the script trains nothing".to_owned(),
        _ => "ready to run".to_owned(),
    };
    if json {
        output::note(&text)
    } else {
        output::line(&text)
    }
    ExitCode::from(u8::from(wrong > 0))
}
