//! Options with types, ranges and defaults: one schema for layers, architectures and training,
//! checked the same way whether they come from a script, a JSON file or a program.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Problems, Result, did_you_mean};
use crate::network::LayerSpec;

pub mod schema;

/// A value as it stands in a table: text as it is, everything else as JSON.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// What an option may hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// A whole number within bounds, both included.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number within bounds, both included.
    Float {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// `true` for the usual folder, `false` for none, or the path of one.
    Folder,
    /// One of several words.
    Choice {
        /// The words.
        of: Vec<String>,
    },
    /// One whole number for all spatial axes, or a list with one per axis.
    Sizes {
        /// Smallest value on any axis.
        min: i64,
    },
    /// A list of whole numbers, or one number for a list of one.
    Ints,
    /// A list of numbers within bounds, both included.
    Floats {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// A list of texts, or one text for a list of one.
    Texts,
    /// A list of layers.
    Layers,
    /// A list of lists of layers.
    Branches,
    /// A map of further options, judged by whoever they are for.
    Map,
    /// A list of names, each alone or in a map with options of its own.
    Named,
}

impl Kind {
    /// The type and range in words, for messages and help.
    pub fn describe(&self) -> String {
        let range = |low: String, high: Option<String>| match high {
            Some(high) => format!(" from {low} to {high}"),
            None => format!(" of at least {low}"),
        };
        match self {
            Self::Int { min: i64::MIN, .. } => "a whole number".into(),
            Self::Int { min, max } => {
                let high = (*max < i64::from(i32::MAX)).then(|| max.to_string());
                format!("a whole number{}", range(min.to_string(), high))
            }
            Self::Float { min: f64::NEG_INFINITY, .. } => "a number".into(),
            Self::Float { min, max } => {
                let high = (*max < f64::MAX).then(|| max.to_string());
                format!("a number{}", range(min.to_string(), high))
            }
            Self::Bool => "true or false".into(),
            Self::Text => "a text".into(),
            Self::Folder => "true, false or a folder".into(),
            Self::Choice { of } => format!("one of {}", of.join(", ")),
            Self::Sizes { min } => {
                format!("a whole number of at least {min}, or a list with one per axis")
            }
            Self::Ints => "a whole number or a list of them".into(),
            Self::Floats { min, max } => format!("a list of numbers from {min} to {max}"),
            Self::Texts => "a text or a list of texts".into(),
            Self::Layers => "a list of layers".into(),
            Self::Branches => "a list of lists of layers".into(),
            Self::Map => "a map".into(),
            Self::Named => "a list of names, or of maps with a name and options".into(),
        }
    }

    /// [`Kind::describe`] with the bound that a value has broken, be it ever so large.
    fn wanted(&self, value: &Value) -> String {
        match self {
            Self::Int { min, max } if value.as_f64().is_some_and(|v| v > *max as f64) => {
                format!("a whole number from {min} to {max}")
            }
            _ => self.describe(),
        }
    }

    /// Whether the value is of this type and within its range.
    pub fn fits(&self, value: &Value) -> bool {
        self.accept(value).is_some()
    }

    /// The value in the form the getters expect, or `None` if it does not fit.
    pub(crate) fn accept(&self, value: &Value) -> Option<Value> {
        let whole = |v: &Value| {
            // Beyond 2⁵³ it is not known which whole number was meant.
            let exact = |f: &f64| f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_992.0;
            v.as_i64().or_else(|| v.as_f64().filter(exact).map(|f| f as i64))
        };
        match self {
            Self::Int { min, max } => {
                whole(value).filter(|v| (min..=max).contains(&v)).map(Value::from)
            }
            Self::Float { min, max } => {
                value.as_f64().filter(|v| (min..=max).contains(&v)).map(Value::from)
            }
            Self::Bool => value.as_bool().map(Value::from),
            Self::Text => value.as_str().map(Value::from),
            Self::Folder => {
                let named = value.as_str().is_some_and(|path| !path.is_empty());
                (named || value.is_boolean()).then(|| value.clone())
            }
            Self::Choice { of } => {
                value.as_str().filter(|v| of.iter().any(|word| word == v)).map(Value::from)
            }
            Self::Sizes { min } => match value {
                Value::Array(list) => {
                    let list: Option<Vec<i64>> =
                        list.iter().map(|v| whole(v).filter(|v| v >= min)).collect();
                    list.filter(|list| !list.is_empty()).map(Value::from)
                }
                one => whole(one).filter(|v| v >= min).map(Value::from),
            },
            Self::Ints => {
                let one = std::slice::from_ref(value);
                let list = value.as_array().map_or(one, Vec::as_slice);
                let list: Option<Vec<i64>> = list.iter().map(whole).collect();
                list.map(Value::from)
            }
            Self::Floats { min, max } => {
                let within = |v: &Value| v.as_f64().filter(|v| (min..=max).contains(&v));
                value.as_array()?.iter().map(within).collect::<Option<Vec<_>>>().map(Value::from)
            }
            Self::Texts => match value {
                Value::String(one) => Some(Value::from(vec![one.clone()])),
                Value::Array(list) => list.iter().all(Value::is_string).then(|| value.clone()),
                _ => None,
            },
            Self::Layers | Self::Branches => value.is_array().then(|| value.clone()),
            Self::Map => value.is_object().then(|| value.clone()),
            Self::Named => {
                let one = std::slice::from_ref(value);
                let list = value.as_array().map_or(one, Vec::as_slice);
                list.iter().map(named).collect::<Option<Vec<_>>>().map(Value::from)
            }
        }
    }
}

/// `"x"` or `{"name": "x", …}` in the second form.
fn named(value: &Value) -> Option<Value> {
    match value {
        Value::String(name) => Some(serde_json::json!({ "name": name })),
        Value::Object(map) => map.get("name")?.is_string().then(|| value.clone()),
        _ => None,
    }
}

/// What an option is when it is not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Default {
    /// It must be given.
    Required,
    /// This value.
    Value(Value),
    /// Absent: whoever reads it decides, as the text says.
    Absent(String),
}

/// One option of a layer, an architecture or of training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionSpec {
    /// The name, PyTorch's where it has one.
    pub name: String,
    /// What it may hold.
    #[serde(flatten)]
    pub kind: Kind,
    /// What it is when not given.
    pub default: Default,
    /// One line of help, with the unit where there is one.
    pub help: String,
}

impl OptionSpec {
    /// An option that must be given.
    pub fn required(name: &str, kind: Kind, help: &str) -> Self {
        Self { name: name.into(), kind, default: Default::Required, help: help.into() }
    }

    /// An option with a default.
    pub fn new(name: &str, kind: Kind, default: impl Into<Value>, help: &str) -> Self {
        let default = Default::Value(default.into());
        Self { name: name.into(), kind, default, help: help.into() }
    }

    /// An option that may be absent; `meaning` says what happens then.
    pub fn absent(name: &str, kind: Kind, meaning: &str, help: &str) -> Self {
        Self {
            name: name.into(),
            kind,
            default: Default::Absent(meaning.into()),
            help: help.into(),
        }
    }
}

/// Options that were checked against their schema, with the defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    values: Map<String, Value>,
}

impl Options {
    /// Checks `given` against `specs`. `owner` is who has the options, in words: `layer "conv"`.
    ///
    /// # Errors
    /// Every unknown, missing, mistyped and out-of-range option, all at once.
    pub fn check(specs: &[OptionSpec], given: &Map<String, Value>, owner: &str) -> Result<Self> {
        let mut problems = Problems::default();
        let names = || specs.iter().map(|spec| spec.name.as_str());
        for key in given.keys().filter(|key| !names().any(|name| name == key.as_str())) {
            problems.push(unknown(specs, key, owner));
        }
        let mut values = Map::new();
        for spec in specs {
            match (given.get(&spec.name), &spec.default) {
                (Some(Value::Null), Default::Absent(_)) | (None, Default::Absent(_)) => {}
                (Some(value), _) => match spec.kind.accept(value) {
                    Some(value) => drop(values.insert(spec.name.clone(), value)),
                    None => problems.push(misfit(spec, value, owner)),
                },
                (None, Default::Value(value)) => {
                    drop(values.insert(spec.name.clone(), value.clone()))
                }
                (None, Default::Required) => problems.push(
                    Error::new(
                        Code::MissingOption,
                        format!("{owner} needs the option {:?}: {}", spec.name, spec.help),
                    )
                    .at(Place::Option(spec.name.clone()))
                    .help(format!("it is {}", spec.kind.describe())),
                ),
            }
        }
        problems.into_result()?;
        Ok(Self { values })
    }

    /// Options that passed [`Options::check`] before, as a layer of a network keeps them.
    pub(crate) fn checked(values: Map<String, Value>) -> Self {
        Self { values }
    }

    /// All values, defaults included, in the schema's order.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Whether the option has a value.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn get<'a, T>(&'a self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T> {
        self.values.get(name).and_then(read).ok_or_else(|| {
            Error::new(Code::Internal, format!("option {name:?} was read against its schema"))
        })
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Result<i64> {
        self.get(name, Value::as_i64)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<f64> {
        self.get(name, Value::as_f64)
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.get(name, Value::as_bool)
    }

    /// A text or chosen word.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.get(name, Value::as_str)
    }

    /// A list of whole numbers.
    pub fn ints(&self, name: &str) -> Result<Vec<i64>> {
        self.get(name, |v| v.as_array()?.iter().map(Value::as_i64).collect())
    }

    /// A list of numbers.
    pub fn floats(&self, name: &str) -> Result<Vec<f64>> {
        self.get(name, |v| v.as_array()?.iter().map(Value::as_f64).collect())
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        self.get(name, |v| v.as_array()?.iter().map(|v| Some(v.as_str()?.to_owned())).collect())
    }

    /// A list of names with options.
    pub fn named(&self, name: &str) -> Result<Vec<(String, Map<String, Value>)>> {
        self.get(name, |v| {
            let pairs = v.as_array()?.iter().map(|item| {
                let mut options = item.as_object()?.clone();
                let name = options.remove("name")?.as_str()?.to_owned();
                Some((name, options))
            });
            pairs.collect()
        })
    }

    /// A map.
    pub fn map(&self, name: &str) -> Result<&Map<String, Value>> {
        self.get(name, Value::as_object)
    }

    /// One size per spatial axis; a single number counts for all `axes`.
    pub fn sizes(&self, name: &str, axes: usize) -> Result<Vec<i64>> {
        let sizes = self.get(name, |v| match v {
            Value::Array(list) => list.iter().map(Value::as_i64).collect(),
            one => Some(vec![one.as_i64()?; axes]),
        })?;
        if sizes.len() == axes {
            return Ok(sizes);
        }
        Err(Error::new(
            Code::BadOption,
            format!(
                "option {name:?} has {} values, but the input has {axes} spatial axes",
                sizes.len()
            ),
        )
        .at(Place::Option(name.into()))
        .help("give one number for all axes, or one per axis"))
    }

    /// A list of layers.
    pub fn layers(&self, name: &str) -> Result<Vec<LayerSpec>> {
        LayerSpec::list(self.get(name, Some)?)
    }

    /// A list of lists of layers.
    pub fn branches(&self, name: &str) -> Result<Vec<Vec<LayerSpec>>> {
        self.get(name, Value::as_array)?.iter().map(LayerSpec::list).collect()
    }
}

/// The error of an option that `owner` does not have.
pub(crate) fn unknown(specs: &[OptionSpec], key: &str, owner: &str) -> Error {
    let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let near = did_you_mean(key, names.iter().copied());
    let list = if names.is_empty() { "none".into() } else { names.join(", ") };
    Error::new(Code::UnknownOption, format!("{owner} has no option {key:?}{near}"))
        .at(Place::Option(key.into()))
        .help(format!("its options are: {list}"))
}

/// The error of a value that an option of `owner` cannot have.
pub(crate) fn misfit(spec: &OptionSpec, value: &Value, owner: &str) -> Error {
    let (name, wanted) = (&spec.name, spec.kind.wanted(value));
    let message = format!("option {name:?} of {owner} must be {wanted}, not {}", shorten(value));
    Error::new(Code::BadOption, message).at(Place::Option(name.clone()))
}

/// A value as it appears in a message: its JSON, cut where it is long.
fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(57).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests;
