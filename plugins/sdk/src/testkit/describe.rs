//! What a plugin says about itself and its entries.

use serde_json::Value;

use super::{Check, Registered, ensure};
use crate::abi::{self, Entry, Structure};
use crate::testkit::Kind;

/// The exported constant.
pub(super) fn entry(entry: &Entry) -> Vec<String> {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        bytes[end..].iter().all(|byte| *byte == 0).then(|| bytes[..end].to_vec())
    };
    let name = text(&entry.name).unwrap_or_default();
    let good = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'_' || *c == b'-';
    let libtorch = text(&entry.libtorch).unwrap_or_else(|| vec![b'?']);
    [
        (entry.magic == abi::MAGIC, "magic is wrong"),
        (entry.struct_size as usize >= Entry::SIZE_0, "struct_size is not its size"),
        (entry.abi_major == abi::ABI_MAJOR, "abi_major is another"),
        ((0..=abi::ABI_MINOR).contains(&entry.abi_minor), "abi_minor is newer than the test kit's"),
        (entry.tensors <= abi::TENSORS_STABLE, "tensors is none of the three"),
        ((entry.tensors == abi::TENSORS_NONE) == libtorch.is_empty(), "libtorch fits not tensors"),
        (!name.is_empty() && name.iter().all(good), "name is not made of a-z, 0-9, _ and -"),
        (text(&entry.version).is_some_and(|v| !v.is_empty()), "version is missing"),
        (entry.init.is_some(), "init is missing"),
    ]
    .into_iter()
    .filter(|(holds, _)| !holds)
    .map(|(_, problem)| format!("the entry: {problem}"))
    .collect()
}

/// An entry's name, help and description.
pub(super) fn item(registered: &Registered) -> Vec<String> {
    let name = &registered.name;
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let help = registered.help.trim();
    let mut checks = vec![
        ensure(good && (1..=64).contains(&name.len()), || {
            "expected a name of 1 to 64 letters, digits and _".into()
        }),
        ensure(help.len() > 5 && !help.contains('\n'), || {
            format!("expected a line of help, not {help:?}")
        }),
    ];
    if !registered.info.is_empty() {
        match serde_json::from_str(&registered.info) {
            Ok(Value::Object(_)) => {
                checks.extend(registered.option_specs().iter().map(option));
                checks.push(of_kind(registered));
            }
            _ => {
                checks.push(Err(format!("expected a JSON object as info, not {}", registered.info)))
            }
        }
    }
    checks.into_iter().filter_map(Result::err).collect()
}

fn of_kind(registered: &Registered) -> Check {
    let more = registered.more();
    let text = |key: &str| more.get(key).and_then(Value::as_str).is_some_and(|v| !v.is_empty());
    match registered.kind {
        Kind::Layer(_) => {
            ensure(text("shapes"), || "expected the shapes in words".into())?;
            ensure(more.contains_key("example"), || "expected an example".into())
        }
        Kind::Metric(_) => {
            ensure(text("formula"), || "expected a formula".into())?;
            let direction = more.get("direction").and_then(Value::as_str);
            ensure(matches!(direction, Some("higher" | "lower")), || {
                "expected the direction `higher` or `lower`".into()
            })
        }
        _ => Ok(()),
    }
}

fn option(spec: &Value) -> Check {
    let text = |key: &str| spec[key].as_str().filter(|text| !text.is_empty());
    let name = text("name").ok_or_else(|| format!("an option without a name: {spec}"))?;
    let wrong = |expected: &str| Err(format!("option {name:?}: expected {expected}: {spec}"));
    if text("help").is_none() {
        return wrong("help");
    }
    let types = [
        "int", "float", "bool", "text", "choice", "sizes", "ints", "texts", "layers", "branches",
        "map",
    ];
    let Some(kind) = text("type").filter(|kind| types.contains(kind)) else {
        return wrong("a known type");
    };
    let words = spec["of"].as_array().filter(|words| words.iter().all(Value::is_string));
    if kind == "choice" && words.is_none() {
        return wrong("the words to choose from");
    }
    let Some(default) = spec.get("default") else { return Ok(()) };
    let bounded = |value: f64| {
        spec["min"].as_f64().is_none_or(|min| value >= min)
            && spec["max"].as_f64().is_none_or(|max| value <= max)
    };
    let fits = match kind {
        "int" => default.is_i64() && default.as_f64().is_some_and(bounded),
        "float" => default.as_f64().is_some_and(bounded),
        "bool" => default.is_boolean(),
        "text" => default.is_string(),
        "choice" => words.is_some_and(|words| words.contains(default)),
        "sizes" => default.is_i64() || default.is_array(),
        "map" => default.is_object(),
        _ => default.is_array(),
    };
    if fits { Ok(()) } else { wrong("a default of its own type, within its bounds") }
}
