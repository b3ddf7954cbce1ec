//! The commands: one file each, listed here in the order in which help shows them.

use crate::error::{Error, Result};
use crate::repository::Repository;

mod bench;
mod check;
mod demo;
mod libtorch;
mod test;

pub(crate) const COMMANDS: &[Command] =
    &[demo::COMMAND, test::COMMAND, check::COMMAND, bench::COMMAND, libtorch::COMMAND];

pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) usage: &'static str,
    /// One line for the overview.
    pub(crate) summary: &'static str,
    /// What `--help` says below that line.
    pub(crate) help: &'static str,
    pub(crate) run: fn(&Repository, &[String]) -> Result<()>,
}

/// Refuses the first argument of a command that takes none, or no more.
fn nothing_more(command: &Command, arguments: &[String]) -> Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Error::usage(
            format!("`cargo xtask {}` does not take `{first}`", command.name),
            format!("Usage: cargo xtask {}", command.usage),
        )),
    }
}
