//! Contracts of what answers JSON with JSON: architectures and transposition rules.

use serde_json::{Value, json};

use super::{Check, Failed, Registered, call, ensure, on_two_threads, options_of};
use crate::abi::{self, JsonFn};
use crate::call::{sink, text};

/// Images and slices of one and of three channels; an architecture need not take all of them.
const INPUTS: [&[i64]; 6] = [
    &[1, 32, 32, 32],
    &[1, 64, 65, 66],
    &[1, 97, 96, 95],
    &[1, 32, 32],
    &[1, 96, 97],
    &[3, 65, 64],
];

/// What the plugin answers, as JSON text.
fn ask(
    registered: &Registered,
    function: JsonFn,
    what: &str,
    request: &str,
) -> Result<String, Failed> {
    let mut answer = Vec::new();
    let data = registered.kind.item().data;
    call(what, |error| {
        // SAFETY: `data` is the entry's own, and text and sinks live until the call returns.
        unsafe { function(data, text(request), sink(&mut answer), error) }
    })?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Asks twice, then on two threads; an error that says why is an answer too.
fn ask_often(
    registered: &Registered,
    function: JsonFn,
    what: &str,
    request: &str,
) -> Result<Option<Value>, String> {
    let answer = match ask(registered, function, what, request) {
        Ok(answer) => answer,
        Err(failed) => return failed.polite().map(|()| None),
    };
    on_two_threads("the same answer on two threads at once", &answer, || {
        Ok(ask(registered, function, what, request)?)
    })?;
    serde_json::from_str(&answer)
        .map(Some)
        .map_err(|error| format!("{what} answers with text that is no JSON ({error}): {answer}"))
}

/// A broken request is refused, and nothing panics.
fn refuses_nonsense(registered: &Registered, function: JsonFn) -> Check {
    for request in ["", "{", "[]", "{}", "{\"input\": \"large\"}"] {
        match ask(registered, function, "a broken request", request) {
            Ok(answer) => return Err(format!("expected {request:?} to be refused, not {answer}")),
            Err(failed) => failed.polite()?,
        }
    }
    Ok(())
}

pub(super) fn check(registered: &Registered, raw: &abi::Architecture) -> Check {
    let build = raw.build.ok_or("build is missing")?;
    let options = options_of(registered);
    let mut answered = 0;
    for input in INPUTS {
        for outputs in [2, 3] {
            let request = json!({"input": input, "outputs": outputs, "options": options});
            let what = format!("build for an input of {input:?} and {outputs} outputs");
            if let Some(answer) = ask_often(registered, build, &what, &request.to_string())? {
                network(&answer).map_err(|problem| format!("{what}: {problem}"))?;
                let again = ask_often(registered, build, &what, &request.to_string())?;
                ensure(again.as_ref() == Some(&answer), || {
                    format!("{what}: expected the same network again")
                })?;
                answered += 1;
            }
        }
    }
    ensure(answered > 0, || "expected to take images or slices of common sizes".into())?;
    refuses_nonsense(registered, build)
}

pub(super) fn check_transpose(registered: &Registered, raw: &abi::Transpose) -> Check {
    let transpose = raw.transpose.ok_or("transpose is missing")?;
    // Options of all usual layers, as a rule reads only its own layer's.
    let mut layer = json!({
        "kind": registered.name, "out_channels": 4, "kernel_size": 2, "stride": 2, "padding": 0,
        "output_padding": 0, "dilation": 1, "groups": 1, "bias": true, "out_features": 4
    });
    for (option, value) in options_of(registered) {
        layer[option] = value;
    }
    let request = json!({"layer": layer, "input": [4, 6, 8, 10], "output": [4, 3, 4, 5]});
    let what = "transpose from [4, 3, 4, 5] to [4, 6, 8, 10]";
    if let Some(answer) = ask_often(registered, transpose, what, &request.to_string())? {
        layers(&answer).map_err(|problem| format!("{what}: {problem}"))?;
    }
    refuses_nonsense(registered, transpose)
}

fn network(answer: &Value) -> Check {
    if let Some(list) = answer.get("layers") {
        return layers(list);
    }
    let parts = answer.get("parts").and_then(Value::as_array).filter(|parts| !parts.is_empty());
    for part in parts.ok_or_else(|| format!("expected layers or parts, not {answer}"))? {
        let named = part["name"].as_str().is_some_and(|name| !name.is_empty());
        ensure(named, || format!("expected a part with a name, not {part}"))?;
        layers(&part["layers"])?;
    }
    Ok(())
}

/// A list of layers, and whatever looks like layers inside their options.
fn layers(list: &Value) -> Check {
    let layers_of =
        list.as_array().ok_or_else(|| format!("expected a list of layers, not {list}"))?;
    for layer in layers_of {
        let kind = layer["kind"].as_str().unwrap_or_default();
        ensure(!kind.is_empty(), || format!("expected a layer with a kind, not {layer}"))?;
        for value in layer.as_object().into_iter().flat_map(|map| map.values()) {
            inner(value)?;
        }
    }
    Ok(())
}

fn inner(value: &Value) -> Check {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::Object(_), ..]) => layers(value),
        Some(list @ [Value::Array(_), ..]) => list.iter().try_for_each(inner),
        _ => Ok(()),
    }
}
