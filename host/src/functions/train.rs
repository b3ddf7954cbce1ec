//! `train` and `check`: a run, or everything short of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neurhai_core::overrides::Replaced;
use neurhai_core::train::{
    self, CheckReport, Event, FoundRates, Outcome, Resolved, Session, Sweep,
};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext, Position};
use serde::Serialize;
use serde_json::{Map, Value};

use super::data::Data;
use super::found::Found;
use super::{Shared, raise, raise_with};
use crate::report::{CallSite, option_site};
use crate::runtime::Mode;
use crate::sandbox::{Halt, unmeasured};
use crate::show;
use crate::value::{from_json, map_to_json};

/// A finished run, as scripts hold it; without an outcome where nothing was trained.
#[derive(Clone)]
struct Run {
    output: String,
    outcome: Option<Arc<Outcome>>,
}

type Given<T> = std::result::Result<T, Box<EvalAltResult>>;

impl Run {
    /// The results, or the quiet end of a script that needs them although nothing was trained.
    fn outcome(&self) -> Given<&Outcome> {
        self.outcome.as_deref().ok_or_else(halted)
    }

    /// The scores of a group.
    fn table(&self, group: &str) -> Given<String> {
        let outcome = self.outcome()?;
        if outcome.results.iter().any(|result| result.group == group) {
            return Ok(show::results(outcome, group));
        }
        if outcome.results.is_empty() {
            return Err(raise(no_model()));
        }
        let message = format!("the run has no results for the group {group:?}");
        let error = Error::new(Code::UnknownName, message);
        Err(raise(error.help("its groups are \"train\" and \"validation\"")))
    }

    /// The validation score of a metric at image level: by the model that was best by it where one
    /// was kept, otherwise by the first that was; the mean over the splits.
    fn best(&self, metric: &str) -> Given<f64> {
        let outcome = self.outcome()?;
        let splits: std::collections::BTreeSet<_> =
            outcome.results.iter().map(|result| result.split).collect();
        let score = |split: &usize| {
            let first = outcome.results.iter().find(|result| result.split == *split)?;
            let by = |selection: &str| outcome.value(*split, selection, "validation", metric);
            by(metric).or_else(|| by(&first.selection_metric))
        };
        let scores: Option<Vec<f64>> = splits.iter().map(score).collect();
        match scores.filter(|scores| !scores.is_empty()) {
            Some(scores) => Ok(scores.iter().sum::<f64>() / scores.len() as f64),
            None if outcome.results.is_empty() => Err(raise(no_model())),
            None => {
                let names: Vec<_> = outcome.results.first().map_or_else(Vec::new, |result| {
                    result.scores.iter().map(|score| score.metric.as_str()).collect()
                });
                let near = neurhai_core::error::did_you_mean(metric, names.iter().copied());
                let message = format!("the run has no value of {metric:?}{near}");
                let help = format!("its metrics are: {}", names.join(", "));
                Err(raise(Error::new(Code::UnknownName, message).help(help)))
            }
        }
    }
}

/// Why there are no results.
fn no_model() -> Error {
    let message = "no model was kept, because no selection metric was ever defined in validation";
    Error::new(Code::UndefinedMetric, message).help(
        "select by the loss, too: selection_metrics: [\"loss\"]; or let validation hold what the \
         metric needs, such as every class",
    )
}

/// The quiet end of a script that needs what was not computed.
pub(super) fn halted() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Halt::Checked), Position::NONE))
}

/// Training has ended, however it did.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Shared {
    /// Calls the core with what surrounds a run of this script.
    pub(crate) fn in_session<T>(
        &self,
        replaced: &[Replaced],
        work: impl FnOnce(&Session<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.training.swap(true, Ordering::Relaxed) {
            return Err(Error::new(
                Code::ScriptError,
                "a function that training calls cannot train or check by itself",
            )
            .help("call train at the top level of the script"));
        }
        let _done = Done(&self.training);
        self.traces().begin();
        let catalog = self.catalog();
        let main = self.traces().script.clone();
        let mut scripts = main.map_or_else(Vec::new, |main| self.sources.all(&main));
        if let Some(main) = scripts.first_mut() {
            main.arguments = self.arguments.pairs();
            main.replaced = replaced.to_vec();
        }
        let session = Session {
            catalog: &catalog,
            scripts: &scripts,
            stop: &self.stop,
            events: &self.events,
        };
        unmeasured(|| work(&session))
    }
}

/// The options of a call, and what is known about where they come from.
struct Options {
    values: Map<String, Value>,
    givers: BTreeMap<String, CallSite>,
    texts: BTreeMap<String, String>,
    replaced: Vec<Replaced>,
}

impl Options {
    /// The options of the `call`th training, or of a call that is none, with those in place of the
    /// script's.
    fn read(shared: &Shared, map: &rhai::Map, call: Option<usize>) -> Given<Self> {
        let mut values = map_to_json(map).map_err(raise)?;
        shared.traces().others |= call.is_none();
        let replaced = shared.overrides.apply(call, &mut values);
        let data = map.get("data").and_then(|data| data.read_lock::<Data>());
        let givers = data.map_or_else(BTreeMap::new, |data| data.givers().clone());
        let inner = values.get("data").and_then(Value::as_object).into_iter().flatten();
        let texts = inner.chain(&values);
        let texts =
            texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Ok(Self { texts: texts.collect(), values, givers, replaced })
    }

    fn raise(self, error: Error) -> Box<EvalAltResult> {
        raise_with(error, self.givers, self.texts, self.replaced)
    }
}

fn run(ctx: &NativeCallContext<'_>, shared: &Shared, map: &rhai::Map) -> Given<Run> {
    let number = shared.traces().trained;
    shared.traces().trained += 1;
    let options = Options::read(shared, map, Some(number))?;
    if shared.mode == Mode::Run {
        tell_replaced(shared, number, &options.replaced);
    }
    let output = options.texts.get("output").cloned().unwrap_or_default();
    let outcome = match shared.mode {
        Mode::Run => match shared
            .in_session(&options.replaced, |session| train::run(&options.values, session))
        {
            Ok(outcome) => Some(Arc::new(outcome)),
            Err(error) => return Err(options.raise(error)),
        },
        Mode::Check => {
            let report = check_options(shared, options)?;
            shared.traces().reports.push(report);
            None
        }
        Mode::FindLearningRate(sweep) => {
            let found = try_rates(shared, options, &sweep)?;
            shared.traces().found_rates.push(found);
            None
        }
        Mode::Resolve => {
            let training = resolve(ctx, shared, number, options)?;
            shared.traces().trainings.push(training);
            None
        }
        Mode::Define => None,
    };
    Ok(Run { output, outcome })
}

/// What is easily missed of options in place of the script's.
fn tell_replaced(shared: &Shared, number: usize, replaced: &[Replaced]) {
    let tell = |text: String| (shared.events)(&Event::Warning { text });
    let dropped = replaced.iter().filter(|one| one.value.is_none());
    for Replaced { option, from, .. } in dropped {
        tell(format!("{option} of the script is left out: {from} names something else"));
    }
    if number == 1 && !replaced.is_empty() {
        tell(
            "options in place of the script's hold for all its trainings, unless a number as in \
              train.0.epochs says for which"
                .into(),
        );
    }
}

/// The options of a training of a script.
#[derive(Debug, Clone, Serialize)]
pub struct Training {
    /// Which of the script's it is, from 0.
    pub number: usize,
    /// Where the script trains: `study.rhai:12`.
    pub at: String,
    /// Each option, and where its value comes from: `default`, `study.rhai:14`, `study.toml:3`, or
    /// what was written after `--set`.
    pub options: Vec<(Resolved, String)>,
}

fn resolve(
    ctx: &NativeCallContext<'_>,
    shared: &Shared,
    number: usize,
    options: Options,
) -> Given<Training> {
    let resolved = shared.in_session(&[], |session| train::resolve(&options.values, session));
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(error) => return Err(options.raise(error)),
    };
    let call = CallSite::of(ctx);
    let line = |site: &CallSite| format!("{}:{}", site.source, site.line);
    let source = |one: &Resolved| {
        if let Some(replaced) = options.replaced.iter().find(|other| other.option == one.option) {
            return replaced.from.clone();
        }
        match one.given {
            true => line(&option_site(shared, &call, &options.givers, &one.option)),
            false => "default".into(),
        }
    };
    let options = resolved.into_iter().map(|one| {
        let source = source(&one);
        (one, source)
    });
    Ok(Training { number, at: line(&call), options: options.collect() })
}

fn check_options(shared: &Shared, options: Options) -> Given<CheckReport> {
    shared
        .in_session(&options.replaced, |session| train::check(&options.values, session))
        .map_err(|error| options.raise(error))
}

fn check(shared: &Shared, map: &rhai::Map) -> Given<Found<CheckReport>> {
    let options = Options::read(shared, map, None)?;
    Ok(Found::new(match shared.mode {
        Mode::Resolve | Mode::Define => None,
        _ => Some(check_options(shared, options)?),
    }))
}

fn try_rates(shared: &Shared, options: Options, sweep: &Sweep) -> Given<FoundRates> {
    shared
        .in_session(&options.replaced, |session| {
            train::find_learning_rate(&options.values, sweep, session)
        })
        .map_err(|error| options.raise(error))
}

/// The rate to train with.
fn suggestion(found: &FoundRates) -> Given<f64> {
    found.suggestion.ok_or_else(|| {
        let message = format!("no learning rate can be suggested: {}", show::no_rate(found));
        let help = "take more updates or larger batches, try smaller rates, with another `from`, or \
                    look at the data and the loss";
        raise(Error::new(Code::UnknownName, message).help(help))
    })
}

fn find_rates(shared: &Shared, map: &rhai::Map, sweep: &rhai::Map) -> Given<Found<FoundRates>> {
    let sweep = map_to_json(sweep).and_then(|sweep| Sweep::read(&sweep)).map_err(raise)?;
    let options = Options::read(shared, map, None)?;
    Ok(Found::new(match shared.mode {
        Mode::Run | Mode::FindLearningRate(_) => Some(try_rates(shared, options, &sweep)?),
        Mode::Check => {
            check_options(shared, options)?;
            None
        }
        Mode::Resolve | Mode::Define => None,
    }))
}

/// A part of the results as a script's value.
pub(super) fn to_value<T: serde::Serialize>(part: &T) -> Given<Dynamic> {
    let json = serde_json::to_value(part).map_err(|error| {
        raise(Error::new(Code::Internal, "results cannot be read").because(error))
    })?;
    Ok(from_json(&json))
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let (for_run, for_check) = (Arc::clone(shared), Arc::clone(shared));
    engine
        .register_fn("train", move |ctx: NativeCallContext<'_>, map: rhai::Map| {
            run(&ctx, &for_run, &map)
        })
        .register_type_with_name::<Run>("Run")
        .register_get("maps", |run: &mut Run| run.output.clone())
        .register_get("classes", |run: &mut Run| to_value(&run.outcome()?.classes))
        .register_get("results", |run: &mut Run| to_value(&run.outcome()?.results))
        .register_fn("best", |run: &mut Run, metric: &str| run.best(metric))
        .register_fn("table", |run: &mut Run| run.table("validation"))
        .register_fn("table", |run: &mut Run, group: &str| run.table(group))
        .register_fn("to_string", |run: &mut Run| run.table("validation"))
        .register_fn("check", move |map: rhai::Map| check(&for_check, &map))
        .register_type_with_name::<Found<CheckReport>>("Check")
        .register_get("parameters", |check: &mut Found<CheckReport>| -> Given<i64> {
            Ok(check.get()?.parameters)
        })
        .register_get("classes", |check: &mut Found<CheckReport>| {
            check.part(|found| &found.classes)
        });
    let (plain, full) = (Arc::clone(shared), Arc::clone(shared));
    engine
        .register_fn("find_learning_rate", move |map: rhai::Map| {
            find_rates(&plain, &map, &rhai::Map::new())
        })
        .register_fn("find_learning_rate", move |map: rhai::Map, sweep: rhai::Map| {
            find_rates(&full, &map, &sweep)
        })
        .register_type_with_name::<Found<FoundRates>>("Rates")
        .register_get("suggestion", |rates: &mut Found<FoundRates>| suggestion(rates.get()?))
        .register_get("points", |rates: &mut Found<FoundRates>| rates.part(|found| &found.points))
        .register_fn("to_string", |rates: &mut Found<FoundRates>| {
            rates.get().map(show::found_rates)
        });
    let shared = Arc::clone(shared);
    engine.register_fn("to_string", move |check: &mut Found<CheckReport>| -> Given<String> {
        Ok(show::check_report(&shared.catalog(), check.get()?))
    });
}
