//! Options by their defaults, which also say what they may be.

use neurhai_core::error::did_you_mean;
use neurhai_core::options::{Kind, OptionSpec};
use neurhai_core::{Code, Error, Place, Problems, Result};
use rhai::{Dynamic, Engine};
use serde_json::Value;

use crate::value::{describe, to_json};

/// A default with what else is known about the option, as `option(2, #{ min: 1 })` gives it.
#[derive(Clone)]
pub(super) struct Described {
    default: Dynamic,
    about: rhai::Map,
}

/// What an option may be described with.
const ABOUT: [&str; 4] = ["min", "max", "of", "help"];

impl Described {
    /// The option's kind, narrowed by what was said, and its line of help.
    fn narrow(&self, kind: Kind) -> Result<(Kind, String), String> {
        let mut about = self.about.clone();
        if let Some(unknown) = about.keys().find(|key| !ABOUT.contains(&key.as_str())) {
            let near = did_you_mean(unknown, ABOUT);
            return Err(format!("an option is not described by {unknown:?}{near}"));
        }
        let help = about.remove("help").map_or_else(String::new, |help| help.to_string());
        let text = |value: Dynamic| value.into_string().map_err(|_| "of lists texts".to_owned());
        let kind = match (kind, about.remove("of")) {
            (Kind::Text, Some(of)) => match of.into_array() {
                Ok(of) if !of.is_empty() => {
                    Kind::Choice { of: of.into_iter().map(text).collect::<Result<_, _>>()? }
                }
                _ => return Err("of lists the texts to choose from".into()),
            },
            (_, Some(_)) => return Err("only a text is one of several".into()),
            (kind, None) => kind,
        };
        let mut bound = |name: &str, open: f64| match about.remove(name) {
            None => Ok(open),
            Some(bound) => {
                let whole = bound.as_int().map(|whole| whole as f64);
                whole.or_else(|_| bound.as_float()).map_err(|_| format!("{name} is a number"))
            }
        };
        let (low, high) = (bound("min", f64::NEG_INFINITY)?, bound("max", f64::INFINITY)?);
        let open = low == f64::NEG_INFINITY && high == f64::INFINITY;
        Ok(match kind {
            kind if open => (kind, help),
            Kind::Int { .. } => {
                (Kind::Int { min: low.ceil() as i64, max: high.floor() as i64 }, help)
            }
            Kind::Float { .. } => (Kind::Float { min: low, max: high }, help),
            _ => return Err("only a number has bounds".into()),
        })
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Described>("Option")
        .register_fn("option", |default: Dynamic, about: rhai::Map| Described { default, about });
}

/// The options of `owner`; `given` are names that its function is told anyway.
pub(super) fn option_specs(
    owner: &str,
    defaults: &rhai::Map,
    given: &[&str],
) -> Result<Vec<OptionSpec>> {
    let mut problems = Problems::default();
    let mut specs = Vec::new();
    for (key, default) in defaults {
        let here = || Place::Option(key.to_string());
        let bad = |message: String, help: &str| {
            Error::new(Code::BadOption, format!("{owner}: {message}")).at(here()).help(help)
        };
        if given.contains(&key.as_str()) {
            let message = format!("an option cannot be called {key:?}");
            problems.push(bad(message, &format!("{} are there anyway", given.join(", "))));
            continue;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if key.is_empty() || !key.chars().all(plain) {
            let message = format!("an option cannot be called {key:?}");
            problems.push(bad(message, "names are made of letters, digits and _"));
            continue;
        }
        let described = default.read_lock::<Described>().map(|described| described.clone());
        let default = described.as_ref().map_or(default, |described| &described.default);
        let Some(value) = problems.take(to_json(default).map_err(|error| error.at(here()))) else {
            continue;
        };
        match kind_of(&value) {
            Some(kind) => {
                let narrowed = match &described {
                    Some(described) => described.narrow(kind),
                    None => Ok((kind, String::new())),
                };
                match narrowed {
                    Ok((kind, help)) if kind.fits(&value) => {
                        specs.push(OptionSpec::new(key, kind, value, &help));
                    }
                    Ok((kind, _)) => problems.push(bad(
                        format!("the default of {key:?} must be {}", kind.describe()),
                        "an option's default lies within its own bounds",
                    )),
                    Err(message) => problems.push(bad(
                        message,
                        "it is option(default, #{ min: 1, max: 9, of: [texts], help: \"…\" })",
                    )),
                }
            }
            None => problems.push(bad(
                format!("{} is no default that tells what {key:?} may be", describe(default)),
                "a default is a number, a text, true or false, a map, or a list with whole numbers or texts",
            )),
        }
    }
    problems.into_result()?;
    Ok(specs)
}

fn kind_of(default: &Value) -> Option<Kind> {
    match default {
        Value::Bool(_) => Some(Kind::Bool),
        Value::Number(number) if number.is_i64() => {
            Some(Kind::Int { min: i64::MIN, max: i64::MAX })
        }
        Value::Number(_) => Some(Kind::Float { min: f64::NEG_INFINITY, max: f64::INFINITY }),
        Value::String(_) => Some(Kind::Text),
        Value::Object(_) => Some(Kind::Map),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) if list.iter().all(Value::is_i64) => Some(Kind::Ints),
        Value::Array(list) if list.iter().all(Value::is_string) => Some(Kind::Texts),
        _ => None,
    }
}
