//! `transpose`: how a decoder undoes a layer; and `transposed`, to look at the rules.

use std::sync::{Arc, Weak};

use neurhai_core::catalog::{Catalog, TransposeEntry};
use neurhai_core::network::LayerSpec;
use neurhai_core::transpose::{Transpose, TransposeRequest, transpose};
use neurhai_core::{Code, Error, Place, Result};
use rhai::{Dynamic, Engine, FnPtr, NativeCallContext};
use serde_json::Value;

use super::{Done, Registration, Scripted};
use crate::functions::layers::{Layer, read_layers};
use crate::functions::{Shared, raise};
use crate::runtime::Inner;
use crate::sandbox::measured;
use crate::value::{from_json, map_from_json, to_json};

struct ScriptTranspose(Scripted);

impl Transpose for ScriptTranspose {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let mut l = map_from_json(&request.layer.options);
        let list = |shape: &[i64]| Dynamic::from_iter(shape.iter().copied());
        l.insert("kind".into(), request.layer.kind.clone().into());
        l.insert("input".into(), list(&request.input));
        l.insert("output".into(), list(&request.output));
        measured(|| {
            self.0.call((l,), |found, shared| {
                let layers = read_layers(&shared.catalog(), &found, &self.0.owner)?;
                Ok(layers.iter().map(|layer| layer.spec().clone()).collect())
            })
        })
    }
}

fn add(given: Registration<'_>) -> Result<()> {
    given.shared.catalog().layers.get(given.name)?;
    let entry = TransposeEntry {
        layer: given.name.into(),
        help: given.help(),
        origin: given.origin(),
        rule: Box::new(ScriptTranspose(given.definition()?)),
    };
    given.add(|catalog| &mut catalog.transposes, entry)
}

/// The layers that undo `layer`, which gets this input.
fn transposed(shared: &Shared, layer: &Layer, input: &Dynamic) -> Result<rhai::Array> {
    let shape: Option<Vec<i64>> =
        to_json(input)?.as_array().and_then(|sizes| sizes.iter().map(Value::as_i64).collect());
    let shape = shape.ok_or_else(|| {
        Error::new(Code::BadOption, "the input shape must be a list of whole numbers")
            .at(Place::Option("input".into()))
            .help("channels first, then the sizes: transposed(conv(8, 3), [1, 64, 64, 64])")
    })?;
    let catalog = shared.catalog();
    let decoder = transpose(&catalog, layer.spec(), &shape)?.decoder;
    let json = serde_json::to_value(decoder)
        .map_err(|error| Error::new(Code::Internal, "a layer cannot be written").because(error))?;
    let layers = read_layers(&catalog, &from_json(&json), "the transposed layer")?;
    Ok(layers.into_iter().map(Dynamic::from).collect())
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>, runtime: &Weak<Inner>) {
    let (keep, runtime) = (Arc::clone(shared), Weak::clone(runtime));
    let full = move |ctx: NativeCallContext<'_>, name: &str, help: &str, rule: FnPtr| -> Done {
        add(Registration {
            word: "transpose",
            name,
            help,
            defaults: rhai::Map::new(),
            definition: rule.into(),
            ctx: &ctx,
            shared: &keep,
            runtime: &runtime,
        })
        .map_err(raise)
    };
    let plain = full.clone();
    let shared = Arc::clone(shared);
    engine
        .register_fn("transpose", full)
        .register_fn("transpose", move |ctx: NativeCallContext<'_>, name: &str, rule: FnPtr| {
            plain(ctx, name, "", rule)
        })
        .register_fn("transposed", move |layer: &mut Layer, input: Dynamic| {
            transposed(&shared, layer, &input).map_err(raise)
        });
}
