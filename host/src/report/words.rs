//! Rhai's errors in a user's words.

use neurhai_core::error::did_you_mean;
use neurhai_core::{Code, Error};
use rhai::{EvalAltResult as Rhai, ParseErrorType};

use super::diagnose::{halted, near_word};
use super::{CallSite, scan};
use crate::functions::layers::miscalled;
use crate::functions::{self, Shared};
use crate::sandbox::Halt;
use crate::tensor;
use crate::value::describe_type;

/// An error of the interpreter.
pub(super) fn of_rhai(error: &Rhai, site: &CallSite, shared: &Shared) -> Error {
    let plain = |message: String| Error::new(Code::ScriptError, message);
    let unknown = |what: &str, name: &str| unknown(what, name, &site.source, shared);
    match error {
        Rhai::ErrorFunctionNotFound(signature, _) => function(signature, site, shared),
        Rhai::ErrorVariableNotFound(name, _) => unknown("variable", name),
        Rhai::ErrorPropertyNotFound(name, _) => unknown("entry", name),
        Rhai::ErrorModuleNotFound(name, _) => {
            Error::new(Code::FileNotFound, format!("there is no module {name:?} to import"))
                .help("a module lies beside the script, as NAME.rhai, or comes with the program, as \"zoo/blocks\"")
        }
        Rhai::ErrorMismatchDataType(wanted, found, _)
        | Rhai::ErrorMismatchOutputType(wanted, found, _) => plain(format!(
            "expected {}, found {}",
            describe_type(wanted),
            describe_type(found)
        )),
        Rhai::ErrorStackOverflow(_) => {
            Error::new(Code::ScriptLimit, "functions call each other too deeply")
                .help("look for a function that calls itself without end")
        }
        Rhai::ErrorDataTooLarge(what, _) => too_large(what, shared.limits.elements),
        Rhai::ErrorTooManyVariables(_) => {
            Error::new(Code::ScriptLimit, "the script has too many variables")
        }
        Rhai::ErrorTooManyModules(_) => {
            Error::new(Code::ScriptLimit, "the script imports too many modules")
        }
        Rhai::ErrorTooManyOperations(_) => {
            Error::new(Code::ScriptLimit, "the script took too many steps")
        }
        Rhai::ErrorTerminated(token, _) => halted(token.clone().try_cast::<Halt>()),
        Rhai::ErrorParsing(kind, _) => of_parser(kind, &site.source, shared),
        Rhai::ErrorRuntime(value, _) if value.is_unit() => plain("the script gave up".into()),
        Rhai::ErrorRuntime(value, _) => plain(value.to_string()),
        other => plain(sentence(&other.to_string())),
    }
}

/// A name that is not there, with the nearest word of the script.
fn unknown(what: &str, name: &str, source: &str, shared: &Shared) -> Error {
    let near = near_word(shared, source, name);
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    Error::new(Code::UnknownName, format!("there is no {what} {name:?}{near}"))
}

/// Whether a script defines a variable of this name somewhere.
fn defined(name: &str, source: &str, shared: &Shared) -> bool {
    let text = shared.sources.text(source).unwrap_or_default();
    let tokens = scan(&text);
    let pairs = tokens.windows(2);
    pairs.into_iter().any(|pair| ["let", "const"].contains(&pair[0].text) && pair[1].text == name)
}

/// An error of the parser.
pub(super) fn of_parser(kind: &ParseErrorType, source: &str, shared: &Shared) -> Error {
    match kind {
        ParseErrorType::VariableUndefined(name) => {
            let error = unknown("variable", name, source, shared);
            match defined(name, source, shared) {
                true => error.help(
                    "a function made with fn sees only its own parameters; a closure, |x| …, sees more",
                ),
                false => error,
            }
        }
        ParseErrorType::ModuleUndefined(name) => unknown("imported module", name, source, shared)
            .help(format!("import it first: import \"…\" as {name};")),
        ParseErrorType::UnexpectedEOF => {
            Error::new(Code::ScriptError, "the script ends in the middle of something")
                .help("look for a bracket or quote that is not closed")
        }
        ParseErrorType::ExprTooDeep
        | ParseErrorType::LiteralTooLarge(..)
        | ParseErrorType::TooManyFunctions => {
            Error::new(Code::ScriptLimit, sentence(&kind.to_string()))
        }
        ParseErrorType::Reserved(word) if word == "eval" => {
            Error::new(Code::ScriptError, "eval is not available in scripts")
        }
        other => Error::new(Code::ScriptError, sentence(&other.to_string())),
    }
}

/// Rhai's texts begin with a capital and end with a position, which the report shows anyway.
fn sentence(text: &str) -> String {
    let text = text.split(" (line ").next().unwrap_or(text).trim();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn too_large(what: &str, elements: usize) -> Error {
    let message = match what {
        what if what.contains("string") => {
            return Error::new(Code::ScriptLimit, "a text grew too long")
                .help("those within a list or map count together");
        }
        what if what.contains("map") => format!("a map would hold more than {elements} entries"),
        _ => format!("a list would hold more than {elements} elements"),
    };
    Error::new(Code::ScriptLimit, message).help("those of lists and maps within it count, too")
}

/// A call that fits no function: `conv (i64, array)`.
fn function(signature: &str, site: &CallSite, shared: &Shared) -> Error {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let bare = name.rsplit("::").next().unwrap_or(name).trim();
    let types: Vec<_> = types.trim_end_matches(')').split(", ").filter(|t| !t.is_empty()).collect();
    let given: Vec<_> = types.iter().map(|name| describe_type(name)).collect();
    let catalog = shared.catalog();
    if given.first().is_some_and(|first| first == "a tensor")
        && let Some(error) = tensor::miscalled(bare, &given.join(", "))
    {
        return error;
    }
    if let Some(entry) = catalog.layers.find(bare) {
        return miscalled(entry, given.into_iter());
    }
    if bare.starts_with("anon$") {
        let message = format!("a function that takes {} was expected here", given.join(", "));
        let names: Vec<_> = ["a", "b", "c", "d"].into_iter().take(given.len()).collect();
        let help = format!("begin it with one name for each: |{}| …", names.join(", "));
        return Error::new(Code::BadOption, message).help(help);
    }
    let given = if given.is_empty() { "nothing".into() } else { given.join(", ") };
    if let Some(function) = functions::all().find(|function| function.name == bare) {
        let message = format!("{bare} cannot be called with {given}");
        return Error::new(Code::BadOption, message)
            .help(format!("it is called as {}", function.usage));
    }
    if let Some(property) = bare.strip_prefix("get$") {
        return Error::new(Code::UnknownName, format!("there is no property {property:?} here"));
    }
    if !bare.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let message = format!("{bare} cannot be applied to {}", given.replace(", ", " and "));
        return Error::new(Code::ScriptError, message);
    }
    drop(catalog);
    no_function(bare, &format!(" for {given}"), &site.source, shared)
}

/// A function that does not exist, with the nearest that does; `given` says what it was called with.
pub(super) fn no_function(name: &str, given: &str, source: &str, shared: &Shared) -> Error {
    let catalog = shared.catalog();
    let known = catalog.layers.names().chain(functions::all().map(|function| function.name));
    let mut near = did_you_mean(name, known);
    if near.is_empty()
        && let Some(word) = near_word(shared, source, name)
    {
        near = format!("; did you mean {word:?}?");
    }
    let message = format!("there is no function {name:?}{given}{near}");
    Error::new(Code::UnknownName, message).help("`host list` shows all layers and functions")
}
