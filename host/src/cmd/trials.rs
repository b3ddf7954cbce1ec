//! What `host search` and `host learning-curve` share: a script that trains once, again and again with
//! other options.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use neurhai_core::files::text_hash;
use neurhai_core::overrides::{Overrides, Source};
use neurhai_core::search::Space;
use neurhai_core::trials::{Judge, State, Trials};
use neurhai_core::{Code, Error, Task};
use serde_json::{Map, Value, json};

use super::{ScriptArgs, failed, folder_of, misused, page};
use crate::configuration::Configuration;
use crate::functions::Training;
use crate::functions::arguments::Arguments;
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::runtime::{Ending, Mode, Runtime, Settings};
use crate::show::trials::{drawn, failure};
use crate::show::{duration, figure};
use crate::trials::{Planned, Runner, Told, threads};
use crate::{signals, standard};

/// How many draws a value is tried with, until it is refused.
const TRIED: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct TrialArgs {
    /// The folder to write; the same command goes on with what is there
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,

    /// How many trainings run at once; each has its share of the threads, and begins when there is memory
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,

    /// The metric in validation to compare by; by default the first of selection_metrics
    #[arg(long)]
    metric: Option<String>,

    /// As JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    script: ScriptArgs,
}

/// The training that is done again and again.
pub(super) struct Study {
    training: Training,
    pub(super) judge: Judge,
    stop: Arc<AtomicBool>,
    definition: Map<String, Value>,
}

impl Study {
    /// The value of one of its options.
    pub(super) fn option(&self, name: &str) -> Option<&Value> {
        let found = self.training.options.iter().find(|(one, _)| one.option == name);
        found.and_then(|(one, _)| one.value.as_ref())
    }
}

impl TrialArgs {
    pub(super) fn configuration(&self) -> Result<Configuration, ExitCode> {
        self.script.given.read(None)
    }

    /// Whether the command line itself sets an option, in whatever way, so that trainings cannot.
    pub(super) fn sets(&self, option: &str) -> bool {
        let set = Configuration::read(&[], &self.script.given.set, None);
        set.is_ok_and(|set| set.overrides.sets(option))
    }

    /// Finds out what the script trains, without training.
    pub(super) fn study(
        &self,
        configuration: Configuration,
        plugins: &Options,
    ) -> Result<Study, ExitCode> {
        let script = &self.script.script;
        let runtime = self.script.runtime_with(configuration.overrides, Mode::Resolve, plugins)?;
        let ending = runtime.run_file(script);
        let ending = ending.map_err(|failure| failed(&failure, runtime.sources()))?;
        let told = |error: Error| failed(&Failure::from(error), runtime.sources());
        runtime.check_overrides().map_err(told)?;
        let mut trainings = runtime.trainings();
        let training = match (trainings.pop(), trainings.len()) {
            (Some(training), 0) => training,
            (None, _) => {
                let message = match ending {
                    Ending::ResultsNeeded(Some(place)) => {
                        format!("what the script trains depends on the results that {place} needs")
                    }
                    _ => "the script trains nothing".into(),
                };
                return Err(told(Error::new(Code::ScriptError, message)));
            }
            (Some(_), more) => {
                let message = format!("the script trains {} times, not once", more + 1);
                let help =
                    "write a script with the one training that is to be done again and again";
                return Err(told(Error::new(Code::ScriptError, message).help(help)));
            }
        };
        let value = |name: &str| {
            let found = training.options.iter().find(|(one, _)| one.option == name);
            found.and_then(|(one, _)| one.value.clone()).unwrap_or_default()
        };
        let task = Task::named(value("task").as_str().unwrap_or_default());
        let kept: Vec<String> =
            serde_json::from_value(value("selection_metrics")).unwrap_or_default();
        let task = task.unwrap_or(Task::Classification);
        let judge = Judge::of(self.metric.as_deref(), &kept, task, &runtime.catalog());
        let judge = judge.map_err(misused)?;
        let (script, imports) = hashes(runtime.sources(), &script.display().to_string());
        let given = training.options.iter().filter(|(one, _)| one.given && one.option != "output");
        let given: Map<String, Value> =
            given.map(|(one, _)| (one.option.clone(), json!(one.value))).collect();
        let definition = json!({
            "script": script,
            "imports": imports,
            "plugins": runtime.catalog().plugins(),
            "arguments": self.script.arguments,
            "options": given,
            "judged_by": judge,
            "program": format!("Neurhai {}", env!("CARGO_PKG_VERSION")),
        });
        let definition = definition.as_object().cloned().unwrap_or_default();
        let stop = runtime.stop();
        drop(runtime);
        Ok(Study { training, judge, stop, definition })
    }

    /// Opens the folder for trainings that are defined by the study and by `more`.
    pub(super) fn open(&self, study: &Study, more: Value) -> Result<Trials, ExitCode> {
        let mut definition = more.as_object().cloned().unwrap_or_default();
        definition.extend(study.definition.clone());
        definition.insert("threads".into(), self.threads().map_err(without_script)?.into());
        Trials::open(&self.output, &definition.into()).map_err(without_script)
    }

    /// The threads of each training.
    fn threads(&self) -> neurhai_core::Result<usize> {
        let before = Trials::defined(&self.output)?;
        let before = before.and_then(|before| before.get("threads")?.as_u64());
        Ok(threads(usize::from(self.jobs), before.map(|before| before as usize)))
    }

    /// Refuses values that none of the trainings with `draws` can have: the script is read with each of
    /// them in place of what is drawn for the same option, without training.
    pub(super) fn check_draws(
        &self,
        space: &Space,
        draws: &[Vec<(String, Value)>],
        plugins: &Options,
    ) -> Result<(), ExitCode> {
        let draws = &draws[..draws.len().min(TRIED)];
        for (option, value) in space.examples() {
            let read = |draw: &Vec<(String, Value)>, told: bool| {
                let with = |(name, drawn): &(String, Value)| {
                    let value = if *name == option { &value } else { drawn };
                    (name.clone(), value.clone())
                };
                let options: Vec<_> = draw.iter().map(with).collect();
                self.read_with(&options, plugins, told)
            };
            if let Some(first) = draws.first()
                && !draws.iter().any(|draw| read(draw, false).is_ok())
            {
                read(first, true)?;
            }
        }
        Ok(())
    }

    /// Reads the script with options of a trial, without training; what is wrong is said where `told`.
    fn read_with(
        &self,
        options: &[(String, Value)],
        plugins: &Options,
        told: bool,
    ) -> Result<(), ExitCode> {
        let mut overrides = self.configuration()?.overrides;
        let source = |path: &[String]| {
            let option = path.join(".");
            let found = options.iter().find(|(name, _)| *name == option);
            let value = found.map_or_else(String::new, |(_, value)| format!(" = {}", drawn(value)));
            Source::Argument(format!("what may be drawn: {option}{value}"))
        };
        let set = overrides.set(&[], tables(options).into(), &source);
        let say = |failure: &Failure, sources: &Sources| match told {
            true => failed(failure, sources),
            false => ExitCode::FAILURE,
        };
        set.map_err(|error| say(&error.into(), &Sources::default()))?;
        let runtime = self.silent(overrides, plugins);
        let runtime = runtime.map_err(|failure| say(&failure, &Sources::default()))?;
        let ending = runtime.run_file(&self.script.script);
        ending.map(drop).map_err(|failure| say(&failure, runtime.sources()))
    }

    /// A runtime that says nothing and trains nothing.
    fn silent(&self, overrides: Overrides, plugins: &Options) -> Result<Runtime, Failure> {
        let folder = folder_of(&self.script.script);
        let mut catalog = standard::catalog()?;
        plugins.load(&mut catalog, Some(&folder))?;
        Runtime::new(Settings {
            catalog: Some(catalog),
            folder: Some(folder),
            arguments: Arguments::parse(&self.script.arguments)?,
            overrides,
            mode: Mode::Resolve,
            stop: signals::stop_flag(),
            ..Settings::default()
        })
    }

    /// Runs what is not done, and calls `written` whenever one has ended. Whether all are done.
    pub(super) fn run(
        &self,
        study: &Study,
        trials: &Trials,
        all: &[Planned],
        plugins: &Options,
        written: &dyn Fn() -> neurhai_core::Result<()>,
    ) -> Result<bool, ExitCode> {
        let mut waiting = false;
        for planned in all {
            waiting |= trials.state(&planned.name).map_err(without_script)? == State::Waiting;
        }
        if waiting {
            let names: Vec<String> = all.iter().map(|planned| planned.name.clone()).collect();
            trials.check_tables(&names).map_err(without_script)?;
        }
        let mut run = vec![OsString::from(&self.script.script)];
        for file in &self.script.given.config {
            run.extend(["--config".into(), file.into()]);
        }
        for text in &self.script.given.set {
            run.extend(["--set".into(), text.into()]);
        }
        let mut arguments: Vec<OsString> = Vec::new();
        if !self.script.arguments.is_empty() {
            arguments.push("--".into());
            arguments.extend(self.script.arguments.iter().map(OsString::from));
        }
        let runner = Runner {
            trials,
            run,
            arguments,
            plugins: plugins.words(),
            jobs: usize::from(self.jobs),
            threads: self.threads().map_err(without_script)?,
            stop: &study.stop,
        };
        let mut problem = None;
        let complete = runner.run(all, &mut |told| {
            let ended = matches!(told, Told::Ended(..) | Told::Stopped(_) | Told::Killed(..));
            tell(trials, study, &told);
            if ended && let Err(error) = written() {
                problem.get_or_insert(error);
            }
        });
        match (complete, problem) {
            (Err(error), _) | (_, Some(error)) => Err(without_script(error)),
            (Ok(complete), None) => Ok(complete),
        }
    }
}

/// The hash of the script that is called `main`, and of all others that it loads, in an order that does
/// not depend on where they lie.
fn hashes(sources: &Sources, main: &str) -> (String, Vec<String>) {
    let mut hashes: Vec<String> =
        sources.all(main).iter().map(|script| text_hash(&script.text)).collect();
    let script = hashes.remove(0);
    hashes.sort_unstable();
    (script, hashes)
}

/// Writes the page of all trainings beside their table.
pub(super) fn write_report(
    trials: &Trials,
    page: neurhai_core::Result<String>,
) -> Result<(), ExitCode> {
    let file = trials.folder().join("report.html");
    page.and_then(|page| page::write(&file, &page)).map_err(without_script)
}

/// The exit code of trainings that were stopped.
pub(super) fn stopped() -> ExitCode {
    output::note("the same command goes on with what is left");
    ExitCode::from(signals::exit_code())
}

pub(super) fn without_script(error: Error) -> ExitCode {
    failed(&Failure::from(error), &Sources::default())
}

fn tell(trials: &Trials, study: &Study, told: &Told<'_>) {
    let progress = matches!(told, Told::Begins(..) | Told::Ended(_, State::Finished, _));
    if progress && output::manner().quiet {
        return;
    }
    match told {
        Told::Begins(planned, state) => {
            let words = if *state == State::Begun { "goes on" } else { "begins" };
            output::note(&format!("{} {words}: {}", planned.name, options(&planned.options)));
        }
        Told::Ended(planned, State::Finished, seconds) => {
            let score = trials.score(&planned.name, &study.judge).unwrap_or_default();
            let score = match score.mean {
                Some(mean) => figure(mean, 4),
                None => score.gaps().unwrap_or_else(|| "n/a".into()),
            };
            let (name, metric) = (&planned.name, &study.judge.metric);
            output::note(&format!("{name} ends with {metric} {score} ({})", duration(*seconds)));
        }
        Told::Ended(planned, ..) => {
            let why = trials.why(&planned.name).unwrap_or_default();
            output::note(&failure(&planned.name, &why));
        }
        Told::Killed(planned, why) => {
            output::note(&format!("{} is tried once more: it was {why}", planned.name));
        }
        Told::Stopped(planned) => output::note(&format!("{} was stopped", planned.name)),
        Told::Locked(planned) => {
            output::note(&format!("{} waits for a process that still writes to it", planned.name));
        }
        Told::Memory => output::note("the next training waits until there is memory for it"),
    }
}

/// `epochs = 3, options.width = 8`
fn options(map: &Map<String, Value>) -> String {
    let of = |(key, value): (&String, &Value)| match value {
        Value::Object(inner) => {
            inner.iter().map(|(name, value)| format!("{key}.{name} = {}", drawn(value))).collect()
        }
        value => vec![format!("{key} = {}", drawn(value))],
    };
    map.iter().flat_map(of).collect::<Vec<String>>().join(", ")
}

/// Options by their paths as the tables that a configuration file holds.
pub(super) fn tables(options: &[(String, Value)]) -> Map<String, Value> {
    let mut map = Map::new();
    for (path, value) in options {
        match path.split_once('.') {
            None => drop(map.insert(path.clone(), value.clone())),
            Some((outer, name)) => {
                map.entry(outer).or_insert_with(|| json!({}))[name] = value.clone();
            }
        }
    }
    map
}
