//! `cargo xtask bench`: the benchmarks.

use super::Command;
use crate::error::Result;
use crate::libtorch::{self, Existing};
use crate::process::cargo;
use crate::repository::Repository;

pub(super) const COMMAND: Command = Command {
    name: "bench",
    usage: "bench [NAME…]",
    summary: "Run the benchmarks, or those named.",
    help: "Each one measures Neurhai against a bare loop in the same run. Names and options go to the benchmark program.",
    run,
};

fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    libtorch::ensure(repository, Existing::Keep)?;
    // The benchmarks of whole commands run the program that stands beside them.
    cargo(repository, &["build", "--release", "--package", "neurhai-host"])?;
    let mut command =
        vec!["run", "--release", "--package", "neurhai-tests", "--bin", "bench", "--"];
    command.extend(arguments.iter().map(String::as_str));
    cargo(repository, &command)
}
