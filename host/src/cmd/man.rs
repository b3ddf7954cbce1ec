//! `host man`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::Man;
use neurhai_core::files::write_atomic;
use neurhai_core::{Error, Result};

use super::{failed, help};
use crate::output;
use crate::report::{Failure, Sources};

/// Write manual pages: one for the program, and one for each of its commands
///
/// Those in a folder man1 below one of MANPATH are found by man: host man --output ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write host.1, host-run.1, … into; without it the program's page is printed
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    let written = match &args.output {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|error| Error::io(folder, "make the folder", &error))
            .and_then(|()| write(&command, folder)),
        None => page(&command).map(|page| {
            output::line(String::from_utf8_lossy(&page).trim_end());
            0
        }),
    };
    match (written, &args.output) {
        (Ok(pages), Some(folder)) => {
            output::line(&format!("{pages} pages written to {}", folder.display()));
            ExitCode::SUCCESS
        }
        (Ok(_), None) => ExitCode::SUCCESS,
        (Err(error), _) => failed(&Failure::from(error), &Sources::default()),
    }
}

/// Writes the pages of a command and of those within it, and says how many.
fn write(command: &clap::Command, folder: &Path) -> Result<usize> {
    let man = Man::new(command.clone());
    let content = page(command)?;
    write_atomic(&folder.join(man.get_filename()), |file| file.write_all(&content))?;
    let mut pages = 1;
    for inner in command.get_subcommands() {
        pages += write(inner, folder)?;
    }
    Ok(pages)
}

fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Error::io(Path::new("host.1"), "write the page", &error))?;
    Ok(page)
}
