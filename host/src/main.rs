//! The program `host`: parses the command line and does what it asks for.

use std::process::ExitCode;

fn main() -> ExitCode {
    neurhai_core::device::share_processors();
    neurhai_core::device::keep_memory();
    neurhai_host::cmd::main()
}
