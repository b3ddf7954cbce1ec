//! What programs read about a name.

use neurhai_core::catalog::{Catalog, Origin};
use neurhai_core::{Code, Result, interpret, optimizer, sampler, schedule};
use serde::Serialize;
use serde_json::{Value, json};

use super::explain::unknown;
use crate::functions;

/// Everything that is called so, as a list of objects with at least `kind` and `name`.
///
/// # Errors
/// [`Code::UnknownName`] with the nearest name.
pub fn json(catalog: &Catalog, name: &str) -> Result<Value> {
    let Catalog { layers, architectures, transposes, votes, metrics, losses, transforms } = catalog;
    let mut found = Vec::new();
    if let Some(code) = Code::find(name) {
        found.push(json!({
            "kind": "error", "name": code.id(), "title": code.title(), "resolution": code.resolution(),
        }));
    }
    found.extend(layers.find(name).map(|entry| of("layer", &entry.info, &entry.origin)));
    found.extend(architectures.find(name).map(|entry| {
        json!({
            "kind": "architecture", "name": entry.name, "help": entry.help, "source": entry.source,
            "options": entry.options, "origin": entry.origin,
        })
    }));
    found.extend(transposes.find(name).map(|entry| {
        json!({
            "kind": "transpose", "name": entry.layer, "help": entry.help, "origin": entry.origin,
        })
    }));
    found.extend(votes.find(name).map(|entry| of("vote", &entry.info, &entry.origin)));
    found.extend(metrics.find(name).map(|entry| of("metric", &entry.info, &entry.origin)));
    found.extend(losses.find(name).map(|entry| of("loss", &entry.info, &entry.origin)));
    found.extend(transforms.find(name).map(|entry| of("transform", &entry.info, &entry.origin)));
    let built_in = &Origin::BuiltIn;
    let optimizers = optimizer::infos().into_iter().filter(|info| info.name == name);
    found.extend(optimizers.map(|info| of("optimizer", &info, built_in)));
    let schedules = schedule::infos().into_iter().filter(|info| info.name == name);
    found.extend(schedules.map(|info| of("schedule", &info, built_in)));
    let samplers = sampler::infos().into_iter().filter(|info| info.name == name);
    found.extend(samplers.map(|info| of("sampler", &info, built_in)));
    let methods = interpret::infos().into_iter().filter(|info| info.name == name);
    found.extend(methods.map(|info| of("method", &info, built_in)));
    let functions = functions::all().filter(|function| function.name == name);
    found.extend(functions.map(|function| {
        json!({
            "kind": "function", "name": function.name, "usage": function.usage, "help": function.help,
            "origin": built_in,
        })
    }));
    if found.is_empty() { Err(unknown(catalog, name)) } else { Ok(Value::Array(found)) }
}

/// What is known of an entry, with its kind in front and its origin behind.
fn of(kind: &str, info: &impl Serialize, origin: &Origin) -> Value {
    let mut all = json!({ "kind": kind });
    if let (Some(all), Ok(Value::Object(info))) = (all.as_object_mut(), serde_json::to_value(info))
    {
        all.extend(info);
        all.insert("origin".into(), json!(origin));
    }
    all
}
