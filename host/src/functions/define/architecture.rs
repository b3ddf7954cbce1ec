//! `architecture`: recipes for networks, written in a script.

use std::sync::Arc;

use neurhai_core::catalog::{Architecture, ArchitectureEntry, ArchitectureRequest, Catalog};
use neurhai_core::network::{LayerSpec, NetworkSpec, PartSpec};
use neurhai_core::options::{OptionSpec, Options};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString};

use super::{Registration, Scripted, given};
use crate::functions::layers::{Layer, read_layers};
use crate::functions::{Shared, raise};
use crate::sandbox::measured;
use crate::standard;

/// What a recipe is told beside its options; no option may have these names.
const GIVEN: [&str; 3] = ["input", "outputs", "dimensions"];

/// A recipe in a script.
struct ScriptArchitecture {
    name: String,
    options: Vec<OptionSpec>,
    recipe: Scripted,
}

/// A named part of a network, as scripts hold it.
#[derive(Clone)]
struct Part {
    name: ImmutableString,
    layers: Vec<Layer>,
}

impl Architecture for ScriptArchitecture {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        let options = Options::check(&self.options, &request.options, &self.recipe.owner)?;
        let mut p = given(&options);
        p.insert("input".into(), Dynamic::from_iter(request.input.iter().copied()));
        p.insert("outputs".into(), request.outputs.into());
        p.insert("dimensions".into(), (request.input.len() as i64 - 1).into());
        measured(|| {
            self.recipe.call((p,), |value, shared| {
                let parts = read_parts(&shared.catalog(), &self.name, &value)?;
                Ok(self.spec(parts, shared))
            })
        })
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

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let (name, options) = (given.name.to_owned(), given.options(&GIVEN)?);
    let recipe = given.definition()?;
    let entry = ArchitectureEntry {
        name: name.clone(),
        help: given.help.into(),
        source: String::new(),
        options: options.clone(),
        origin: given.origin(),
        architecture: Box::new(ScriptArchitecture { name, options, recipe }),
    };
    let replaced = |catalog: &mut Catalog| Ok(standard::is_replaced(catalog, &entry));
    if given.shared.change_catalog(replaced)? {
        return Ok(());
    }
    given.add(|catalog| &mut catalog.architectures, entry)
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    engine.register_type_with_name::<Part>("Part");
    let shared = Arc::clone(shared);
    engine.register_fn("part", move |name: ImmutableString, layers: Dynamic| {
        let layers = read_layers(&shared.catalog(), &layers, &name).map_err(raise)?;
        Ok::<_, Box<EvalAltResult>>(Part { name, layers })
    });
}
