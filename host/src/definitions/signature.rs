//! How a function is written in a definition file: `fn caps(folder: String, options: Map) -> Data;`

use std::fmt::Write;

use rhai::Engine;

/// A way of calling a function, an accessor or an operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Signature {
    /// The name; that of an accessor begins with `get$`.
    pub(super) name: String,
    /// Names and types.
    pub(super) parameters: Vec<(String, String)>,
    /// The type of what it gives.
    pub(super) gives: String,
    /// Its documentation.
    pub(super) help: Vec<String>,
}

impl Signature {
    /// The item of a definition file.
    pub(super) fn item(&self) -> String {
        let mut out = String::new();
        for line in &self.help {
            let _ = writeln!(out, "{}", format!("/// {line}").trim_end());
        }
        let operator = !self.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let parameters = self.parameters.iter().map(|(name, kind)| match operator {
            true => kind.clone(),
            false => format!("{name}: {kind}"),
        });
        let parameters: Vec<_> = parameters.collect();
        let head = match self.name.split_once('$') {
            Some((access, property)) => format!("fn {access} {property}"),
            None if operator => format!("op {}", self.name),
            None => format!("fn {}", self.name),
        };
        let _ = write!(out, "{head}({})", parameters.join(", "));
        if self.gives != "()" {
            let _ = write!(out, " -> {}", self.gives);
        }
        out.push_str(";\n");
        out
    }
}

/// The parameters of a usage line: `data.roi([names], [#{ uncropped_roi, … }])` has data, names and
/// options. What stands in brackets may be left out, or is a list.
pub(super) struct Usage(Vec<(String, bool)>);

impl Usage {
    pub(super) fn read(usage: &str) -> Self {
        let (called, rest) = usage.split_once('(').unwrap_or((usage, ""));
        let rest = rest.rsplit_once(')').map_or(rest, |(values, _)| values).replace(",]", "],");
        let (mut depth, mut bar, mut parts) = (0, false, vec![String::new()]);
        for letter in rest.chars() {
            match letter {
                '|' => bar = !bar,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            match parts.last_mut() {
                Some(part) if letter != ',' || depth > 0 || bar => part.push(letter),
                _ => parts.push(String::new()),
            }
        }
        let object = called.split_once('.').map(|(object, _)| (object.to_owned(), false));
        let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
        let parts = parts.flat_map(|part| {
            let optional = part.starts_with('[');
            parameters(part).into_iter().map(move |name| (name, optional))
        });
        Self(object.into_iter().chain(parts).collect())
    }

    fn required(&self) -> usize {
        self.0.iter().filter(|(_, optional)| !optional).count()
    }

    /// The names in a call with so many values.
    pub(super) fn names(&self, values: usize) -> Vec<String> {
        let needed = values == self.required();
        let given = self.0.iter().filter(|(_, optional)| !needed || !optional);
        let given = given.map(|(name, _)| name.clone()).take(values);
        let mut names: Vec<_> = given.collect();
        names.extend((names.len()..values).map(|i| format!("value_{i}")));
        names
    }

    /// All numbers of values that a call may have.
    pub(super) fn arities(&self) -> std::ops::RangeInclusive<usize> {
        self.required()..=self.0.len()
    }
}

/// The names in a part of a usage line: `options` for a map, `recipe` for a function, otherwise
/// the words, as in `[axis, keepdim]`.
fn parameters(part: &str) -> Vec<String> {
    match part.trim_start_matches('[') {
        map if map.starts_with("#{") => vec!["options".into()],
        function if function.starts_with('|') => vec!["recipe".into()],
        value => {
            let words = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.filter(|word| !word.is_empty()).map(plain).collect()
        }
    }
}

/// Words that Rhai keeps for itself cannot be names.
pub(super) fn plain(name: &str) -> String {
    let reserved = Engine::new_raw().compile(format!("let {name} = 1;")).is_err();
    if reserved { format!("{name}_") } else { name.to_owned() }
}

/// The type of a definition file for one of Rust, or of Rhai's own names for them.
pub(super) fn type_of(engine: &Engine, rust: &str) -> String {
    let rust = rust.trim().trim_start_matches('&').trim_start_matches("mut ").trim();
    // Functions that may fail give what they give when they do not.
    if let Some(inner) = rust.strip_prefix("core::result::Result<") {
        let ok = inner.rsplit_once(", alloc::boxed::Box<").map_or(inner, |(ok, _)| ok);
        return type_of(engine, ok);
    }
    if let Some(ok) = rust.strip_prefix("RhaiResultOf<").and_then(|r| r.strip_suffix('>')) {
        return type_of(engine, ok);
    }
    let name = engine.map_type_name(rust);
    let name = if name.contains('<') { name } else { name.rsplit("::").next().unwrap_or(name) };
    let known = match name {
        "INT" | "i64" => "int",
        "FLOAT" | "f64" => "float",
        "string" | "str" | "ImmutableString" => "String",
        "array" => "Array",
        "map" => "Map",
        "blob" => "Blob",
        "Fn" => "FnPtr",
        "range" | "ExclusiveRange" => "Range<int>",
        "range=" | "InclusiveRange" => "RangeInclusive<int>",
        "" | "Dynamic" | "RhaiResult" => "?",
        map if map.starts_with("alloc::collections::btree::map::BTreeMap<") => "Map",
        list if list.starts_with("alloc::vec::Vec<") => "Array",
        other if other.contains('<') => "?",
        other => other,
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_lines_name_parameters() {
        for (usage, values, expected) in [
            ("caps(folder, [#{ preprocessing, … }])", 1, &["folder"][..]),
            ("caps(folder, [#{ preprocessing, … }])", 2, &["folder", "options"]),
            (
                "architecture(name, [help,] #{ option: default }, |p| [layers])",
                3,
                &["name", "options", "recipe"],
            ),
            (
                "architecture(name, [help,] #{ option: default }, |p| [layers])",
                4,
                &["name", "help", "options", "recipe"],
            ),
            ("data.roi([names], [#{ uncropped_roi, … }])", 2, &["data", "names"]),
            ("run.table([group])", 1, &["run"]),
            ("arg(name, [default])", 2, &["name", "default_"]),
            (
                "layer(name, [help,] #{ option: default }, |l, x| tensor)",
                3,
                &["name", "options", "recipe"],
            ),
            ("args()", 0, &[]),
            ("sort(x, [axis, descending])", 2, &["x", "axis"]),
            ("f(a)", 2, &["a", "value_1"]),
        ] {
            assert_eq!(Usage::read(usage).names(values), expected, "{usage}");
        }
        assert_eq!(Usage::read("conv(x, weight, [bias], [#{ stride }])").arities(), 2..=4);
    }
}
