//! The program `host`: parses the command line and does what it asks for.

use std::process::ExitCode;

use clap::Parser;
use neurhai_host::cmd::Cli;

fn main() -> ExitCode {
    let command_line = Cli::parse();
    if command_line.computes() {
        neurhai_host::threads::share_processors();
    }
    neurhai_core::device::keep_memory();
    command_line.run()
}
