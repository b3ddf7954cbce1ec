//! Pages for a browser: one file each, without scripts, that asks for nothing from outside.
//!
//! Everything that is written into a page is escaped by the template engine, but for charts, which
//! escape what they write themselves.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use neurhai_core::{Code, Error, Result};
use serde::Serialize;

mod base64;
mod charts;
mod comparison;
mod group;
mod report;
mod svg;
#[cfg(test)]
mod tests;
mod trials;

pub use comparison::comparison;
pub use report::report;
pub use trials::{learning_curve, search};

/// How each of them begins, and nothing else does.
pub const MARK: &str = "<!doctype html>\n<!-- neurhai -->\n";

const STYLE: &str = include_str!("style.css");

/// Fills a page.
fn render(
    name: &'static str,
    template: &'static str,
    context: &serde_json::Value,
) -> Result<String> {
    let internal = |error: minijinja::Error| {
        Error::new(Code::Internal, "cannot write the page").because(format!("{error:#}"))
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("cell", |text: String| cell(&text));
    environment.add_global("style", STYLE);
    environment.add_template("head.html", include_str!("head.html")).map_err(internal)?;
    environment.add_template(name, template).map_err(internal)?;
    let template = environment.get_template(name).map_err(internal)?;
    template.render(Value::from(Serde(context))).map_err(internal)
}

/// A cell of a table of results: numbers with the digits that count.
fn cell(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if text.contains(['.', 'e']) => svg::short(value),
        _ => text.to_owned(),
    }
}

/// A table in a page.
#[derive(Debug, Clone, Default, Serialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new<const N: usize>(columns: [&str; N], rows: Vec<Vec<String>>) -> Self {
        Self { columns: columns.map(str::to_owned).to_vec(), rows }
    }
}

/// `0.812 (0.70 to 0.93)`, without the value.
fn interval((lower, upper): (f64, f64)) -> String {
    format!("{} to {}", svg::short(lower), svg::short(upper))
}

/// The start of a text, where it is longer than a page should hold.
fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}\n… and {} more bytes, in the experiment folder", &text[..end], text.len() - end)
}
