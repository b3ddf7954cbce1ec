//! The program `host`, for tests to start; the real one is host/src/main.rs.

use std::process::ExitCode;

use clap::Parser;
use neurhai_host::cmd::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
