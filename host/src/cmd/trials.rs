//! What `host search` and `host learning-curve` share: a script that trains once, again and again with
//! other options.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use neurhai_core::files::text_hash;
use neurhai_core::trials::{Judge, State, Trials};
use neurhai_core::{Code, Error, Task};
use serde_json::{Map, Value, json};

use super::{ScriptArgs, failed, misused, page};
use crate::configuration::Configuration;
use crate::functions::Training;
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::runtime::{Ending, Mode};
use crate::show::trials::{drawn, failure};
use crate::show::{duration, figure};
use crate::signals;
use crate::trials::{Planned, Runner, Told};

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
        Trials::open(&self.output, &definition.into()).map_err(without_script)
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
            stop: &study.stop,
        };
        let mut problem = None;
        let complete = runner.run(all, &mut |told| {
            let ended = matches!(told, Told::Ended(..));
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
            let score = trials.score(&planned.name, &study.judge).ok().and_then(|score| score.mean);
            let score = score.map_or_else(|| "n/a".to_owned(), |score| figure(score, 4));
            let (name, metric) = (&planned.name, &study.judge.metric);
            output::note(&format!("{name} ends with {metric} {score} ({})", duration(*seconds)));
        }
        Told::Ended(planned, ..) => {
            let why = trials.why(&planned.name).unwrap_or_default();
            output::note(&failure(&planned.name, &why));
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
