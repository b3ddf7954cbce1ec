//! What a person reads about a name.

use std::fmt::Write;

use neurhai_core::catalog::{ArchitectureEntry, Catalog, LayerEntry, MetricEntry, VoteEntry};
use neurhai_core::error::did_you_mean;
use neurhai_core::metric::Direction;
use neurhai_core::options::{Default, OptionSpec};
use neurhai_core::shape::show;
use neurhai_core::{Code, Error, Result};

use super::{columns, example, literal};
use crate::functions::layers::usage;
use crate::functions::{self, Function};

/// Whatever is called so: an entry of the catalog, a function, or the code of an error.
///
/// # Errors
/// [`Code::UnknownName`] with the nearest name.
pub fn anything(catalog: &Catalog, name: &str) -> Result<String> {
    let text = None
        .or_else(|| Code::find(name).map(code))
        .or_else(|| catalog.layers.find(name).map(|entry| layer(catalog, entry)))
        .or_else(|| catalog.architectures.find(name).map(|entry| architecture(entry)))
        .or_else(|| catalog.metrics.find(name).map(|entry| metric(entry)))
        .or_else(|| catalog.votes.find(name).map(|entry| vote(entry)))
        .or_else(|| functions::all().find(|f| f.name == name).map(function));
    text.ok_or_else(|| {
        let codes = Code::ALL.iter().map(|code| code.id());
        let known = (catalog.layers.names().chain(catalog.architectures.names()))
            .chain(catalog.metrics.names().chain(catalog.votes.names()))
            .chain(functions::all().map(|function| function.name).chain(codes));
        let near = did_you_mean(name, known);
        Error::new(Code::UnknownName, format!("nothing is called {name:?}{near}"))
            .help("`host list` shows what there is")
    })
}

/// A layer: how it is called, its options, an example.
pub fn layer(catalog: &Catalog, entry: &LayerEntry) -> String {
    let info = &entry.info;
    let mut out = format!("{}\n\n{}\n", usage(entry), info.help);
    options(&mut out, &info.options);
    let _ = writeln!(out, "\nshapes   {}", info.shapes);
    let _ = writeln!(out, "example  {}", example(catalog, &info.example.layers));
    let (input, output) = (show(&info.example.input), show(&info.example.output));
    let _ = writeln!(out, "         {input} → {output}");
    let _ = write!(out, "source   {}", info.source);
    from(&mut out, &entry.origin.to_string());
    out
}

/// An architecture: its options, and where it comes from.
pub fn architecture(entry: &ArchitectureEntry) -> String {
    let mut out = format!("architecture: {:?}\n\n{}\n", entry.name, entry.help);
    options(&mut out, &entry.options);
    let _ = write!(out, "\n`host inspect {} --input SHAPE` shows its layers", entry.name);
    from(&mut out, &entry.origin.to_string());
    out
}

/// A metric: its formula and range.
pub fn metric(entry: &MetricEntry) -> String {
    let info = &entry.info;
    let better = match info.direction {
        Direction::Higher => "higher is better",
        Direction::Lower => "lower is better",
    };
    let undefined = match info.undefined {
        Some(value) => format!("{value} is reported"),
        None => "nothing is reported".into(),
    };
    let mut out = format!("metric {}\n\n{}\n\nformula  {}\n", info.name, info.help, info.formula);
    let _ = writeln!(out, "range    {} to {}; {better}", info.range.0, info.range.1);
    let _ = writeln!(out, "         where the denominator is zero, {undefined}");
    let _ = write!(out, "source   {}", info.source);
    from(&mut out, &entry.origin.to_string());
    out
}

/// A vote.
pub fn vote(entry: &VoteEntry) -> String {
    let info = &entry.info;
    let mut out = format!("vote: {:?}\n\n{}\n\nsource   {}", info.name, info.help, info.source);
    from(&mut out, &entry.origin.to_string());
    out
}

/// A function of scripts; those that take many options list them.
pub fn function(function: &Function) -> String {
    let mut out = format!("{}\n\n{}\n", function.usage, function.help);
    match function.name {
        "train" | "check" => options(&mut out, &neurhai_core::train::options()),
        "caps" | "images" | "patches" | "slices" | "roi" => {
            options(&mut out, &neurhai_core::data::options::specs());
        }
        _ => {}
    }
    out.trim_end().to_owned()
}

/// The code of an error.
pub fn code(code: Code) -> String {
    format!("{}: {}\n\n{}", code.id(), code.title(), code.resolution())
}

fn options(out: &mut String, specs: &[OptionSpec]) {
    if specs.is_empty() {
        return;
    }
    out.push_str("\noptions\n");
    let rows = specs.iter().map(|spec| {
        let default = match &spec.default {
            Default::Required => "required".into(),
            Default::Value(value) => literal(value),
            Default::Absent(meaning) => format!("({meaning})"),
        };
        let kind = spec.kind.describe();
        let help = if spec.help.is_empty() { kind } else { format!("{} ({kind})", spec.help) };
        vec![format!("  {}", spec.name), default, help]
    });
    let rows: Vec<_> = rows.collect();
    out.push_str(&columns(&rows, 3));
}

fn from(out: &mut String, origin: &str) {
    if origin != "built in" {
        let _ = write!(out, "\nfrom     {origin}");
    }
}
