//! What a person reads about a name.

use std::fmt::Write;

use neurhai_core::catalog::{
    ArchitectureEntry, Catalog, LayerEntry, LossEntry, MetricEntry, Origin, TransformEntry,
    TransposeEntry, VoteEntry,
};
use neurhai_core::error::did_you_mean;
use neurhai_core::interpret::MethodInfo;
use neurhai_core::metric::{Direction, Measure};
use neurhai_core::optimizer::OptimizerInfo;
use neurhai_core::options::{Default, OptionSpec};
use neurhai_core::sampler::SamplerInfo;
use neurhai_core::schedule::ScheduleInfo;
use neurhai_core::shape::show;
use neurhai_core::{Code, Error, Result, Task, interpret, optimizer, sampler, schedule};

pub use super::explain_json::json;
use super::{columns, example, literal};
use crate::functions::layers::usage;
use crate::functions::{self, Function};

/// Everything that is called so: entries of the catalog, functions, or the code of an error.
///
/// # Errors
/// [`Code::UnknownName`] with the nearest name.
pub fn anything(catalog: &Catalog, name: &str) -> Result<String> {
    let Catalog { layers, architectures, transposes, votes, metrics, losses, transforms } = catalog;
    let entries = [
        Code::find(name).map(code),
        layers.find(name).map(|entry| layer(catalog, entry)),
        architectures.find(name).map(|entry| architecture(entry)),
        transposes.find(name).map(|entry| transpose(entry)),
        votes.find(name).map(|entry| vote(entry)),
        metrics.find(name).map(|entry| metric(entry)),
        losses.find(name).map(|entry| loss(entry)),
        transforms.find(name).map(|entry| transform(entry)),
    ];
    let (optimizers, schedules) = (optimizer::infos(), schedule::infos());
    let samplers = sampler::infos();
    let updates = optimizers.iter().filter(|info| info.name == name).map(optimizer_info);
    let updates =
        updates.chain(schedules.iter().filter(|info| info.name == name).map(schedule_info));
    let methods = interpret::infos();
    let explains = methods.iter().filter(|info| info.name == name).map(method_info);
    let draws = samplers.iter().filter(|info| info.name == name).map(sampler_info);
    let named = functions::all().filter(|function| function.name == name).map(function);
    let found: Vec<_> = entries
        .into_iter()
        .flatten()
        .chain(updates)
        .chain(draws)
        .chain(explains)
        .chain(named)
        .collect();
    if found.is_empty() { Err(unknown(catalog, name)) } else { Ok(found.join("\n\n\n")) }
}

/// Why a name cannot be explained, with the nearest one that can.
pub(super) fn unknown(catalog: &Catalog, name: &str) -> Error {
    let Catalog { layers, architectures, votes, metrics, losses, transforms, .. } = catalog;
    let (optimizers, schedules) = (optimizer::infos(), schedule::infos());
    let (samplers, methods) = (sampler::infos(), interpret::infos());
    let known = layers.names().chain(architectures.names()).chain(votes.names());
    let known = known.chain(metrics.names()).chain(losses.names()).chain(transforms.names());
    let known = known.chain(optimizers.iter().map(|info| info.name.as_str()));
    let known = known.chain(schedules.iter().map(|info| info.name.as_str()));
    let known = known.chain(samplers.iter().map(|info| info.name.as_str()));
    let known = known.chain(methods.iter().map(|info| info.name.as_str()));
    let known = known.chain(functions::all().map(|function| function.name));
    let near = did_you_mean(name, known.chain(Code::ALL.iter().map(|code| code.id())));
    Error::new(Code::UnknownName, format!("nothing is called {name:?}{near}"))
        .help("`host list` shows what there is")
}

/// A layer: how it is called, its options, an example.
fn layer(catalog: &Catalog, entry: &LayerEntry) -> String {
    let info = &entry.info;
    let mut out = head(&format!("layer {}", usage(entry)), &info.help, &info.options);
    let _ = writeln!(out, "\nshapes   {}", info.shapes);
    let _ = writeln!(out, "example  {}", example(catalog, &info.example.layers));
    if !info.example.input.is_empty() {
        let (input, output) = (show(&info.example.input), show(&info.example.output));
        let _ = writeln!(out, "         {input} → {output}");
    }
    tail(out, &info.source, &entry.origin)
}

/// An architecture: its options, and where it comes from.
fn architecture(entry: &ArchitectureEntry) -> String {
    let mut out = head(&format!("architecture {:?}", entry.name), &entry.help, &entry.options);
    let _ = writeln!(
        out,
        "\nexample  architecture: {:?}{}",
        entry.name,
        given(&entry.options, "options")
    );
    let _ = writeln!(out, "         host inspect {} --input SHAPE shows its layers", entry.name);
    tail(out, &entry.source, &entry.origin)
}

/// How a decoder undoes a layer.
fn transpose(entry: &TransposeEntry) -> String {
    let out = head(&format!("transpose rule of {:?}", entry.layer), &entry.help, &[]);
    tail(out + "\n", "", &entry.origin)
}

/// A vote.
fn vote(entry: &VoteEntry) -> String {
    let info = &entry.info;
    let mut out = head(&format!("vote {:?}", info.name), &info.help, &info.options);
    if info.fits {
        out.push_str("\nIt learns from the validation set before it is used.\n");
    }
    let _ =
        writeln!(out, "\nexample  vote: {:?}{}", info.name, given(&info.options, "vote_options"));
    tail(out, &info.source, &entry.origin)
}

/// A metric: its formula and range.
fn metric(entry: &MetricEntry) -> String {
    let info = &entry.info;
    let better = match info.direction {
        Direction::Higher => "higher is better",
        Direction::Lower => "lower is better",
    };
    let undefined = match (&entry.measures[..], info.undefined) {
        ([Measure::Classes(_), ..], Some(value)) => {
            format!("where the denominator is zero, {value} is reported")
        }
        ([Measure::Classes(_), ..], None) => {
            "where the denominator is zero, nothing is reported".into()
        }
        _ => "where it is not defined, nothing is reported".into(),
    };
    let mut out = head(&format!("metric {:?}", info.name), &info.help, &[]);
    let _ = writeln!(out, "\ntask     {}", words(entry.measures.iter().map(Measure::task)));
    let _ = writeln!(out, "formula  {}", info.formula);
    let _ = writeln!(out, "range    {} to {}; {better}", info.range.0, info.range.1);
    let _ = writeln!(out, "         {undefined}");
    let _ = writeln!(out, "example  selection_metrics: [{:?}]", info.name);
    tail(out, &info.source, &entry.origin)
}

/// A loss.
fn loss(entry: &LossEntry) -> String {
    let info = &entry.info;
    let mut out = head(&format!("loss {:?}", info.name), &info.help, &info.options);
    let trained = Task::ALL.into_iter().filter(|task| entry.trains(*task));
    let _ = writeln!(out, "\ntask     {}", words(trained));
    let _ = writeln!(out, "example  loss: {:?}{}", info.name, given(&info.options, "loss_options"));
    tail(out, &info.source, &entry.origin)
}

/// `regression, reconstruction`
fn words(tasks: impl Iterator<Item = Task>) -> String {
    tasks.map(Task::name).collect::<Vec<_>>().join(", ")
}

/// A transform of training images.
fn transform(entry: &TransformEntry) -> String {
    let info = &entry.info;
    let mut out = head(&format!("transform {:?}", info.name), &info.help, &info.options);
    let name = match info.options.iter().find_map(some_value) {
        Some((option, value)) => format!("#{{ name: {:?}, {option}: {value} }}", info.name),
        None => format!("{:?}", info.name),
    };
    let _ = writeln!(out, "\nexample  augmentation: [{name}]");
    tail(out, &info.source, &entry.origin)
}

/// An optimiser.
fn optimizer_info(info: &OptimizerInfo) -> String {
    let OptimizerInfo { name, help, source, options } = info;
    let mut out = head(&format!("optimizer {name:?}"), help, options);
    let given = given(options, "optimizer_options");
    let _ = writeln!(out, "\nexample  optimizer: {name:?}{given}, learning_rate: 1e-3");
    tail(out, source, &Origin::BuiltIn)
}

/// A schedule.
fn schedule_info(info: &ScheduleInfo) -> String {
    let ScheduleInfo { name, help, source, options } = info;
    let mut out = head(&format!("schedule {name:?}"), help, options);
    // What must be given belongs into an example.
    let required = options.iter().find(|spec| spec.default == Default::Required);
    let given = match required {
        Some(spec) => format!(", schedule_options: #{{ {}: 10 }}", spec.name),
        None => given(options, "schedule_options"),
    };
    let _ = writeln!(out, "\nexample  schedule: {name:?}{given}");
    tail(out, source, &Origin::BuiltIn)
}

/// A method of interpretation.
fn method_info(info: &MethodInfo) -> String {
    let MethodInfo { name, help, formula, source, options } = info;
    let mut out = head(&format!("method {name:?}"), help, options);
    let option = options.iter().find_map(some_value);
    let option = option.map_or_else(String::new, |(option, value)| format!(" -o {option}={value}"));
    let _ = writeln!(out, "\nformula  {formula}");
    let _ = writeln!(out, "example  host interpret MAPS validation NAME {name}{option}");
    tail(out, source, &Origin::BuiltIn)
}

/// A sampler.
fn sampler_info(info: &SamplerInfo) -> String {
    let SamplerInfo { name, help, source, options } = info;
    let mut out = head(&format!("sampler {name:?}"), help, options);
    let _ = writeln!(out, "\nexample  sampler: {name:?}{}", given(options, "sampler_options"));
    tail(out, source, &Origin::BuiltIn)
}

/// `, vote_options: #{ share: 0.2 }` with an option that has a value to show.
fn given(specs: &[OptionSpec], key: &str) -> String {
    specs
        .iter()
        .find_map(some_value)
        .map_or_else(String::new, |(option, value)| format!(", {key}: #{{ {option}: {value} }}"))
}

fn some_value(spec: &OptionSpec) -> Option<(&str, String)> {
    match &spec.default {
        Default::Value(value) => Some((&spec.name, literal(value))),
        _ => None,
    }
}

fn head(title: &str, help: &str, specs: &[OptionSpec]) -> String {
    let mut out = format!("{title}\n");
    if !help.is_empty() {
        let _ = write!(out, "\n{help}\n");
    }
    options(&mut out, specs);
    out
}

/// Where the idea and where the code comes from.
fn tail(mut out: String, source: &str, origin: &Origin) -> String {
    if !source.is_empty() {
        let _ = writeln!(out, "source   {source}");
    }
    let _ = write!(out, "from     {origin}");
    out
}

/// A function of scripts; those that take many options list them.
fn function(function: &Function) -> String {
    let mut out = format!("function {}\n\n{}\n", function.usage, function.help);
    match function.name {
        "train" | "check" => options(&mut out, &neurhai_core::train::options()),
        "predict" => options(&mut out, &neurhai_core::predict::options()),
        "interpret" => options(&mut out, &neurhai_core::interpret::options()),
        "find_learning_rate" => options(&mut out, &neurhai_core::train::Sweep::options()),
        "caps" | "images" | "patches" | "slices" | "roi" => {
            options(&mut out, &neurhai_core::data::options::specs());
        }
        _ => {}
    }
    out.trim_end().to_owned()
}

/// The code of an error.
fn code(code: Code) -> String {
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
