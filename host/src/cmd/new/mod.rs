//! `host new`: something to begin with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::{Code, Error, Place, Result};

use super::misused;
use crate::output;

mod plugin;
mod script;

/// Write a script or a plugin to begin with
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Script(script::Args),
    Plugin(plugin::Args),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let written = match &args.command {
        Command::Script(args) => script::write(args),
        Command::Plugin(args) => plugin::write(args),
    };
    match written {
        Ok(text) => {
            output::line(&text);
            ExitCode::SUCCESS
        }
        Err(error) => misused(error),
    }
}

/// What is written, and where.
#[derive(Debug, clap::Args)]
struct Target {
    /// Its name
    name: String,

    /// The folder to write it in
    #[arg(long = "dir", value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Target {
    /// The path of a new file or folder; `./` is left out.
    fn path(&self, name: &str) -> PathBuf {
        if self.folder == Path::new(".") { name.into() } else { self.folder.join(name) }
    }
}

/// Refuses names that are more than letters, digits, _ and -, a letter first.
fn check_name(name: &str, letter: fn(&char) -> bool, what: &str, help: &str) -> Result<()> {
    let fits = |c: char| letter(&c) || c.is_ascii_digit() || c == '_' || c == '-';
    let begins = name.chars().next().is_some_and(|first| letter(&first));
    if begins && name.len() <= 64 && name.chars().all(fits) {
        return Ok(());
    }
    let message = format!("a {what} cannot be called {name:?}");
    Err(Error::new(Code::BadOption, message).help(help))
}

/// A name as it can stand in code.
fn identifier(name: &str) -> String {
    name.replace('-', "_")
}

/// Writes a new file.
fn write_new(file: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(file),
        _ => Error::io(file, "write the file", &error),
    };
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    opened.and_then(|mut out| out.write_all(text.as_bytes())).map_err(failed)
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "make the folder", &error))
}

fn exists(path: &Path) -> Error {
    Error::new(Code::OutputInUse, "there is something of that name already")
        .at(Place::File(path.into()))
        .help("nothing is overwritten: choose another name, or another folder with --dir")
}
