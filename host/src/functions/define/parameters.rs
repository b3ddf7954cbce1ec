//! The parameters of a layer, as its function `parameters` gives them.

use neurhai_core::error::did_you_mean;
use neurhai_core::layer::Init;
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, ImmutableString};

use crate::value::describe;

/// A parameter that a layer of a script asks for.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) shape: Vec<i64>,
    pub(super) init: Init,
    pub(super) trainable: bool,
}

const HELP: &str = "a parameter is its shape, or #{ shape: […], init: …, trainable: … } with init one of \
                    \"zeros\", \"ones\", #{ uniform: bound }, #{ constant: value }, #{ fan_in: n }; without, \
                    as PyTorch's weights, uniform over ±1/√fan_in, and zeros for a bias";

/// Reads the map of parameters; `taken` are names that the layer's function is told anyway.
pub(super) fn read(found: &Dynamic, taken: &rhai::Map) -> Result<Vec<Parameter>> {
    let bad = |message: String| Error::new(Code::BadOption, message).help(HELP);
    let Some(map) = found.read_lock::<rhai::Map>() else {
        return Err(bad(format!("parameters gives {}, not a map", describe(found))));
    };
    let mut all = Vec::new();
    for (name, value) in &*map {
        if taken.contains_key(name.as_str()) {
            let message =
                format!("a parameter cannot be called {name:?}: the layer has that already");
            return Err(Error::new(Code::BadOption, message).help("choose another name"));
        }
        if name.is_empty() || name.contains('.') {
            return Err(bad(format!("a parameter cannot be called {name:?}")));
        }
        let one = parameter(name, value)
            .map_err(|what| bad(format!("the parameter {name:?}: {what}")))?;
        all.push(one);
    }
    // In PyTorch's state dictionaries the weight comes first.
    all.sort_by_key(|parameter| parameter.name != "weight");
    Ok(all)
}

fn parameter(name: &str, value: &Dynamic) -> Result<Parameter, String> {
    let (mut shape, mut init, mut trainable) = (None, None, true);
    match value.read_lock::<rhai::Map>() {
        None => shape = Some(sizes(value)?),
        Some(map) => {
            for (key, value) in &*map {
                match key.as_str() {
                    "shape" => shape = Some(sizes(value)?),
                    "init" => init = Some(initial(value)?),
                    "trainable" => {
                        let wrong =
                            || format!("trainable is true or false, not {}", describe(value));
                        trainable = value.as_bool().map_err(|_| wrong())?;
                    }
                    other => {
                        let near = did_you_mean(other, ["shape", "init", "trainable"]);
                        return Err(format!("it has no entry {other:?}{near}"));
                    }
                }
            }
        }
    }
    let shape = shape.ok_or("it has no shape")?;
    let init = match init {
        Some(init) => init,
        None => usual(name, &shape)?,
    };
    Ok(Parameter { name: name.into(), shape, init, trainable })
}

/// As PyTorch starts the weights of its own layers; a bias starts at zero.
fn usual(name: &str, shape: &[i64]) -> Result<Init, String> {
    match shape {
        [_, inner @ ..] if !inner.is_empty() => {
            let product = |product: i64, size: &i64| product.saturating_mul(*size);
            Ok(Init::fan_in(inner.iter().fold(1, product)))
        }
        _ if name == "bias" || name.ends_with("_bias") => Ok(Init::Constant(0.0)),
        _ => Err("it has one axis, so say how it starts".into()),
    }
}

fn sizes(value: &Dynamic) -> Result<Vec<i64>, String> {
    let list = value.read_lock::<rhai::Array>();
    let list = list.and_then(|list| list.iter().map(|size| size.as_int().ok()).collect());
    list.ok_or_else(|| format!("a shape is a list of whole numbers, not {}", describe(value)))
}

fn initial(value: &Dynamic) -> Result<Init, String> {
    if let Some(word) = value.read_lock::<ImmutableString>() {
        return match word.as_str() {
            "zeros" => Ok(Init::Constant(0.0)),
            "ones" => Ok(Init::Constant(1.0)),
            other => Err(format!("it cannot start as {other:?}")),
        };
    }
    let map = value.read_lock::<rhai::Map>();
    let entry = map.as_ref().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
    let number = |value: &Dynamic| {
        let whole = value.as_int().map(|whole| whole as f64);
        value.as_float().or(whole).ok().filter(|number| number.is_finite())
    };
    match entry.and_then(|(key, value)| Some((key.as_str(), number(value)?))) {
        Some(("uniform", bound)) if bound >= 0.0 => Ok(Init::Uniform(bound)),
        Some(("constant", value)) => Ok(Init::Constant(value)),
        Some(("fan_in", n)) if n >= 1.0 => Ok(Init::fan_in(n as i64)),
        _ => Err(format!("it cannot start as {}", describe(value))),
    }
}
