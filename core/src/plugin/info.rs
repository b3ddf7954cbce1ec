//! What a plugin says about an entry, as JSON.

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result, did_you_mean};
use crate::layer::Example;
use crate::metric::Direction;
use crate::options::{Kind, OptionSpec};

fn bad(message: String) -> Error {
    Error::new(Code::BadPlugin, message).help("neurhai.h says what `info` holds")
}

/// The keys of an entry's info, taken one by one; what is left over is a mistake.
pub(super) struct Info(Map<String, Value>);

impl Info {
    pub(super) fn new(info: Map<String, Value>) -> Self {
        Self(info)
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn finish(self, known: &[&str]) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => {
                let near = did_you_mean(key, known.iter().copied());
                Err(bad(format!("its info has the unknown key {key:?}{near}")))
            }
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String> {
        match self.0.remove(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(bad(format!("{key:?} of its info must be a text, not {other}"))),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<bool> {
        match self.0.remove(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(bad(format!("{key:?} of its info must be a flag, not {other}"))),
        }
    }

    pub(super) fn count(&mut self, key: &str) -> Result<usize> {
        match self.0.remove(key) {
            None => Ok(0),
            Some(value) => value
                .as_u64()
                .map(|count| count as usize)
                .ok_or_else(|| bad(format!("{key:?} of its info must be a count, not {value}"))),
        }
    }

    pub(super) fn options(&mut self) -> Result<Vec<OptionSpec>> {
        let list = match self.0.remove("options") {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(bad("\"options\" of its info must be a list".into())),
        };
        let mut specs: Vec<OptionSpec> = Vec::new();
        for value in list {
            let spec = option(value)?;
            if specs.iter().any(|other| other.name == spec.name) {
                return Err(bad(format!("it has two options {:?}", spec.name)));
            }
            specs.push(spec);
        }
        Ok(specs)
    }

    pub(super) fn direction(&mut self) -> Result<Direction> {
        match self.text("direction")?.as_str() {
            "higher" => Ok(Direction::Higher),
            "lower" => Ok(Direction::Lower),
            _ => Err(bad(
                "a metric's info says which \"direction\" is better: higher or lower".into()
            )),
        }
    }

    pub(super) fn range(&mut self) -> Result<(f64, f64)> {
        let bounds = match self.0.remove("range") {
            None => return Ok((f64::NEG_INFINITY, f64::INFINITY)),
            Some(Value::Array(list)) => list,
            Some(_) => Vec::new(),
        };
        let bound = |value: &Value, open: f64| match value {
            Value::Null => Some(open),
            value => value.as_f64(),
        };
        match &bounds[..] {
            [low, high] => bound(low, f64::NEG_INFINITY).zip(bound(high, f64::INFINITY)),
            _ => None,
        }
        .filter(|(low, high)| low < high)
        .ok_or_else(|| bad("\"range\" of its info must be [lowest, highest]".into()))
    }

    pub(super) fn example(&mut self) -> Result<Example> {
        let shape = |value: Option<&Value>| -> Option<Vec<i64>> {
            let sizes: Option<Vec<i64>> = value?.as_array()?.iter().map(Value::as_i64).collect();
            sizes.filter(|sizes| !sizes.is_empty() && sizes.iter().all(|size| *size > 0))
        };
        let example = self.0.remove("example").unwrap_or_default();
        let layers = example.get("layers").filter(|layers| layers.is_array());
        match (layers, shape(example.get("input")), shape(example.get("output"))) {
            (Some(layers), Some(input), Some(output)) => {
                Ok(Example::new(layers.clone(), &input, &output))
            }
            _ => Err(bad(
                "a layer's info has an \"example\": {\"layers\": […], \"input\": […], \"output\": […]}"
                    .into(),
            )),
        }
    }
}

fn option(value: Value) -> Result<OptionSpec> {
    let Value::Object(mut map) = value else {
        return Err(bad(format!("an option must be an object, not {value}")));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = match map.remove("name") {
        Some(Value::String(name)) if !name.is_empty() && name.chars().all(plain) => name,
        _ => return Err(bad("an option has no \"name\" of letters, digits and _".into())),
    };
    let wrong = |what: &str| bad(format!("option {name:?}: {what}"));
    let text = |value: Option<Value>, what: &str| match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(&format!("{what:?} must be a text"))),
    };
    let help = text(map.remove("help"), "help")?.unwrap_or_default();
    let absent = text(map.remove("absent"), "absent")?;
    let default = map.remove("default");
    let kind = kind(&mut map).map_err(|what| wrong(&what))?;
    if let Some(key) = map.keys().next() {
        return Err(wrong(&format!("the unknown key {key:?}")));
    }
    let spec = match (default, absent) {
        (Some(_), Some(_)) => return Err(wrong("it has both \"default\" and \"absent\"")),
        (Some(value), None) => {
            let Some(value) = kind.accept(&value) else {
                return Err(wrong(&format!("its default must be {}", kind.describe())));
            };
            OptionSpec::new(&name, kind, value, &help)
        }
        (None, Some(meaning)) => OptionSpec::absent(&name, kind, &meaning, &help),
        (None, None) => OptionSpec::required(&name, kind, &help),
    };
    Ok(spec)
}

fn kind(map: &mut Map<String, Value>) -> Result<Kind, String> {
    let kind = map.remove("type");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut whole = |key: &str, open: i64| match map.remove(key) {
        None => Ok(open),
        Some(value) => value.as_i64().ok_or_else(|| format!("{key:?} must be a whole number")),
    };
    Ok(match kind.as_str() {
        "int" => Kind::Int { min: whole("min", i64::MIN)?, max: whole("max", i64::MAX)? },
        "sizes" => Kind::Sizes { min: whole("min", 0)? },
        "float" => {
            let mut number = |key: &str, open: f64| match map.remove(key) {
                None => Ok(open),
                Some(value) => value.as_f64().ok_or_else(|| format!("{key:?} must be a number")),
            };
            Kind::Float {
                min: number("min", f64::NEG_INFINITY)?,
                max: number("max", f64::INFINITY)?,
            }
        }
        "choice" => {
            let of = map.remove("of");
            let of: Option<Vec<String>> = of
                .as_ref()
                .and_then(Value::as_array)
                .and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect());
            match of {
                Some(of) if !of.is_empty() => Kind::Choice { of },
                _ => return Err("\"of\" must list the words to choose from".into()),
            }
        }
        "bool" => Kind::Bool,
        "text" => Kind::Text,
        "ints" => Kind::Ints,
        "texts" => Kind::Texts,
        "layers" => Kind::Layers,
        "branches" => Kind::Branches,
        "map" => Kind::Map,
        other => return Err(format!("there is no type {other:?}")),
    })
}
