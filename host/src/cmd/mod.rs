//! The command line: one file per command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use neurhai_core::overrides::Overrides;
use neurhai_core::{Code, Error};

use crate::configuration::Configuration;
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::{Options, missing_folders, refusal, replacements};
use crate::progress::Progress;
use crate::report::{Failure, Sources};
use crate::runtime::{Mode, Runtime, Settings};
use crate::{signals, standard};
use ended::{USAGE, exit_code, failed, failed_at, found_json, misused};
use kept::Kept;
pub use parse::main;

mod cache;
mod check;
mod compare;
mod completions;
mod definitions;
mod describe;
mod doctor;
mod ended;
mod explain;
mod find_learning_rate;
mod generate;
mod group;
mod help;
mod import;
mod info;
mod inspect;
mod interpret;
mod kept;
mod learning_curve;
mod list;
mod man;
mod new;
mod page;
mod parse;
mod plugins;
mod predict;
mod prepare;
mod preprocessing;
mod repl;
mod report;
mod resume;
mod run;
mod schema;
mod search;
mod show_config;
mod track;
mod trials;
mod tsv;

/// Deep learning on brain images, by scripts.
#[derive(Debug, Parser)]
#[command(name = "host", version = help::VERSION.as_str(), max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Tell no progress: only results, warnings and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Tell errors in full: every problem, cause and call
    #[arg(long, short, global = true)]
    verbose: bool,

    #[command(flatten)]
    plugins: Options,

    /// End when standard input does: for programs that start this one
    #[arg(long, global = true, hide = true)]
    with_parent: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    FindLearningRate(find_learning_rate::Args),
    Search(search::Args),
    LearningCurve(learning_curve::Args),
    Info(info::Args),
    Cache(cache::Args),
    Inspect(inspect::Args),
    List(list::Args),
    Explain(explain::Args),
    Plugins(plugins::Args),
    Prepare(prepare::Args),
    Repl(repl::Args),
    Resume(resume::Args),
    Predict(predict::Args),
    Interpret(interpret::Args),
    Import(import::Args),
    Report(report::Args),
    Compare(compare::Args),
    Describe(describe::Args),
    Track(track::Args),
    Definitions(definitions::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    New(new::Args),
    Schema(schema::Args),
    Tsv(tsv::Args),
    Generate(generate::Args),
}

impl Cli {
    /// Does what was asked for. 0: done. 1: the run or check failed, or a comparison found differences.
    /// 2: a mistake on the command line, or a defect of this program. 128 and its number: a signal asked
    /// for the end, 130 for Ctrl-C, 143 for SIGTERM, 138 for SIGUSR1.
    pub fn run(self) -> ExitCode {
        let plugins = &self.plugins;
        if self.with_parent {
            signals::end_with_parent();
        }
        match self.command {
            Command::Run(args) => run::run(args, plugins),
            Command::Check(args) => check::run(args, plugins),
            Command::FindLearningRate(args) => find_learning_rate::run(args, plugins),
            Command::Search(args) => search::run(&args, plugins),
            Command::LearningCurve(args) => learning_curve::run(&args, plugins),
            Command::Cache(args) => cache::run(&args),
            Command::Info(args) => info::run(&args),
            Command::Inspect(args) => inspect::run(args, plugins),
            Command::List(args) => list::run(&args, plugins),
            Command::Explain(args) => explain::run(args, plugins),
            Command::Plugins(args) => plugins::run(&args, plugins),
            Command::Prepare(args) => prepare::run(args),
            Command::Repl(args) => repl::run(args, plugins),
            Command::Predict(args) => predict::run(args, plugins),
            Command::Interpret(args) => interpret::run(args, plugins),
            Command::Resume(args) => resume::run(args, plugins),
            Command::Report(args) => report::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Describe(args) => describe::run(&args),
            Command::Track(args) => track::run(&args),
            Command::Import(args) => import::run(args, plugins),
            Command::Definitions(args) => definitions::run(&args, plugins),
            Command::Doctor(args) => doctor::run(&args, plugins),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
            Command::New(args) => new::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Tsv(args) => tsv::run(args),
            Command::Generate(args) => generate::run(args),
        }
    }
}

/// A script as `run` and `check` take it.
#[derive(Debug, clap::Args)]
struct ScriptArgs {
    /// The script
    script: PathBuf,

    #[command(flatten)]
    given: GivenOptions,

    /// Arguments for the script: --name value …
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Options in place of those that a script trains with.
#[derive(Debug, clap::Args)]
struct GivenOptions {
    /// Set an option in place of the script's: epochs=3, data.normalize=false, options.width=16;
    /// train.1.epochs=3 is for its second training alone
    #[arg(long, value_name = "OPTION=VALUE")]
    set: Vec<String>,

    /// A .toml or .json file of options in place of the script's; later files win, and --set over all
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

impl GivenOptions {
    fn is_given(&self) -> bool {
        !self.set.is_empty() || !self.config.is_empty()
    }

    /// Reads them, and over them the options of a trial.
    fn read(&self, trial: Option<&Path>) -> Result<Configuration, ExitCode> {
        Configuration::read(&self.config, &self.set, trial).map_err(misused)
    }
}

impl ScriptArgs {
    /// A runtime for the script, which is known to exist.
    fn runtime(&self, mode: Mode, plugins: &Options) -> Result<Runtime, ExitCode> {
        self.runtime_of(None, mode, plugins)
    }

    /// The same with the options of a trial.
    fn runtime_of(
        &self,
        trial: Option<&Path>,
        mode: Mode,
        plugins: &Options,
    ) -> Result<Runtime, ExitCode> {
        let configuration = self.given.read(trial)?;
        if !configuration.search.is_empty() {
            output::note("the table [search] is for host search, and does nothing here");
        }
        self.runtime_with(configuration.overrides, mode, plugins)
    }

    /// The same with options in place of the script's that were read before.
    fn runtime_with(
        &self,
        overrides: Overrides,
        mode: Mode,
        plugins: &Options,
    ) -> Result<Runtime, ExitCode> {
        is_there(&self.script)?;
        let arguments = Arguments::parse(&self.arguments).map_err(misused)?;
        let given = (arguments.clone(), overrides);
        let runtime = runtime(Some(&self.script), given, mode, plugins)?;
        runtime.check_arguments(&self.script, &arguments).map_err(misused)?;
        Ok(runtime)
    }
}

/// A script whose entries count beside those that are there anyway.
#[derive(Debug, clap::Args)]
struct Registering {
    /// A script, for what it registers
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Arguments for the script: --name value …
    #[arg(last = true, value_name = "ARGUMENTS", requires = "script")]
    arguments: Vec<String>,
}

impl Registering {
    /// A runtime in which the script has run, without training anything.
    fn runtime(&self, plugins: &Options) -> Result<Runtime, ExitCode> {
        self.runtime_for(&self.arguments, plugins)
    }

    /// The same, where only the `given` ones of the arguments must be known to the script.
    fn runtime_for(&self, given: &[String], plugins: &Options) -> Result<Runtime, ExitCode> {
        let script = self.script.as_deref();
        script.map_or(Ok(()), is_there)?;
        let arguments = Arguments::parse(&self.arguments).map_err(misused)?;
        let runtime = runtime(script, (arguments, Overrides::default()), Mode::Define, plugins)?;
        if let Some(script) = script {
            let given = Arguments::parse(given).map_err(misused)?;
            runtime.check_arguments(script, &given).map_err(misused)?;
            let run = runtime.run_file(script);
            run.map_err(|failure| failed(&failure, runtime.sources()))?;
        }
        Ok(runtime)
    }
}

fn is_there(script: &Path) -> Result<(), ExitCode> {
    if script.is_file() {
        return Ok(());
    }
    let message = format!("there is no script {:?}", script.display().to_string());
    Err(misused(Error::new(Code::FileNotFound, message)))
}

/// A runtime whose script prints to standard output and tells its progress on standard error.
/// Plugins that are refused are told first, a line each.
fn runtime(
    script: Option<&Path>,
    (arguments, overrides): (Arguments, Overrides),
    mode: Mode,
    plugins: &Options,
) -> Result<Runtime, ExitCode> {
    let progress = Progress::new();
    let folder = script.map(folder_of);
    let loaded = standard::catalog().and_then(|mut catalog| {
        let found = plugins.load(&mut catalog, folder.as_deref())?;
        Ok((catalog, found))
    });
    let (catalog, found) =
        loaded.map_err(|error| failed(&Failure::from(error), &Sources::default()))?;
    for folder in missing_folders().iter().filter(|_| !plugins.no_plugins) {
        output::note(&format!("NEURHAI_PLUGINS: there is no folder {}", folder.display()));
    }
    for refused in found.refused.iter().filter(|refused| !refused.repeated) {
        output::note(&refusal(refused));
    }
    for line in replacements(&found) {
        output::note(&line);
    }
    let settings = Settings {
        catalog: Some(catalog),
        folder,
        arguments,
        overrides,
        mode,
        stop: signals::stop_flag(),
        print: Box::new(move |text, place| {
            let text = match place {
                Some(place) => format!("{place}: {text}"),
                None => text.to_owned(),
            };
            // Where only definitions or JSON are wanted, what a script prints is beside the point.
            if matches!(mode, Mode::Define | Mode::Resolve) || output::manner().json {
                output::note(&text)
            } else {
                output::line(&text)
            }
        }),
        events: Box::new(move |event| {
            progress.show(event);
            crate::track::told(event);
        }),
        ..Settings::default()
    };
    Runtime::new(settings).map_err(|failure| failed(&failure, &Sources::default()))
}

fn folder_of(script: &Path) -> PathBuf {
    match script.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => ".".into(),
    }
}
