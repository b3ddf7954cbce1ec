//! Networks, their layers and results as a person reads them.

use std::fmt::Write;

use neurhai_core::catalog::{Catalog, LayerEntry};
use neurhai_core::network::{LayerRow, LayerSpec, Plan};
use neurhai_core::options::{Default, Kind, OptionSpec};
use neurhai_core::shape::{elements, show};
use serde_json::{Map, Value};

use crate::functions::layers::written;

mod agreements;
mod cached;
mod check;
mod compare;
mod configuration;
mod describe;
mod divided;
mod doctor;
pub mod explain;
mod explain_json;
mod facts;
mod findings;
mod generated;
mod import;
mod interpreted;
mod mirrored;
mod prepare;
mod rates;
mod results;
mod study;
mod together;
mod transfer;
pub(crate) mod trials;

pub use agreements::{agreements, agrees};
pub use cached::{cached, removed};
pub use check::check_report;
pub use compare::comparison;
pub use configuration::configuration;
pub use describe::{described, verified};
pub use divided::divided;
pub use doctor::examined;
pub use facts::facts;
pub use findings::{checked, findings};
pub use generated::generated;
pub use import::imported;
pub use interpreted::interpreted;
pub use prepare::{planned, prepared};
pub use rates::{found_rates, no_rate};
pub use results::{predicted, results};
pub use study::{analysed, labelled};
pub use together::together;
pub(crate) use together::{p_value, value_text};
pub use transfer::transfer_table;
pub use trials::{learning_curve, search};

/// A layer as a script would write it: `conv(8, 3, #{ padding: 1 })`.
pub fn layer(catalog: &Catalog, spec: &LayerSpec) -> String {
    let entry = catalog.layers.find(&spec.kind).map(|entry| &**entry);
    let text = call(catalog, &spec.kind, entry, &spec.options, true);
    match &spec.name {
        Some(name) => format!("{text}.named({name:?})"),
        None => text,
    }
}

/// The call that makes a layer; inner layers are written out or shown as `…`.
fn call(
    catalog: &Catalog,
    kind: &str,
    entry: Option<&LayerEntry>,
    options: &Map<String, Value>,
    whole: bool,
) -> String {
    let specs = entry.map_or(&[][..], |entry| &entry.info.options);
    let positional = entry.map_or(0, |entry| entry.info.positional);
    let value = |spec: Option<&OptionSpec>, value: &Value| match spec.map(|spec| &spec.kind) {
        Some(Kind::Layers | Kind::Branches) if whole => layers(catalog, value),
        Some(Kind::Layers | Kind::Branches) => "[…]".into(),
        _ => literal(value),
    };
    let mut parts = Vec::new();
    let given = specs[..positional].iter().map_while(|spec| Some((spec, options.get(&spec.name)?)));
    let taken: Vec<_> = given.collect();
    // Values at the end that follow from others need not be written; defaults that are numbers are
    // what a reader wants to see.
    let follows = |spec: &OptionSpec, value: &Value| match &spec.default {
        Default::Absent(meaning) => options.get(meaning) == Some(value),
        _ => value.as_array().is_some_and(Vec::is_empty),
    };
    let needed = taken.iter().rposition(|(spec, value)| !follows(spec, value));
    for (spec, given) in taken.iter().take(needed.map_or(0, |last| last + 1)) {
        parts.push(value(Some(spec), given));
    }
    let named = options.iter().filter(|(key, _)| !taken.iter().any(|(spec, _)| spec.name == **key));
    let named = named.filter_map(|(key, given)| {
        let spec = specs.iter().find(|spec| spec.name == *key);
        let default = spec.is_some_and(|spec| is_default(spec, given, options));
        (!default).then(|| format!("{key}: {}", value(spec, given)))
    });
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        parts.push(format!("#{{ {} }}", named.join(", ")));
    }
    match entry {
        Some(entry) => written(entry, &parts),
        None => format!("{kind}({})", parts.join(", ")),
    }
}

fn is_default(spec: &OptionSpec, value: &Value, options: &Map<String, Value>) -> bool {
    match &spec.default {
        Default::Value(default) => {
            default == value || default.as_f64() == value.as_f64() && value.is_number()
        }
        // An absent option whose meaning is another one, such as a stride that is the kernel's.
        Default::Absent(meaning) => options.get(meaning) == Some(value),
        Default::Required => false,
    }
}

fn layers(catalog: &Catalog, value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(|item| layers(catalog, item)).collect();
            format!("[{}]", list.join(", "))
        }
        other => match LayerSpec::read(other) {
            Ok(spec) => layer(catalog, &spec),
            Err(_) => literal(other),
        },
    }
}

/// A value as a script would write it.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "()".into(),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(literal).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Object(map) if map.is_empty() => "#{}".into(),
        Value::Object(map) => {
            let map: Vec<_> = map.iter().map(|(k, v)| format!("{k}: {}", literal(v))).collect();
            format!("#{{ {} }}", map.join(", "))
        }
        other => other.to_string(),
    }
}

/// The layers of an example as a script would write them.
pub fn example(catalog: &Catalog, value: &Value) -> String {
    layers(catalog, value)
}

/// The layer table of a planned network, with its totals; that of an autoencoder has its encoder and
/// decoder side by side.
pub fn layer_table(catalog: &Catalog, plan: &Plan) -> String {
    let weights = plan.params.iter().filter_map(|param| elements(&param.shape)).sum::<i64>() * 4;
    let mut out = mirrored::table(catalog, plan).unwrap_or_else(|| whole_table(catalog, plan));
    let _ = write!(
        out,
        "memory is that of the outputs, for one sample in float32; the weights take {}",
        bytes(weights as u64)
    );
    out
}

/// Every layer in a line of its own, and the totals.
fn whole_table(catalog: &Catalog, plan: &Plan) -> String {
    let mut rows = layer_rows(catalog, &plan.rows);
    rows.push(vec![
        "total".into(),
        format!("input {}", show(&plan.input)),
        show(&plan.output),
        grouped(plan.parameters() as u64),
        amount(plan.multiply_adds()),
        bytes(plan.activation_bytes() as u64),
    ]);
    columns(&rows, 3)
}

/// The layer table without totals.
fn rows_table(catalog: &Catalog, rows: &[LayerRow]) -> String {
    columns(&layer_rows(catalog, rows), 3)
}

fn layer_rows(catalog: &Catalog, rows: &[LayerRow]) -> Vec<Vec<String>> {
    let head = ["layer", "", "output", "parameters", "multiply–adds", "memory"];
    let rows = rows.iter().map(|row| {
        vec![
            format!("{}{}", "  ".repeat(row.depth), row.path),
            row_call(catalog, row),
            show(&row.output),
            if row.parameters > 0 { grouped(row.parameters as u64) } else { String::new() },
            if row.multiply_adds > 0 { amount(row.multiply_adds) } else { String::new() },
            bytes(row.output_bytes as u64),
        ]
    });
    std::iter::once(head.map(String::from).to_vec()).chain(rows).collect()
}

fn row_call(catalog: &Catalog, row: &LayerRow) -> String {
    let entry = catalog.layers.find(&row.kind).map(|entry| &**entry);
    call(catalog, &row.kind, entry, &row.options, false)
}

/// Cells in columns, two spaces apart; the columns from `right` on are aligned to the right.
pub fn columns(rows: &[Vec<String>], right: usize) -> String {
    let width = |text: &str| text.chars().count();
    let number = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| width(cell)).max();
    let widths: Vec<_> = (0..number).map(|i| widest(i).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[i] - width(cell));
            let gap = if i > 0 { "  " } else { "" };
            let _ = if i >= right {
                write!(line, "{gap}{space}{cell}")
            } else {
                write!(line, "{gap}{cell}{space}")
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `42 293 972`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `1.36 G`.
pub fn amount(number: u64) -> String {
    scaled(number as f64, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
}

/// `201 MB`, in powers of 1000.
pub fn bytes(number: u64) -> String {
    scaled(number as f64, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A number with so many places; `2.5e-5` where they would hide it, `1.234e9` where it is long.
pub fn figure(value: f64, places: usize) -> String {
    match value.abs() {
        size if size >= 1e7 && size.is_finite() => format!("{value:.3e}"),
        size if size > 0.0 && size < 10f64.powi(1 - places as i32) => format!("{value:.1e}"),
        _ => format!("{value:.places$}"),
    }
}

/// `0.23 s`, `12 s`, `3 min 20 s`, `2 h 05 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        _ if !seconds.is_finite() => "unknown".into(),
        0..=9 => format!("{seconds:.2} s"),
        10..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while number >= step && unit + 1 < units.len() {
        (number, unit) = (number / step, unit + 1);
    }
    let text = match number {
        n if unit == 0 || n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    };
    format!("{text} {}", units[unit]).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact_where_it_matters() {
        assert_eq!(grouped(42_293_972), "42 293 972");
        assert_eq!(grouped(7), "7");
        assert_eq!(amount(1_358_000_000), "1.36 G");
        assert_eq!(amount(224), "224");
        assert_eq!(bytes(201_300_000), "201 MB");
        for (value, text) in [
            (0.25, "0.2500"),
            (0.0, "0.0000"),
            (-2.4e-4, "-2.4e-4"),
            (1234567.0, "1234567.0000"),
            (-1.234e60, "-1.234e60"),
            (1e300, "1.000e300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(figure(value, 4), text);
        }
        assert_eq!(duration(0.234), "0.23 s");
        assert_eq!(duration(200.4), "3 min 20 s");
        assert_eq!(duration(7500.0), "2 h 05 min");
    }

    #[test]
    fn layers_are_written_as_in_a_script() {
        let catalog = Catalog::built_in().unwrap();
        for (json, text) in [
            (
                r#"{"kind":"conv","out_channels":8,"kernel_size":3,"padding":1}"#,
                "conv(8, 3, #{ padding: 1 })",
            ),
            (r#"{"kind":"relu"}"#, "relu()"),
            (r#"{"kind":"pad_max_pool","kernel_size":2,"stride":2}"#, "pad_max_pool(2)"),
            (r#"{"kind":"dropout","p":0.5}"#, "dropout(0.5)"),
            (r#"{"kind":"dropout","p":0.0,"name":"drop"}"#, "dropout(0.0).named(\"drop\")"),
            (r#"{"kind":"residual","body":[{"kind":"relu"}],"shortcut":[]}"#, "residual([relu()])"),
        ] {
            let spec = LayerSpec::read(&serde_json::from_str(json).unwrap()).unwrap();
            assert_eq!(layer(&catalog, &spec), text);
        }
    }
}
