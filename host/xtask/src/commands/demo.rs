//! `cargo xtask demo`: everything a new machine needs, ending with a trained network.

use super::{Command, nothing_more};
use crate::error::Result;
use crate::libtorch::{self, Existing};
use crate::process::{cargo, in_words};
use crate::repository::Repository;
use std::time::Instant;

const SCRIPT: &str = "scripts/examples/quickstart.rhai";

pub(super) const COMMAND: Command = Command {
    name: "demo",
    usage: "demo [-- SCRIPT_ARGUMENTS]",
    summary: "Set everything up and run the quick start: libtorch, release build, first script.",
    help: "The first time it takes some minutes, most of them for one large C++ file of the libtorch binding.
What follows `--` is handed to scripts/examples/quickstart.rhai.",
    run,
};

fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    let script_arguments = match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => {
            nothing_more(&COMMAND, arguments)?;
            &[]
        }
    };
    libtorch::ensure(repository, Existing::Keep)?;

    let start = Instant::now();
    cargo(repository, &["build", "--release", "--package", "neurhai-host"])?;
    eprintln!("release build is ready ({})", in_words(start.elapsed()));

    // By way of cargo, because it alone knows every way in which the target folder can be set.
    let mut command = vec![
        "run",
        "--quiet",
        "--release",
        "--package",
        "neurhai-host",
        "--bin",
        "host",
        "--",
        "run",
        SCRIPT,
    ];
    command.extend((!script_arguments.is_empty()).then_some("--"));
    command.extend(script_arguments.iter().map(String::as_str));
    let start = Instant::now();
    cargo(repository, &command)?;
    eprintln!("{SCRIPT} ran ({})", in_words(start.elapsed()));
    Ok(())
}
