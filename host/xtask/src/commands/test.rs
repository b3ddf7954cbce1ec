//! `cargo xtask test`: all tests of all crates.

use super::Command;
use crate::error::Result;
use crate::libtorch::{self, Existing};
use crate::process::cargo;
use crate::repository::Repository;

pub(super) const COMMAND: Command = Command {
    name: "test",
    usage: "test [CARGO_TEST_ARGUMENTS]",
    summary: "Run all tests of all crates, documentation examples included.",
    help: "Arguments go to `cargo test --workspace`: `cargo xtask test vote -- --nocapture` runs the tests with \"vote\"
in their names and shows what they print.",
    run,
};

/// Nothing is printed after the tests, so that the output ends with the test runner's own closing line.
///
/// Cargo's runner and not one with a process per test: each process would spend a quarter of a second loading libtorch.
fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    libtorch::ensure(repository, Existing::Keep)?;
    let mut command = vec!["test", "--workspace"];
    command.extend(arguments.iter().map(String::as_str));
    cargo(repository, &command)
}
