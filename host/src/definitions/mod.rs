//! Definition files, by which editors complete names and show what functions do.
//!
//! Rhai can write such files, but puts some of its own types into them that editors cannot read; so
//! only what it keeps as text is taken from there.

use std::collections::BTreeSet;
use std::sync::Arc;

use neurhai_core::catalog::{Catalog, LayerEntry, Origin};
use neurhai_core::layer::LayerInfo;
use neurhai_core::options::{Default, Kind, OptionSpec};
use rhai::Engine;

use crate::functions::{self, Function};
use crate::runtime::Runtime;
use crate::show::literal;
use signature::{Signature, Usage, plain, type_of};

mod signature;

/// The files, by their names: what this program brings, and what belongs to the language.
pub(crate) fn files(runtime: &Runtime) -> [(&'static str, String); 2] {
    let engine = &runtime.0.engine;
    [("neurhai.d.rhai", own(engine, &runtime.catalog())), ("rhai.d.rhai", language(engine))]
}

/// They add to what every script can see.
const HEADER: &str = "module static;\n";

fn file(parts: impl IntoIterator<Item = String>) -> String {
    let mut text = HEADER.to_owned();
    for part in parts {
        text.push('\n');
        text.push_str(&part);
    }
    text
}

/// Functions, layers, and what can be asked of the values they give.
fn own(engine: &Engine, catalog: &Catalog) -> String {
    let registered = registered(engine, false);
    let mut items: Vec<Signature> = Vec::new();
    for function in functions::all() {
        items.extend(ways_to_call(function, &registered));
    }
    // Layers of scripts have no function of their own.
    let in_scripts = |entry: &&Arc<LayerEntry>| matches!(entry.origin, Origin::Script { .. });
    for entry in catalog.layers.iter().filter(|entry| !in_scripts(entry)) {
        items.extend(layer(&entry.info));
    }
    let named = |name: &str| {
        functions::all().any(|function| function.name == name)
            || catalog.layers.find(name).is_some()
    };
    // Every value has a text; and there is nothing to wait for.
    let hidden = ["to_string", "to_debug", "sleep"];
    let rest = registered.into_iter().filter(|one| {
        let typed = !one.name.starts_with("index$") && !one.parameters.is_empty();
        typed && !named(&one.name) && !hidden.contains(&one.name.as_str())
    });
    items.extend(rest);
    file(items.iter().map(Signature::item))
}

/// A function in all the ways it can be called.
fn ways_to_call(function: &Function, registered: &[Signature]) -> Vec<Signature> {
    let usage = Usage::read(function.usage);
    let help = vec![function.help.to_owned(), String::new(), format!("`{}`", function.usage)];
    let with_names = |one: &Signature| {
        let names = usage.names(one.parameters.len()).into_iter();
        let parameters = names.zip(&one.parameters).map(|(name, (_, kind))| {
            // Any value is taken, so that a wrong one is told in plain words.
            let kind = match name.as_str() {
                "options" if kind == "?" => "Map",
                "recipe" if kind == "?" => "FnPtr",
                _ => kind,
            };
            (name, kind.to_owned())
        });
        Signature { parameters: parameters.collect(), help: help.clone(), ..one.clone() }
    };
    let mut known = registered.iter().filter(|one| one.name == function.name).peekable();
    if known.peek().is_none() {
        // It belongs to the language.
        return Vec::new();
    }
    let mut typed: Vec<_> = known.filter(|one| !one.gives.is_empty()).map(with_names).collect();
    typed.dedup();
    if !typed.is_empty() {
        return typed;
    }
    // Functions over tensors sort out themselves what they are given.
    let ways = usage.arities().map(|values| Signature {
        name: function.name.into(),
        parameters: usage
            .names(values)
            .into_iter()
            .map(|name| {
                let kind = match name.as_str() {
                    "x" => "Tensor",
                    "tensors" => "Array",
                    "options" => "Map",
                    _ => "?",
                };
                (name, kind.to_owned())
            })
            .collect(),
        gives: if crate::tensor::gives_tensor(function) { "Tensor" } else { "?" }.into(),
        help: help.clone(),
    });
    ways.collect()
}

/// A layer in all the ways it can be made.
fn layer(info: &LayerInfo) -> Vec<Signature> {
    let (positional, named) = info.options.split_at(info.positional.min(info.options.len()));
    let needed = positional.iter().filter(|spec| spec.default == Default::Required).count();
    let mut help = vec![info.help.clone()];
    help.extend((!info.options.is_empty()).then(String::new));
    help.extend(info.options.iter().map(option));
    let mut ways = Vec::new();
    for values in needed..=positional.len() {
        let values = &positional[..values];
        let parameters: Vec<_> =
            values.iter().map(|spec| (plain(&spec.name), kind(&spec.kind).to_owned())).collect();
        let mut with_map = parameters.clone();
        with_map.push(("options".into(), "Map".into()));
        let more = values.len() < positional.len() || !named.is_empty();
        for parameters in [Some(parameters), more.then_some(with_map)].into_iter().flatten() {
            ways.push(Signature {
                name: info.name.clone(),
                parameters,
                gives: "Layer".into(),
                help: help.clone(),
            });
        }
    }
    ways
}

fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int { .. } => "int",
        Kind::Float { .. } => "float",
        Kind::Bool => "bool",
        Kind::Text | Kind::Choice { .. } => "String",
        Kind::Layers | Kind::Branches | Kind::Floats { .. } => "Array",
        Kind::Map => "Map",
        // Of several types.
        Kind::Sizes { .. } | Kind::Ints | Kind::Texts | Kind::Named | Kind::Folder => "?",
    }
}

/// ``- `padding` = 0: zeros on both sides (a whole number …)``
fn option(spec: &OptionSpec) -> String {
    let default = match &spec.default {
        Default::Required => String::new(),
        Default::Value(value) => format!(" = {}", literal(value)),
        Default::Absent(meaning) => format!(" ({meaning})"),
    };
    let help = if spec.help.is_empty() { String::new() } else { format!("{}; ", spec.help) };
    format!("- `{}`{default}: {help}{}", spec.name, spec.kind.describe())
}

/// What Rhai itself brings.
fn language(engine: &Engine) -> String {
    let own: BTreeSet<Signature> = registered(engine, false).into_iter().collect();
    let all: BTreeSet<Signature> = registered(engine, true).into_iter().collect();
    let definitions = engine.definitions();
    let texts = [definitions.builtin_functions(), definitions.builtin_functions_operators()];
    let mut parts: Vec<String> = texts.iter().flat_map(|text| items(text)).collect();
    // Scripts have one kind of whole number and one of others; the operators are among the texts.
    let foreign = ["i8", "i16", "i32", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "Decimal"];
    for one in all.difference(&own) {
        let types = || one.parameters.iter().map(|(_, kind)| kind).chain([&one.gives]);
        let operator = !one.name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !operator && !types().any(|kind| foreign.contains(&kind.as_str())) {
            parts.push(one.item());
        }
    }
    let unavailable = |item: &String| {
        let code = item.lines().find(|line| !line.starts_with("///")).unwrap_or_default();
        code.is_empty()
            || ["fn eval(", "fn sleep("].iter().any(|head| code.starts_with(head))
            || code.contains("Decimal")
    };
    parts.retain(|item| !unavailable(item));
    parts.dedup();
    file(parts)
}

/// The items of one of Rhai's own texts, each with its documentation.
fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        let documented = line.starts_with("///");
        if line.starts_with("//") && !documented {
            continue;
        }
        if let Some(item) = items.last_mut() {
            item.push_str(line);
            item.push('\n');
        }
        if !documented {
            items.push(String::new());
        }
    }
    items
}

/// What is registered with the engine, sorted; by us, or by the language, too. A function that
/// sorts out itself what it is given has no type of its own.
fn registered(engine: &Engine, language: bool) -> Vec<Signature> {
    let found = engine.collect_fn_metadata(
        None,
        |info| {
            let metadata = info.metadata;
            let parameters = metadata.params_info.iter().enumerate().map(|(i, parameter)| {
                let (name, kind) = parameter.split_once(':').unwrap_or((parameter, ""));
                let kind = type_of(engine, kind);
                let name = match name.trim().rsplit(' ').next() {
                    // What has no name of its own is called by its type.
                    Some("_") if kind == "?" => format!("value_{i}"),
                    Some("_") | None => kind.to_lowercase(),
                    Some(name) => plain(name),
                };
                (name, kind)
            });
            let gives = match metadata.return_type.as_str() {
                "" => String::new(),
                kind => type_of(engine, kind),
            };
            let help = metadata.comments.iter().flat_map(|comment| comment.lines());
            let help = help.map(|line| line.trim_start_matches('/').trim_start().to_owned());
            Some(Signature {
                name: metadata.name.to_string(),
                parameters: parameters.collect(),
                gives,
                help: help.collect(),
            })
        },
        language,
    );
    let sorted: BTreeSet<Signature> = found.into_iter().collect();
    sorted.into_iter().collect()
}

#[cfg(test)]
mod tests;
