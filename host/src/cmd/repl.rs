//! `host repl`.

use std::path::Path;
use std::process::ExitCode;

use neurhai_core::{Code, Error};

use super::{failed, misused, runtime};
use crate::output;
use crate::plugins::Options;
use crate::repl::{Input, Read, Request, Session};
use crate::report::Failure;
use crate::runtime::{Mode, Runtime};
use crate::show::explain;
use crate::signals::{self, Awaited};

/// Write a script piece by piece, and see what each piece gives
///
/// Whatever a script can do works here; imports are looked up in the current folder. `help` tells
/// more. Where no person types, lines are read up to the end of the input, and the exit code is 1 if
/// any of them failed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

const HELP: &str = "\
Type a line of a script, and its value is shown. Where a bracket is open, it goes on in the next line.
A piece that fails counts for nothing; variables, functions and imports of all others stay.

  help NAME  explains a function, layer, architecture, vote, metric or error code: help conv
  exit       ends the session, as Ctrl-D does

Tab completes names. Ctrl-C drops what is typed, or stops what is running.";

pub(super) fn run(_: Args, plugins: &Options) -> ExitCode {
    let runtime = runtime(Some(Path::new("repl")), Default::default(), Mode::Run, plugins);
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match converse(&runtime) {
        Ok(code) => code,
        Err(error) => {
            misused(Error::new(Code::FileAccess, "cannot read what is typed").because(error))
        }
    }
}

fn converse(runtime: &Runtime) -> rustyline::Result<ExitCode> {
    let mut session = Session::new(runtime);
    let (mut input, trouble) = Input::open()?;
    if input.terminal() {
        output::line(concat!(
            "Neurhai ",
            env!("CARGO_PKG_VERSION"),
            ": type a line of a script, or help"
        ));
    }
    if let Some(trouble) = trouble {
        output::note(&format!("what is typed will not be remembered: {trouble}"));
    }
    let mut code = ExitCode::SUCCESS;
    let awaited = if input.terminal() { Awaited::Person } else { Awaited::Program };
    loop {
        let read = || input.read(|| session.names());
        let piece = match signals::awaiting(awaited, &runtime.0.shared.stop, read) {
            Ok(read) => match read? {
                Read::Piece(piece) => piece,
                Read::Dropped => continue,
                Read::End => return Ok(code),
            },
            Err(signalled) => return Ok(ExitCode::from(signalled)),
        };
        let done = match session.request(&piece) {
            Request::Exit => return Ok(code),
            Request::Help(None) => Ok(Some(HELP.to_owned())),
            Request::Help(Some(name)) => {
                explain::anything(&runtime.catalog(), name).map(Some).map_err(Failure::from)
            }
            Request::Run => session.run(&piece),
        };
        match done {
            Ok(value) => value.iter().for_each(|value| output::line(value)),
            Err(failure) if input.terminal() => drop(failed(&failure, runtime.sources())),
            Err(failure) => code = failed(&failure, runtime.sources()),
        }
    }
}
