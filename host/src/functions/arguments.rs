//! `arg` and `args`: what stands after `--` on the command line.

use std::collections::BTreeMap;
use std::sync::Arc;

use neurhai_core::error::did_you_mean;
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, ImmutableString, NativeCallContext};

use super::{Shared, raise};
use crate::value::describe;

/// The arguments of a script: `--name value`, `--name=value`, or `--name` alone for `true`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// Reads the words after `--`.
    ///
    /// # Errors
    /// A word that belongs to no name, or a name that is given twice.
    pub fn parse(words: &[String]) -> Result<Self> {
        let bad = |message: String| {
            Error::new(Code::BadOption, message)
                .help("a script's arguments are written as --name value")
        };
        let mut values = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) else {
                return Err(bad(format!("{word:?} belongs to no argument of the script")));
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => match words.next_if(|next| !next.starts_with("--")) {
                    Some(value) => (name, value.clone()),
                    None => (name, "true".to_owned()),
                },
            };
            // `--batch-size` and `batch_size` are the same.
            let name = name.replace('-', "_");
            if values.insert(name.clone(), value).is_some() {
                return Err(bad(format!("the argument --{name} is given twice")));
            }
        }
        Ok(Self(values))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The names with their values, as they were written.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.replace('-', "_")).map(String::as_str)
    }

    /// Refuses names that a script does not ask for.
    ///
    /// # Errors
    /// [`Code::UnknownOption`] with the nearest of the names `known`.
    pub(crate) fn check(&self, known: &[String]) -> Result<()> {
        let names = || known.iter().map(String::as_str);
        let Some(unknown) = self.names().find(|name| !names().any(|known| known == *name)) else {
            return Ok(());
        };
        let near = did_you_mean(unknown, names());
        let list: Vec<_> = names().map(|name| format!("--{name}")).collect();
        let list = if list.is_empty() { "none".into() } else { list.join(", ") };
        let message = format!("the script has no argument {unknown:?}{near}");
        Err(Error::new(Code::UnknownOption, message).help(format!("its arguments are: {list}")))
    }
}

/// A number where the text is one, `true` and `false`, otherwise the text.
fn guess(text: &str) -> Dynamic {
    let number = || text.parse::<i64>().map(Dynamic::from_int).ok();
    let float = || text.parse::<f64>().ok().filter(|f| f.is_finite()).map(Dynamic::from_float);
    let flag = || text.parse::<bool>().map(Dynamic::from_bool).ok();
    number().or_else(float).or_else(flag).unwrap_or_else(|| Dynamic::from(text.to_owned()))
}

/// The text in the type that the default has.
fn like(name: &str, text: &str, default: &Dynamic) -> Result<Dynamic> {
    let value = match default.type_name() {
        "string" => Some(Dynamic::from(text.to_owned())),
        "i64" => text.parse::<i64>().ok().map(Dynamic::from_int),
        "f64" => text.parse::<f64>().ok().filter(|f| f.is_finite()).map(Dynamic::from_float),
        "bool" => text.parse::<bool>().ok().map(Dynamic::from_bool),
        "array" => Some(Dynamic::from_array(text.split(',').map(|t| guess(t.trim())).collect())),
        _ => Some(guess(text)),
    };
    value.ok_or_else(|| {
        let wanted = match default.type_name() {
            "i64" => "a whole number",
            "f64" => "a number",
            _ => "true or false",
        };
        Error::new(Code::BadOption, format!("the argument --{name} must be {wanted}, not {text:?}"))
            .help(format!("without it, it is {}", describe(default)))
    })
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let keep = Arc::clone(shared);
    engine.register_fn("args", move || -> rhai::Map {
        keep.arguments.0.iter().map(|(name, value)| (name.into(), guess(value))).collect()
    });
    let keep = Arc::clone(shared);
    engine.register_fn("arg", move |ctx: NativeCallContext<'_>, name: ImmutableString| {
        keep.arguments.get(&name).map(guess).ok_or_else(|| {
            let script = ctx.call_source().filter(|s| !s.is_empty()).unwrap_or("SCRIPT");
            let message = format!("the script needs the argument --{name}");
            raise(
                Error::new(Code::MissingOption, message)
                    .help(format!("host run {script} -- --{name} …")),
            )
        })
    });
    let keep = Arc::clone(shared);
    engine.register_fn("arg", move |name: ImmutableString, default: Dynamic| {
        match keep.arguments.get(&name) {
            Some(text) => like(&name, text, &default).map_err(raise),
            None => Ok(default),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        Arguments::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_and_values_are_paired() {
        let found = parse(&["--caps", "a b", "--lr=1e-3", "--dry-run", "--epochs", "-1"]).unwrap();
        let found: Vec<_> = found.0.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, [("caps", "a b"), ("dry_run", "true"), ("epochs", "-1"), ("lr", "1e-3")]);
    }

    #[test]
    fn stray_words_and_repetitions_are_refused() {
        for (words, part) in [
            (vec!["caps"], "belongs to no argument"),
            (vec!["--a", "1", "2"], "\"2\" belongs to no argument"),
            (vec!["--a", "1", "--a", "2"], "--a is given twice"),
        ] {
            let error = parse(&words).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let error = parse(&["--cap", "x"]).unwrap().check(&["caps".into()]).unwrap_err();
        assert!(error.to_string().contains("did you mean \"caps\"?"), "{error}");
    }
}
