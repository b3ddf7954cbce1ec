//! Every option of a training with the value it would have.

use serde::Serialize;
use serde_json::{Map, Value};

use super::config::Config;
use super::named::Named;
use super::session::Session;
use super::unused::check_unused;
use crate::data;
use crate::error::{Problems, Result};
use crate::options::{Default, OptionSpec, Options};
use crate::{optimizer, sampler, schedule};

/// An option and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolved {
    /// Its path: `epochs`, `data.normalize`, `options.width`.
    pub option: String,
    /// The value; none where it is left out, and `meaning` says what happens then.
    pub value: Option<Value>,
    /// What it means that there is no value.
    pub meaning: Option<String>,
    /// Whether it was given, and is not a default.
    pub given: bool,
}

/// All options that a training with these would have, those of what it names among them: of its
/// architecture, loss, optimizer, schedule, sampler and vote. No file is looked at.
///
/// # Errors
/// Every option that is wrong in itself, as when training begins.
pub fn resolve(given: &Map<String, Value>, session: &Session<'_>) -> Result<Vec<Resolved>> {
    let config = Config::read(given)?;
    let mut problems = Problems::default();
    problems.take(check_unused(&config));
    let named = problems.take(Named::find(&config, session));
    let mut inner: Vec<(&str, Vec<OptionSpec>)> = vec![("data", data::options::specs())];
    if let Some(named) = &named {
        let architecture = &named.architecture;
        let options = config.train.map("options")?;
        let owner = format!("architecture {:?}", architecture.name);
        let checked = Options::check(&architecture.options, options, &owner);
        problems.take(checked.map_err(|error| error.within("options")));
        inner.push(("options", architecture.options.clone()));
        inner.push(("loss_options", named.objective.loss.info.options.clone()));
        let vote = session.catalog.votes.get(config.train.text("vote")?)?;
        inner.push(("vote_options", vote.info.options.clone()));
    }
    let name = |option| config.train.has(option).then(|| config.train.text(option)).transpose();
    let (by, rate, draws) = (name("optimizer")?, name("schedule")?, name("sampler")?);
    let by = optimizer::infos().into_iter().find(|info| Some(&*info.name) == by);
    inner.extend(by.map(|info| ("optimizer_options", info.options)));
    let rate = schedule::infos().into_iter().find(|info| Some(&*info.name) == rate);
    inner.extend(rate.map(|info| ("schedule_options", info.options)));
    let draws = sampler::infos().into_iter().find(|info| Some(&*info.name) == draws);
    inner.extend(draws.map(|info| ("sampler_options", info.options)));
    problems.into_result()?;

    let mut all = Vec::new();
    for spec in super::options() {
        match inner.iter().find(|(name, _)| *name == spec.name) {
            Some((name, specs)) => {
                let values = given.get(*name).and_then(Value::as_object);
                all.extend(specs.iter().map(|spec| {
                    let one = one(spec, values);
                    Resolved { option: format!("{name}.{}", spec.name), ..one }
                }));
            }
            // The options of a schedule that there is none of.
            None if spec.name.ends_with("_options") => {}
            None => all.push(one(&spec, Some(given))),
        }
    }
    Ok(all)
}

fn one(spec: &OptionSpec, given: Option<&Map<String, Value>>) -> Resolved {
    let given = given.and_then(|given| given.get(&spec.name)).filter(|value| !value.is_null());
    let (value, meaning) = match (given, &spec.default) {
        (Some(value), _) => (spec.kind.accept(value), None),
        (None, Default::Value(value)) => (Some(value.clone()), None),
        (None, Default::Absent(meaning)) => (None, Some(meaning.clone())),
        (None, Default::Required) => (None, None),
    };
    Resolved { option: spec.name.clone(), value, meaning, given: given.is_some() }
}
