//! Values between scripts and the core: Rhai's `Dynamic` and JSON.

use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, FLOAT, INT, ImmutableString};
use serde_json::{Map, Number, Value};

use crate::functions::data::Data;
use crate::functions::layers::Layer;

/// How deep lists and maps may nest; deeper is a mistake in a script, and would exhaust the stack.
const MAX_DEPTH: usize = 64;

/// The JSON of a script's value.
///
/// # Errors
/// [`Code::BadOption`] for values that are no data, such as functions.
pub fn to_json(value: &Dynamic) -> Result<Value> {
    convert(value, 0)
}

/// The JSON of a script's map.
///
/// # Errors
/// As [`to_json`].
pub fn map_to_json(map: &rhai::Map) -> Result<Map<String, Value>> {
    map.iter().map(|(key, value)| Ok((key.to_string(), convert(value, 1)?))).collect()
}

fn convert(value: &Dynamic, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        let message = format!("lists and maps nest deeper than {MAX_DEPTH}");
        return Err(Error::new(Code::ScriptLimit, message));
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(Value::Bool(flag));
    }
    if let Ok(whole) = value.as_int() {
        return Ok(Value::from(whole));
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number).map(Value::Number).ok_or_else(|| {
            Error::new(Code::BadOption, format!("{number} cannot be used here"))
                .help("give a finite number")
        });
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Value::from(letter.to_string()));
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Ok(Value::from(text.as_str()));
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return list.iter().map(|item| convert(item, depth + 1)).collect();
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let entries = map.iter().map(|(k, v)| Ok((k.to_string(), convert(v, depth + 1)?)));
        return entries.collect::<Result<Map<_, _>>>().map(Value::Object);
    }
    if let Some(layer) = value.read_lock::<Layer>() {
        return Ok(layer.to_json());
    }
    if let Some(data) = value.read_lock::<Data>() {
        return Ok(Value::Object(data.options().clone()));
    }
    Err(Error::new(Code::BadOption, format!("{} cannot be used here", describe(value)))
        .help("options are numbers, texts, true or false, lists and maps"))
}

/// The script value of some JSON.
pub fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => Dynamic::from_bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Dynamic::from_int(whole as INT),
            None => Dynamic::from_float(number.as_f64().unwrap_or(FLOAT::NAN)),
        },
        Value::String(text) => Dynamic::from(text.clone()),
        Value::Array(list) => Dynamic::from_array(list.iter().map(from_json).collect()),
        Value::Object(map) => Dynamic::from_map(map_from_json(map)),
    }
}

/// The script map of a JSON object.
pub fn map_from_json(map: &Map<String, Value>) -> rhai::Map {
    map.iter().map(|(key, value)| (key.into(), from_json(value))).collect()
}

/// A value's type in a user's words, with the value itself where it is short.
pub fn describe(value: &Dynamic) -> String {
    match value.type_name() {
        "i64" | "f64" | "bool" => value.to_string(),
        "string" | "char" if value.to_string().chars().count() <= 40 => {
            format!("{:?}", value.to_string())
        }
        name => describe_type(name),
    }
}

/// One of Rhai's type names in a user's words.
pub fn describe_type(name: &str) -> String {
    // A text may be told as all the types that Rhai takes for one.
    let name = name.split(" | ").next().unwrap_or(name);
    let words = match name.rsplit("::").next().unwrap_or(name) {
        "i64" | "integer" => "a whole number",
        "f64" | "float" => "a number",
        "bool" => "true or false",
        "()" => "nothing",
        "string" | "char" | "ImmutableString" | "&str" | "str" | "String" => "a text",
        "array" | "Array" => "a list",
        "map" | "Map" => "a map",
        "Fn" | "FnPtr" => "a function",
        "Layer" => "a layer",
        "Option" => "an option",
        "Part" => "a part",
        "Data" => "data",
        "Rates" => "learning rates that were tried",
        "Run" => "a run",
        "Tensor" => "a tensor",
        "range" => "a range",
        other => return format!("a value of the type {other}"),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_goes_there_and_back() {
        let value = json!({"a": [1, 2.5, "x", true, null], "b": {"c": []}});
        assert_eq!(to_json(&from_json(&value)).unwrap(), value);
    }

    #[test]
    fn functions_and_infinities_are_no_data() {
        let error = to_json(&Dynamic::from(rhai::FnPtr::new("f").unwrap())).unwrap_err();
        assert!(error.to_string().contains("a function cannot be used here"), "{error}");
        let error = to_json(&Dynamic::from_float(f64::INFINITY)).unwrap_err();
        assert!(error.to_string().contains("finite"), "{error}");
    }

    #[test]
    fn endless_nesting_is_refused() {
        let mut value = Dynamic::from_array(vec![]);
        for _ in 0..100 {
            value = Dynamic::from_array(vec![value]);
        }
        assert_eq!(to_json(&value).unwrap_err().code(), Code::ScriptLimit);
    }
}
