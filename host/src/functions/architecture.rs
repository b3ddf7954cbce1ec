//! `architecture`: recipes for networks, written in a script.

use std::sync::{Arc, Weak};

use neurhai_core::catalog::{Architecture, ArchitectureEntry, ArchitectureRequest, Catalog};
use neurhai_core::network::{LayerSpec, NetworkSpec, PartSpec};
use neurhai_core::options::{Kind, OptionSpec, Options};
use neurhai_core::{Code, Error, Place, Problems, Result};
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, NativeCallContext};
use serde_json::Value;

use super::layers::{Layer, read_layers};
use super::{Shared, raise};
use crate::callback::Callback;
use crate::report::{Diagnostic, Failure, Frame, diagnose};
use crate::runtime::Inner;
use crate::standard;
use crate::value::{describe, map_from_json, to_json};

/// What a recipe is told beside its options; no option may have these names.
const GIVEN: [&str; 3] = ["input", "outputs", "dimensions"];

/// A recipe in a script.
struct ScriptArchitecture {
    name: String,
    options: Vec<OptionSpec>,
    recipe: Callback,
    runtime: Weak<Inner>,
}

/// A named part of a network, as scripts hold it.
#[derive(Clone)]
struct Part {
    name: ImmutableString,
    layers: Vec<Layer>,
}

impl Architecture for ScriptArchitecture {
    fn build(&self, request: &ArchitectureRequest) -> Result<NetworkSpec> {
        let Some(runtime) = self.runtime.upgrade() else {
            return Err(Error::new(Code::Internal, "the script of this architecture has ended"));
        };
        let owner = format!("architecture {:?}", self.name);
        let options = Options::check(&self.options, &request.options, &owner)?;
        let mut p = map_from_json(options.values());
        p.insert("input".into(), Dynamic::from_iter(request.input.iter().copied()));
        p.insert("outputs".into(), request.outputs.into());
        p.insert("dimensions".into(), (request.input.len() as i64 - 1).into());

        let shared = &runtime.shared;
        let at = &self.recipe.at;
        let called = self.recipe.call(&runtime.engine, (p,));
        let mut failure = match called {
            Ok(value) => match read_parts(&shared.catalog(), &self.name, &value) {
                Ok(parts) => return Ok(self.spec(parts, shared)),
                Err(error) => {
                    let mut failure = Failure::from(error);
                    let here =
                        |one: &mut Diagnostic| one.at = Some((at.clone(), "architecture".len()));
                    failure.diagnostics.iter_mut().for_each(here);
                    failure
                }
            },
            Err(error) => diagnose(&error, &at.source, shared),
        };
        for one in &mut failure.diagnostics {
            let frame = Frame { what: format!("the {owner}"), at: at.clone() };
            one.frames.push(frame);
        }
        shared.traces().tell(&failure);
        Err(failure.to_error())
    }
}

impl ScriptArchitecture {
    /// The description; where its layers were made is kept for messages.
    fn spec(&self, parts: Vec<(String, Vec<Layer>)>, shared: &Shared) -> NetworkSpec {
        let specs = |layers: &[Layer]| -> Vec<LayerSpec> {
            layers.iter().map(|layer| layer.spec().clone()).collect()
        };
        let part = |(name, layers): &(String, Vec<Layer>)| PartSpec {
            name: name.clone(),
            layers: specs(layers),
        };
        let parts = match &parts[..] {
            // One list without a name: the core says where it is cut.
            [(name, layers)] if name.is_empty() => {
                let spec = NetworkSpec::from_layers(&self.name, specs(layers));
                let mut rest = layers.clone();
                let cut = spec.parts.iter().map(|part| {
                    let after = rest.split_off(part.layers.len());
                    (part.name.clone(), std::mem::replace(&mut rest, after))
                });
                cut.collect()
            }
            _ => parts,
        };
        let spec = NetworkSpec {
            architecture: self.name.clone(),
            parts: parts.iter().map(part).collect(),
        };
        shared.traces().parts = parts;
        spec
    }
}

/// Reads what a recipe gives: a list of layers, a list of parts, or a map of well-known parts.
fn read_parts(catalog: &Catalog, name: &str, value: &Dynamic) -> Result<Vec<(String, Vec<Layer>)>> {
    let what = format!("architecture {name:?}");
    if let Some(map) = value.read_lock::<rhai::Map>().filter(|map| !map.contains_key("kind")) {
        // A map forgets the order it was written in, so only parts with a natural order may be
        // given this way.
        let order = [["convolutions", "fc"], ["encoder", "decoder"]];
        let natural =
            order.iter().find(|names| map.keys().all(|key| names.contains(&key.as_str())));
        let Some(names) = natural.filter(|_| !map.is_empty()) else {
            return Err(Error::new(Code::BadNetwork, format!("{what}: a map forgets its order"))
                .help("give a list: [ part(\"first\", [ … ]), part(\"second\", [ … ]) ]"));
        };
        let parts = names.iter().filter_map(|name| Some((*name, map.get(*name)?)));
        let read = |(name, layers): (&str, &Dynamic)| {
            Ok((name.to_owned(), read_layers(catalog, layers, &format!("{what}, {name}"))?))
        };
        return parts.map(read).collect();
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        let parts: Vec<_> = list.iter().map(|item| read_part(catalog, item)).collect();
        if parts.iter().any(Option::is_some) {
            let mixed = || {
                Error::new(Code::BadNetwork, format!("{what}: layers stand beside parts"))
                    .help("put all layers into parts, or give one list of layers without parts")
            };
            return parts.into_iter().map(|part| part.unwrap_or_else(|| Err(mixed()))).collect();
        }
    }
    Ok(vec![(String::new(), read_layers(catalog, value, &what)?)])
}

/// Reads one part: `part("encoder", [ … ])` or `#{ name: "encoder", layers: [ … ] }`.
fn read_part(catalog: &Catalog, item: &Dynamic) -> Option<Result<(String, Vec<Layer>)>> {
    if let Some(part) = item.read_lock::<Part>() {
        return Some(Ok((part.name.to_string(), part.layers.clone())));
    }
    let map = item.read_lock::<rhai::Map>().filter(|map| !map.contains_key("kind"))?;
    let (name, layers) = (map.get("name")?.clone().into_string().ok()?, map.get("layers")?);
    Some(read_layers(catalog, layers, &name).map(|layers| (name.clone(), layers)))
}

/// The options that a recipe has, by the defaults it gives.
fn option_specs(name: &str, defaults: &rhai::Map) -> Result<Vec<OptionSpec>> {
    let mut problems = Problems::default();
    let mut specs = Vec::new();
    for (key, default) in defaults {
        let bad = |message: String, help: &str| {
            let message = format!("architecture {name:?}: {message}");
            Error::new(Code::BadOption, message).at(Place::Option(key.to_string())).help(help)
        };
        if GIVEN.contains(&key.as_str()) {
            let message = format!("an option cannot be called {key:?}");
            problems.push(bad(message, "p has input, outputs and dimensions without being asked"));
            continue;
        }
        let Some(value) = problems
            .take(to_json(default).map_err(|error| error.at(Place::Option(key.to_string()))))
        else {
            continue;
        };
        match kind_of(&value) {
            Some(kind) => specs.push(OptionSpec::new(key, kind, value, "")),
            None => problems.push(bad(
                format!("{} is no default that tells what {key:?} may be", describe(default)),
                "a default is a number, a text, true or false, a map, or a list with whole numbers or texts",
            )),
        }
    }
    problems.into_result()?;
    Ok(specs)
}

fn kind_of(default: &Value) -> Option<Kind> {
    match default {
        Value::Bool(_) => Some(Kind::Bool),
        Value::Number(number) if number.is_i64() => {
            Some(Kind::Int { min: i64::MIN, max: i64::MAX })
        }
        Value::Number(_) => Some(Kind::Float { min: f64::NEG_INFINITY, max: f64::INFINITY }),
        Value::String(_) => Some(Kind::Text),
        Value::Object(_) => Some(Kind::Map),
        Value::Array(list) if list.is_empty() => None,
        Value::Array(list) if list.iter().all(Value::is_i64) => Some(Kind::Ints),
        Value::Array(list) if list.iter().all(Value::is_string) => Some(Kind::Texts),
        _ => None,
    }
}

type Done = std::result::Result<(), Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>, runtime: &Weak<Inner>) {
    let (keep, runtime) = (Arc::clone(shared), Weak::clone(runtime));
    let with_help = move |ctx: NativeCallContext<'_>,
                          name: &str,
                          help: &str,
                          defaults: rhai::Map,
                          recipe: FnPtr|
          -> Done {
        let recipe = Callback::new(&ctx, recipe);
        let origin = keep.sources.origin(&recipe.at);
        let options = option_specs(name, &defaults).map_err(raise)?;
        let entry = ArchitectureEntry {
            name: name.into(),
            help: help.into(),
            source: String::new(),
            options: options.clone(),
            origin,
            architecture: Box::new(ScriptArchitecture {
                name: name.into(),
                options,
                recipe,
                runtime: Weak::clone(&runtime),
            }),
        };
        keep.change_catalog(|catalog| match standard::is_replaced(catalog, &entry) {
            true => Ok(()),
            false => catalog.architectures.register(entry),
        })
        .map_err(raise)
    };
    let plain = with_help.clone();
    engine
        .register_fn("architecture", with_help)
        .register_fn(
            "architecture",
            move |ctx: NativeCallContext<'_>, name: &str, defaults: rhai::Map, recipe: FnPtr| {
                plain(ctx, name, "", defaults, recipe)
            },
        )
        .register_type_with_name::<Part>("Part");
    let shared = Arc::clone(shared);
    engine.register_fn("part", move |name: ImmutableString, layers: Dynamic| {
        let layers = read_layers(&shared.catalog(), &layers, &name).map_err(raise)?;
        Ok::<_, Box<EvalAltResult>>(Part { name, layers })
    });
}
