//! What is shown when something is wrong: where in which script, why, and what to do.

use neurhai_core::{Code, Error, Problem};
use rhai::{NativeCallContext, Position};
use serde_json::{Value, json};

mod diagnose;
mod locate;
mod render;
mod scan;
mod sources;
mod words;

pub(crate) use diagnose::{Traces, diagnose, diagnose_calls, diagnose_parse, option_site};
pub use render::Style;
pub(crate) use scan::{Kind, Token, scan};
pub use sources::Sources;

/// A place in a script: the line and the column count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// The script: its path as it was given, or such as `zoo/conv5_fc3`.
    pub source: String,
    /// The line.
    pub line: usize,
    /// The column, in letters.
    pub column: usize,
}

impl CallSite {
    /// Where the function that `ctx` belongs to is called.
    pub(crate) fn of(ctx: &NativeCallContext<'_>) -> Self {
        let source = ctx.call_source().or_else(|| ctx.fn_source()).unwrap_or_default();
        Self::new(source, ctx.call_position()).unwrap_or(Self {
            source: source.to_owned(),
            line: 1,
            column: 1,
        })
    }

    /// A position of Rhai's, where it is one.
    pub(crate) fn new(source: &str, position: Position) -> Option<Self> {
        let (line, column) = (position.line()?, position.position().unwrap_or(1));
        Some(Self { source: source.to_owned(), line, column })
    }
}

impl std::fmt::Display for CallSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// A call on the way to the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What was called: `widen`, `the architecture "slim3d"`.
    pub what: String,
    /// Where.
    pub at: CallSite,
}

/// One problem, with its place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub problem: Problem,
    /// Where in a script, and how many letters are meant.
    pub at: Option<(CallSite, usize)>,
    /// The calls that led there, innermost first.
    pub frames: Vec<Frame>,
}

/// Why a script or command failed: one or more problems.
#[derive(Debug, Clone)]
pub struct Failure {
    /// All of them, in the order they were found; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// The code of the first problem.
    pub fn code(&self) -> Code {
        self.diagnostics.first().map_or(Code::Internal, |first| first.problem.code)
    }

    /// `{"errors": [{"code", "title", "message", "place", "help", "cause", "at", "calls"}]}`; what is not
    /// known is `null`, and places in scripts are `{"script", "line", "column"}`, counted from 1.
    pub fn json(&self) -> Value {
        let site = |site: &CallSite| json!({ "script": site.source, "line": site.line, "column": site.column });
        let errors = self.diagnostics.iter().map(|one| {
            let Problem { code, message, place, help, cause } = &one.problem;
            let calls =
                one.frames.iter().map(|frame| json!({ "what": frame.what, "at": site(&frame.at) }));
            json!({
                "code": code.id(),
                "title": code.title(),
                "message": message,
                "place": place.as_ref().map(ToString::to_string),
                "help": help,
                "cause": cause,
                "at": one.at.as_ref().map(|(at, _)| site(at)),
                "calls": calls.collect::<Vec<_>>(),
            })
        });
        json!({ "errors": errors.collect::<Vec<_>>() })
    }

    /// The core's form of it, without the places in scripts.
    pub(crate) fn to_error(&self) -> Error {
        let mut problems = neurhai_core::Problems::default();
        for Diagnostic { problem, .. } in &self.diagnostics {
            let mut error = Error::new(problem.code, problem.message.clone());
            if let Some(place) = &problem.place {
                error = error.at(place.clone());
            }
            if let Some(help) = &problem.help {
                error = error.help(help.clone());
            }
            if let Some(cause) = &problem.cause {
                error = error.because(cause);
            }
            problems.push(error);
        }
        let none = || Error::new(Code::Internal, "a script failed without saying why");
        problems.into_result().err().unwrap_or_else(none)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let diagnostics = error.problems().iter().map(|problem| Diagnostic {
            problem: problem.clone(),
            at: None,
            frames: Vec::new(),
        });
        Self { diagnostics: diagnostics.collect() }
    }
}
