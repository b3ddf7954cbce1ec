//! The program `host`: parses the command line and does what it asks for.

use std::process::ExitCode;

use clap::Parser;
use neurhai_host::cmd::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
