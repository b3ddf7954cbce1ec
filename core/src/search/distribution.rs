//! What one option is drawn from.

use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result, did_you_mean};
use crate::random::Random;

/// A distribution. But for the last, they are those of ClinicaDL's random search.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Fixed(Value),
    /// One of a list, each equally often.
    Choice(Vec<Value>),
    /// A number from `[low, high)`.
    Uniform(f64, f64),
    /// A whole number, both bounds included.
    RandInt(i64, i64),
    /// 10^(−u), u uniform from `[low, high)`: `[3, 5]` gives 1e-5 to 1e-3.
    Exponent(f64, f64),
    /// A number whose logarithm is uniform, from two above 0: `[1e-5, 1e-3]`.
    LogUniform(f64, f64),
}

const NAMES: [&str; 6] = ["fixed", "choice", "uniform", "randint", "exponent", "log_uniform"];

/// How distributions are written.
const HELP: &str = "it is one of { fixed = VALUE }, { choice = [VALUE, …] }, { uniform = [LOW, HIGH] }, \
     { randint = [LOW, HIGH] }, { exponent = [LOW, HIGH] } for 10^-u, { log_uniform = [LOW, HIGH] }";

impl Distribution {
    /// `{ choice: [4, 8] }`: a name with what belongs to it.
    ///
    /// # Errors
    /// [`Code::BadOption`] for what is none.
    pub fn read(value: &Value) -> Result<Self> {
        let mut entries = value.as_object().into_iter().flatten();
        match (entries.next(), entries.next()) {
            (Some((name, value)), None) if name == "fixed" => Ok(Self::Fixed(value.clone())),
            (Some((name, Value::Array(list))), None) => Self::named(name, list.clone()),
            (Some((name, value)), None) if NAMES.contains(&name.as_str()) => {
                let message = format!("{name} needs a list, not {value}");
                Err(Error::new(Code::BadOption, message).help(HELP))
            }
            (Some((name, _)), None) => Err(unknown(name)),
            _ => {
                let message = format!("{value} is no distribution");
                Err(Error::new(Code::BadOption, message).help(HELP))
            }
        }
    }

    /// A distribution by its name, with its bounds or choices.
    ///
    /// # Errors
    /// [`Code::BadOption`] for an unknown name, and bounds or choices that do not fit.
    pub fn named(name: &str, values: Vec<Value>) -> Result<Self> {
        let wrong = |what: &str| {
            let given = Value::from(values.clone());
            Error::new(Code::BadOption, format!("{name} needs {what}, not {given}"))
        };
        let bounds = || match &values[..] {
            [low, high] => Some((low.as_f64()?, high.as_f64()?)),
            _ => None,
        };
        let bounds = || bounds().filter(|(low, high)| low <= high);
        match name {
            "fixed" => match &values[..] {
                [one] => Ok(Self::Fixed(one.clone())),
                _ => Err(wrong("one value")),
            },
            "choice" if values.is_empty() => Err(wrong("one value or more")),
            "choice" => Ok(Self::Choice(values)),
            "randint" => match &values[..] {
                [low, high] => match (low.as_i64(), high.as_i64()) {
                    (Some(low), Some(high)) if low <= high => Ok(Self::RandInt(low, high)),
                    _ => Err(wrong("two whole numbers, the lower one first")),
                },
                _ => Err(wrong("two whole numbers, the lower one first")),
            },
            "uniform" | "exponent" | "log_uniform" => {
                let (low, high) =
                    bounds().ok_or_else(|| wrong("two numbers, the lower one first"))?;
                match name {
                    "uniform" => Ok(Self::Uniform(low, high)),
                    "exponent" if low.abs().max(high.abs()) > 300.0 => {
                        Err(wrong("two numbers within ±300"))
                    }
                    "exponent" => Ok(Self::Exponent(low, high)),
                    _ if low <= 0.0 => Err(wrong("two numbers above 0")),
                    _ => Ok(Self::LogUniform(low, high)),
                }
            }
            _ => Err(unknown(name)),
        }
    }

    /// A value.
    pub fn draw(&self, random: &mut Random) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Choice(list) => list[random.below(list.len() as u64) as usize].clone(),
            Self::Uniform(low, high) => json!(random.uniform(*low, *high)),
            Self::RandInt(low, high) => {
                let width = high.abs_diff(*low).saturating_add(1);
                json!(low.saturating_add_unsigned(random.below(width)))
            }
            Self::Exponent(low, high) => json!(10f64.powf(-random.uniform(*low, *high))),
            Self::LogUniform(low, high) => {
                let drawn = random.uniform(low.ln(), high.ln()).exp();
                json!(drawn.clamp(*low, *high))
            }
        }
    }

    /// Values that say for all draws whether an option can have them: the choices, or the bounds and
    /// something between.
    pub(super) fn examples(&self) -> Vec<Value> {
        match self {
            Self::Fixed(value) => vec![value.clone()],
            Self::Choice(list) => list.clone(),
            Self::RandInt(low, high) => vec![json!(low), json!(high)],
            Self::Uniform(low, high) => {
                vec![json!(low), json!(high), json!(low + (high - low) * 0.382)]
            }
            Self::Exponent(low, high) => [*low, *high, low + (high - low) * 0.382]
                .map(|power| json!(10f64.powf(-power)))
                .to_vec(),
            Self::LogUniform(low, high) => {
                vec![json!(low), json!(high), json!(low + (high - low) * 0.382)]
            }
        }
    }

    /// As it is written.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Fixed(value) => json!({ "fixed": value }),
            Self::Choice(list) => json!({ "choice": list }),
            Self::Uniform(low, high) => json!({ "uniform": [low, high] }),
            Self::RandInt(low, high) => json!({ "randint": [low, high] }),
            Self::Exponent(low, high) => json!({ "exponent": [low, high] }),
            Self::LogUniform(low, high) => json!({ "log_uniform": [low, high] }),
        }
    }

    /// JSON Schema of how distributions are written.
    pub(crate) fn schema() -> Value {
        let two = |of: &str| json!({ "type": "array", "items": { "type": of }, "minItems": 2, "maxItems": 2 });
        let of = |name: &str| match name {
            "fixed" => json!(true),
            "choice" => json!({ "type": "array", "minItems": 1 }),
            "randint" => two("integer"),
            _ => two("number"),
        };
        let properties: Map<String, Value> =
            NAMES.iter().map(|name| ((*name).to_owned(), of(name))).collect();
        json!({
            "description": HELP,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

fn unknown(name: &str) -> Error {
    let near = did_you_mean(name, NAMES);
    Error::new(Code::BadOption, format!("there is no distribution {name:?}{near}")).help(HELP)
}
