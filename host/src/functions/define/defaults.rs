//! Options by their defaults, which also say what they may be.

use neurhai_core::options::{Kind, OptionSpec};
use neurhai_core::{Code, Error, Place, Problems, Result};
use serde_json::Value;

use crate::value::{describe, to_json};

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
        let Some(value) = problems.take(to_json(default).map_err(|error| error.at(here()))) else {
            continue;
        };
        match kind_of(&value) {
            Some(kind) => specs.push(OptionSpec::new(key, kind, value, "")),
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
