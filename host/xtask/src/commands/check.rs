//! `cargo xtask check`: what a change has to pass besides the tests.

use super::{Command, nothing_more};
use crate::error::{Error, Result};
use crate::libtorch::{self, Existing};
use crate::process::{cargo, in_words};
use crate::repository::Repository;
use std::time::Instant;

pub(super) const COMMAND: Command = Command {
    name: "check",
    usage: "check",
    summary: "Check the format, and lint everything with warnings as errors.",
    help: "Both are run even when the first one fails. `cargo fmt --all` repairs the format.",
    run,
};

fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    nothing_more(&COMMAND, arguments)?;
    let format = timed(repository, "format is", &["fmt", "--all", "--check"]);
    libtorch::ensure(repository, Existing::Keep)?;
    let lints = timed(
        repository,
        "lints are",
        &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"],
    );
    match (format, lints) {
        (Err(format), Err(lints)) => {
            eprintln!("error: {lints}");
            Err(unformatted(&format))
        }
        (Err(format), Ok(())) => Err(unformatted(&format)),
        (Ok(()), lints) => lints,
    }
}

fn timed(repository: &Repository, subject: &str, arguments: &[&str]) -> Result<()> {
    let start = Instant::now();
    cargo(repository, arguments)?;
    eprintln!("{subject} in order ({})", in_words(start.elapsed()));
    Ok(())
}

fn unformatted(error: &Error) -> Error {
    Error::new(error.to_string(), "`cargo fmt --all` repairs the format.")
}
