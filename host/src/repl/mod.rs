//! A script that is given piece by piece: `host repl`.

use std::collections::BTreeSet;

use rhai::{AST, Dynamic, ImmutableString, Scope};

use crate::functions;
use crate::report::{Failure, Kind, Token, diagnose, scan};
use crate::runtime::{Runtime, on_large_stack};
use crate::sandbox::measured;

mod complete;
mod incomplete;
mod input;

pub(crate) use input::{Input, Read};

/// What messages call the script.
const NAME: &str = "repl";

/// Words of the language.
const KEYWORDS: [&str; 24] = [
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for",
    "if", "import", "in", "let", "loop", "private", "return", "switch", "throw", "true", "try",
    "until", "while",
];

/// The pieces so far, and what they left behind.
///
/// A piece that fails counts for nothing: its variables and functions are forgotten again.
pub(crate) struct Session<'r> {
    runtime: &'r Runtime,
    /// All pieces, as one script; those that failed are comments.
    text: String,
    imports: Vec<Import>,
    scope: Scope<'static>,
    /// The functions, closures included.
    functions: AST,
}

impl<'r> Session<'r> {
    pub(crate) fn new(runtime: &'r Runtime) -> Self {
        Self {
            runtime,
            text: String::new(),
            imports: Vec::new(),
            scope: Scope::new(),
            functions: AST::empty(),
        }
    }

    /// Runs a piece; its value as text, if it has one.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub(crate) fn run(&mut self, piece: &str) -> Result<Option<String>, Failure> {
        let (variables, line) = (self.scope.len(), self.text.lines().count());
        self.runtime.load(NAME, &format!("{}{piece}\n", self.text));
        let done = self.evaluate(&format!("{}{piece}", self.context(line)));
        for written in piece.lines() {
            let mark = if done.is_err() { "// " } else { "" };
            self.text.push_str(&format!("{mark}{written}\n"));
        }
        match &done {
            Ok(_) => self.imports.extend(Import::all(piece, line)),
            Err(_) => drop(self.scope.rewind(variables)),
        }
        done
    }

    /// What stands before a piece, so that its lines count on: empty lines, and the imports so far,
    /// which cost nothing a second time.
    fn context(&self, lines: usize) -> String {
        let mut context = vec![String::new(); lines];
        for import in &self.imports {
            context[import.line].push_str(&import.text);
        }
        context.iter().map(|line| format!("{line}\n")).collect()
    }

    fn evaluate(&mut self, text: &str) -> Result<Option<String>, Failure> {
        let (engine, shared) = (&self.runtime.0.engine, &self.runtime.0.shared);
        let ast = self.runtime.compile(NAME, text, &self.scope, &self.functions)?;
        let scope = &mut self.scope;
        let run = || {
            measured(|| {
                let value = engine.eval_ast_with_scope::<Dynamic>(scope, &ast)?;
                if value.is_unit() {
                    return Ok(None);
                }
                if let Some(text) = value.read_lock::<ImmutableString>() {
                    return Ok(Some(format!("{:?}", text.as_str())));
                }
                let mut shown = Scope::new();
                shown.push_dynamic("value", value);
                engine.eval_with_scope(&mut shown, "value.to_string()").map(Some)
            })
        };
        let shown = on_large_stack(run)?.map_err(|error| diagnose(&error, NAME, shared))?;
        self.functions = ast.clone_functions_only();
        // A variable that was hidden by a later one of its name is gone.
        self.scope = self.scope.clone_visible();
        Ok(shown)
    }

    /// What a piece asks for. `help conv` and `exit` are no script, unless variables are called so.
    pub(crate) fn request<'t>(&self, piece: &'t str) -> Request<'t> {
        let tokens = scan(piece);
        let words = tokens.iter().filter(|t| !t.is("(") && !t.is(")") && !t.is(";"));
        let words: Vec<&str> = words.map(|token| token.text).collect();
        match words[..] {
            [word, ..] if self.scope.contains(word) => Request::Run,
            ["exit" | "quit"] => Request::Exit,
            ["help"] => Request::Help(None),
            ["help", name] => Request::Help(Some(name)),
            _ => Request::Run,
        }
    }

    /// Everything that can be typed here, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = KEYWORDS.map(String::from).into();
        names.extend(self.scope.iter_raw().map(|(name, ..)| name.to_owned()));
        names.extend(self.functions.iter_functions().map(|function| function.name.to_owned()));
        names.extend(functions::all().map(|function| function.name.to_owned()));
        names.extend(self.runtime.catalog().layers.names().map(str::to_owned));
        let engine = &self.runtime.0.engine;
        names.extend(engine.collect_fn_metadata(
            None,
            |info| Some(info.metadata.name.to_string()),
            true,
        ));
        names.extend(self.imports.iter().filter_map(|import| import.alias.clone()));
        // Operators, accessors and closures have names that nobody types.
        let typed = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        names.into_iter().filter(typed).collect()
    }
}

/// What a piece asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request<'t> {
    /// To be run.
    Run,
    /// Help, in general or on a name.
    Help(Option<&'t str>),
    /// The end.
    Exit,
}

/// An import of a piece, which holds for all later ones.
struct Import {
    /// The line it stands in, from 0.
    line: usize,
    /// The statement.
    text: String,
    alias: Option<String>,
}

impl Import {
    /// The imports of a piece that begins in this line, but for those within functions and blocks.
    fn all(piece: &str, line: usize) -> Vec<Self> {
        let tokens: Vec<_> =
            scan(piece).into_iter().filter(|token| token.kind != Kind::Comment).collect();
        let mut depth = 0;
        let mut imports = Vec::new();
        for statement in tokens.split(|token| {
            match token.text {
                "{" if token.kind == Kind::Sign => depth += 1,
                "}" if token.kind == Kind::Sign => depth -= 1,
                _ => {}
            }
            depth == 0 && (token.is(";") || token.is("}"))
        }) {
            let Some(first) = statement.first() else { continue };
            if (first.kind, first.text) != (Kind::Word, "import") {
                continue;
            }
            let word = |token: &Token<'_>| match token.kind {
                Kind::Text => format!("\"{}\" ", token.text),
                _ => format!("{} ", token.text),
            };
            let alias = statement.windows(2).find(|pair| pair[0].text == "as");
            imports.push(Self {
                line: line + first.line - 1,
                text: statement.iter().map(word).collect::<String>() + "; ",
                alias: alias.map(|pair| pair[1].text.to_owned()),
            });
        }
        imports
    }
}

#[cfg(test)]
mod tests;
