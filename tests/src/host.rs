//! The program `host`, for tests to start; the real one is host/src/main.rs.

use std::process::ExitCode;

fn main() -> ExitCode {
    neurhai_host::cmd::main()
}
