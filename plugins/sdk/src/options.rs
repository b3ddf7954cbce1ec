use serde_json::{Map, Value};

use crate::call::{Failure, Outcome};
use crate::{Error, LayerSpec, Result};

/// Options as the host hands them over: checked against the entry's schema, defaults filled in.
///
/// A getter fails only where the schema and the code that reads it disagree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    values: Map<String, Value>,
}

impl Options {
    /// Options from values, for tests.
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values }
    }

    /// All values, in order.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Whether the option has a value.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn get<'a, T>(
        &'a self,
        name: &str,
        what: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T> {
        let Some(value) = self.values.get(name) else {
            return Err(format!("the option {name:?} has no value").into());
        };
        read(value)
            .ok_or_else(|| Error::from(format!("the option {name:?} is {value}, not {what}")))
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is absent or something else; so for all getters.
    pub fn int(&self, name: &str) -> Result<i64> {
        self.get(name, "a whole number", whole)
    }

    /// A number.
    pub fn float(&self, name: &str) -> Result<f64> {
        self.get(name, "a number", Value::as_f64)
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.get(name, "true or false", Value::as_bool)
    }

    /// A text or chosen word.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.get(name, "a text", Value::as_str)
    }

    /// A list of whole numbers.
    pub fn ints(&self, name: &str) -> Result<Vec<i64>> {
        self.get(name, "a list of whole numbers", |v| v.as_array()?.iter().map(whole).collect())
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        self.get(name, "a list of texts", |v| {
            v.as_array()?.iter().map(|v| Some(v.as_str()?.to_owned())).collect()
        })
    }

    /// One size per spatial axis; a single number counts for all `axes`.
    pub fn sizes(&self, name: &str, axes: usize) -> Result<Vec<i64>> {
        let what = format!("a whole number, or {axes} of them");
        self.get(name, &what, |v| match v {
            Value::Array(list) if list.len() == axes => list.iter().map(whole).collect(),
            Value::Array(_) => None,
            one => Some(vec![whole(one)?; axes]),
        })
    }

    /// A list of layers.
    pub fn layers(&self, name: &str) -> Result<Vec<LayerSpec>> {
        self.get(name, "a list of layers", |v| {
            v.as_array()?.iter().map(LayerSpec::from_json).collect()
        })
    }
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|v| v.fract() == 0.0).map(|v| v as i64))
}

/// Reads a JSON object; an empty text counts as an empty one.
pub(crate) fn object(text: &str) -> Outcome<Map<String, Value>> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(Failure::Invalid(format!("expected a JSON object, not {other}"))),
        Err(error) => Err(Failure::Invalid(format!("text that is no JSON: {error}"))),
    }
}

/// Takes options out of a request.
pub(crate) fn take_options(request: &mut Map<String, Value>) -> Outcome<Options> {
    match request.remove("options") {
        Some(Value::Object(values)) => Ok(Options { values }),
        None => Ok(Options::default()),
        Some(_) => Err(Failure::Invalid("the request's options are no JSON object".into())),
    }
}

/// A list of whole numbers in a request, such as a shape.
pub(crate) fn shape(request: &Map<String, Value>, key: &str) -> Outcome<Vec<i64>> {
    request
        .get(key)
        .and_then(Value::as_array)
        .and_then(|list| list.iter().map(Value::as_i64).collect())
        .ok_or_else(|| Failure::Invalid(format!("the request has no shape {key:?}")))
}
