//! `cargo xtask libtorch`.

use super::{Command, nothing_more};
use crate::error::Result;
use crate::libtorch::{self, Existing};
use crate::repository::Repository;

pub(super) const COMMAND: Command = Command {
    name: "libtorch",
    usage: "libtorch [--replace]",
    summary: "Get libtorch into .libtorch (once; demo, test, check and bench do it too).",
    help: "It downloads PyTorch's wheel with pip (540 MB), keeps its CPU half in .libtorch (490 MB) and deletes the rest.
Stopped at any moment, it goes on from what is complete when it is run again.

  --replace   put a new one in the place of a .libtorch of another version, or a damaged one

LIBTORCH or LIBTORCH_USE_PYTORCH in the environment win over .libtorch: nothing is downloaded then.",
    run,
};

fn run(repository: &Repository, arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((first, rest)) if first == "--replace" => {
            nothing_more(&COMMAND, rest)?;
            libtorch::ensure(repository, Existing::Replace)
        }
        _ => {
            nothing_more(&COMMAND, arguments)?;
            libtorch::ensure(repository, Existing::Keep)
        }
    }
}
