//! Layers in scripts: one function per registered layer, generated from its description.

use std::any::TypeId;
use std::sync::Arc;

use neurhai_core::catalog::{Catalog, LayerEntry, Origin};
use neurhai_core::network::LayerSpec;
use neurhai_core::options::{Kind, Options};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, NativeCallContext};
use serde_json::{Map, Value};

use super::{Shared, raise};
use crate::report::CallSite;
use crate::tensor;
use crate::value::{describe, map_from_json, to_json};

/// How many layers one layer may hold, itself included.
const MAX_SIZE: usize = 10_000;
/// How deep layers may lie within layers.
const MAX_DEPTH: usize = 60;

/// A layer as scripts hold it: a description, and where in a script it was made.
#[derive(Clone)]
pub struct Layer(Arc<Made>);

struct Made {
    spec: LayerSpec,
    at: Option<CallSite>,
    /// The inner layers by the name of their list in the paths of layers: `body`, `branches.1`.
    inner: Vec<(String, Vec<Layer>)>,
    size: usize,
    depth: usize,
}

impl Layer {
    /// A layer of this kind, with its options checked at once.
    pub(crate) fn make(
        catalog: &Catalog,
        kind: &str,
        given: Vec<(String, Dynamic)>,
        at: Option<CallSite>,
    ) -> Result<Self> {
        let entry = catalog.layers.get(kind)?;
        let (mut options, mut inner) = (Map::new(), Vec::new());
        for (name, value) in given {
            let spec = entry.info.options.iter().find(|spec| spec.name == name);
            let json = match spec.map(|spec| &spec.kind) {
                Some(Kind::Layers) => {
                    let layers = read_layers(catalog, &value, &name)?;
                    let json = to_value(&layers);
                    inner.push((name.clone(), layers));
                    json
                }
                Some(Kind::Branches) => {
                    let mut branches = Vec::new();
                    for (i, branch) in read_branches(&value, &name)?.iter().enumerate() {
                        let what = format!("{name}.{i}");
                        let layers = read_layers(catalog, branch, &what)?;
                        branches.push(to_value(&layers));
                        inner.push((what, layers));
                    }
                    Value::Array(branches)
                }
                _ => to_json(&value)?,
            };
            options.insert(name, json);
        }
        let checked = Options::check(&entry.info.options, &options, &format!("layer {kind}"))?;
        for (name, value) in &mut options {
            if let Some(accepted) = checked.values().get(name) {
                value.clone_from(accepted);
            }
        }
        let all = || inner.iter().flat_map(|(_, layers)| layers);
        let size = all().map(|layer| layer.0.size).fold(1, usize::saturating_add);
        let depth = 1 + all().map(|layer| layer.0.depth).max().unwrap_or(0);
        if size > MAX_SIZE || depth > MAX_DEPTH {
            return Err(Error::new(
                Code::ScriptLimit,
                format!("this {kind} holds {size} layers, {depth} deep"),
            )
            .help(format!("a layer may hold at most {MAX_SIZE} layers, {MAX_DEPTH} deep")));
        }
        let spec = LayerSpec { kind: kind.into(), name: None, options };
        Ok(Self(Arc::new(Made { spec, at, inner, size, depth })))
    }

    /// The same layer under a name of its own.
    fn named(&self, name: &str) -> Result<Self> {
        if name.is_empty() || name.contains('.') {
            return Err(Error::new(Code::BadNetwork, format!("a layer cannot be called {name:?}"))
                .help("use a name without dots"));
        }
        let spec = LayerSpec { name: Some(name.into()), ..self.0.spec.clone() };
        let (at, inner) = (self.0.at.clone(), self.0.inner.clone());
        Ok(Self(Arc::new(Made { spec, at, inner, size: self.0.size, depth: self.0.depth })))
    }

    /// Its description.
    pub fn spec(&self) -> &LayerSpec {
        &self.0.spec
    }

    /// Its description as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let spec = &self.0.spec;
        let mut map = Map::new();
        map.insert("kind".into(), spec.kind.clone().into());
        if let Some(name) = &spec.name {
            map.insert("name".into(), name.clone().into());
        }
        map.extend(spec.options.clone());
        Value::Object(map)
    }

    /// Where in a script the layer at `path`, counted from these layers, was made; or the nearest
    /// layer around it.
    pub(crate) fn find<'a>(layers: &'a [Self], path: &str) -> Option<&'a CallSite> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let layer = layers.iter().enumerate().find(|(i, layer)| match &layer.0.spec.name {
            Some(name) => name == first,
            None => first.parse() == Ok(*i),
        });
        let (_, layer) = layer?;
        let within = layer.0.inner.iter().find_map(|(list, layers)| {
            Self::find(layers, rest.strip_prefix(list.as_str())?.strip_prefix('.')?)
        });
        within.or(layer.0.at.as_ref())
    }
}

fn to_value(layers: &[Layer]) -> Value {
    layers.iter().map(Layer::to_json).collect()
}

/// Reads one layer or a list of them; lists inside it are taken as if written out. `what` names
/// the list in messages.
pub(crate) fn read_layers(catalog: &Catalog, value: &Dynamic, what: &str) -> Result<Vec<Layer>> {
    let mut layers = Vec::new();
    collect(catalog, value, what, &mut layers, 0)?;
    Ok(layers)
}

fn collect(
    catalog: &Catalog,
    value: &Dynamic,
    what: &str,
    layers: &mut Vec<Layer>,
    depth: usize,
) -> Result<()> {
    if layers.len() > MAX_SIZE || depth > MAX_DEPTH {
        return Err(Error::new(Code::ScriptLimit, format!("{what} holds too many layers"))
            .help(format!("a list may hold at most {MAX_SIZE} layers, {MAX_DEPTH} deep")));
    }
    if let Some(layer) = value.read_lock::<Layer>() {
        layers.push(layer.clone());
    } else if let Some(list) = value.read_lock::<rhai::Array>() {
        for (i, item) in list.iter().enumerate() {
            let what = if depth == 0 { format!("{what}, element {i}") } else { what.to_owned() };
            collect(catalog, item, &what, layers, depth + 1)?;
        }
    } else if let Some(map) = value.read_lock::<rhai::Map>() {
        layers.push(from_map(catalog, &map, what)?);
    } else if let Some(kind) = value.read_lock::<ImmutableString>() {
        layers.push(Layer::make(catalog, &kind, Vec::new(), None)?);
    } else {
        return Err(Error::new(
            Code::BadNetwork,
            format!("{what}: expected a layer, found {}", describe(value)),
        )
        .help("a layer is made by a function such as conv(8, 3) or relu()"));
    }
    Ok(())
}

/// A layer written as a map: `#{ kind: "conv", out_channels: 8, kernel_size: 3 }`.
fn from_map(catalog: &Catalog, map: &rhai::Map, what: &str) -> Result<Layer> {
    let text = |key: &str| map.get(key).and_then(|v| v.clone().into_immutable_string().ok());
    let Some(kind) = text("kind") else {
        return Err(Error::new(Code::BadNetwork, format!("{what}: this map is not a layer"))
            .help("a layer written as a map has its kind in it: #{ kind: \"relu\" }"));
    };
    let given = map.iter().filter(|(key, _)| !["kind", "name"].contains(&key.as_str()));
    let given = given.map(|(key, value)| (key.to_string(), value.clone())).collect();
    let layer = Layer::make(catalog, &kind, given, None)?;
    text("name").map_or(Ok(layer.clone()), |name| layer.named(&name))
}

fn read_branches(value: &Dynamic, what: &str) -> Result<Vec<Dynamic>> {
    value.clone().flatten().try_cast::<rhai::Array>().ok_or_else(|| {
        Error::new(Code::BadNetwork, format!("{what}: expected a list, found {}", describe(value)))
            .help("give a list of lists of layers, one list per branch")
    })
}

/// How a layer is called: `conv(out_channels, kernel_size, #{ stride, padding, … })`.
pub fn usage(entry: &LayerEntry) -> String {
    let info = &entry.info;
    let names: Vec<_> = info.options.iter().map(|option| option.name.as_str()).collect();
    let (positional, named) = names.split_at(info.positional.min(names.len()));
    let mut parts: Vec<String> = positional.iter().map(|name| (*name).to_owned()).collect();
    if !named.is_empty() {
        parts.push(format!("#{{ {} }}", named.join(", ")));
    }
    written(entry, &parts)
}

/// The call of a layer with these values; layers of scripts have no function of their own.
pub(crate) fn written(entry: &LayerEntry, values: &[String]) -> String {
    let name = &entry.info.name;
    match entry.origin {
        Origin::Script { .. } => {
            let all = [&[format!("{name:?}")], values].concat();
            format!("custom({})", all.join(", "))
        }
        _ => format!("{name}({})", values.join(", ")),
    }
}

/// The error of a call with values that fit no way of calling the layer.
pub(crate) fn miscalled(entry: &LayerEntry, given: impl Iterator<Item = String>) -> Error {
    let name = &entry.info.name;
    let given: Vec<_> = given.collect();
    let given = if given.is_empty() { "nothing".into() } else { given.join(", ") };
    Error::new(Code::BadOption, format!("{name} cannot be called with {given}"))
        .help(format!("it is called as {}", usage(entry)))
}

/// Sorts the values of a call into options: first by position, then out of a map.
fn sort(entry: &LayerEntry, mut args: Vec<Dynamic>) -> Result<Vec<(String, Dynamic)>> {
    let info = &entry.info;
    let mut map = None;
    if let Some(last) = args.last().and_then(|last| last.read_lock::<rhai::Map>()) {
        let slot = info.options[..info.positional].get(args.len() - 1).map(|spec| &spec.kind);
        let taken = matches!(slot, Some(Kind::Map))
            || (matches!(slot, Some(Kind::Layers)) && last.contains_key("kind"));
        map = (!taken).then(|| last.clone());
    }
    if map.is_some() {
        args.pop();
    }
    if args.len() > info.positional {
        let given: Vec<_> = args.iter().map(describe).collect();
        let tensor = args.first().is_some_and(|first| tensor::Tensor::of(first).is_some());
        let error = tensor.then(|| tensor::miscalled(&info.name, &given.join(", "))).flatten();
        return Err(error.unwrap_or_else(|| miscalled(entry, given.into_iter())));
    }
    let names = info.options.iter().map(|spec| spec.name.clone());
    let mut given: Vec<_> = names.zip(args).collect();
    for (key, value) in map.unwrap_or_default() {
        if given.iter().any(|(name, _)| *name == key.as_str()) {
            let message = format!("layer {} is given {key:?} twice", info.name);
            return Err(Error::new(Code::BadOption, message)
                .help("give it either by position or in the map"));
        }
        given.push((key.to_string(), value));
    }
    Ok(given)
}

/// Registers the functions of all layers that are in the catalog now.
pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    for entry in shared.catalog().layers.iter() {
        for arity in 0..=entry.info.positional + 1 {
            let shared = Arc::clone(shared);
            let types = vec![TypeId::of::<Dynamic>(); arity];
            let name = entry.info.name.clone();
            engine.register_raw_fn(name.clone(), types, move |ctx, args| {
                let args = args.iter().map(|arg| (**arg).clone().flatten()).collect();
                call(&name, &shared, &ctx, args)
            });
        }
    }
    let keep = Arc::clone(shared);
    let custom = move |ctx: NativeCallContext<'_>, kind: &str, options: rhai::Map| {
        let given = options.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        let at = Some(CallSite::of(&ctx));
        Layer::make(&keep.catalog(), kind, given, at).map_err(raise)
    };
    let plain = custom.clone();
    let by_value = Arc::clone(shared);
    engine
        .register_type_with_name::<Layer>("Layer")
        .register_fn("custom", custom)
        .register_fn("custom", move |ctx: NativeCallContext<'_>, kind: &str, value: Dynamic| {
            call(kind, &by_value, &ctx, vec![value])
        })
        .register_fn("custom", move |ctx: NativeCallContext<'_>, kind: &str| {
            plain(ctx, kind, rhai::Map::new())
        })
        .register_fn("named", |layer: &mut Layer, name: &str| layer.named(name).map_err(raise))
        .register_get("kind", |layer: &mut Layer| layer.0.spec.kind.clone())
        .register_get("options", |layer: &mut Layer| map_from_json(&layer.0.spec.options));
    // Lists take layers with `+=` by themselves; with `+` they should, too.
    engine
        .register_fn("+", |mut list: rhai::Array, layer: Layer| {
            list.push(Dynamic::from(layer));
            list
        })
        .register_fn("+", |layer: Layer, mut list: rhai::Array| {
            list.insert(0, Dynamic::from(layer));
            list
        })
        .register_fn("+", |first: Layer, second: Layer| -> rhai::Array {
            vec![Dynamic::from(first), Dynamic::from(second)]
        });
    for name in ["to_string", "to_debug"] {
        let shared = Arc::clone(shared);
        engine.register_fn(name, move |layer: &mut Layer| {
            crate::show::layer(&shared.catalog(), layer.spec())
        });
    }
}

/// The layer of this name, which a script may have replaced since its function was registered.
fn call(
    name: &str,
    shared: &Shared,
    ctx: &NativeCallContext<'_>,
    args: Vec<Dynamic>,
) -> std::result::Result<Layer, Box<EvalAltResult>> {
    let catalog = shared.catalog();
    let given = catalog.layers.get(name).and_then(|entry| sort(entry, args));
    let at = Some(CallSite::of(ctx));
    given.and_then(|given| Layer::make(&catalog, name, given, at)).map_err(raise)
}
