//! `host definitions`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::{Error, files};

use super::{failed, runtime};
use crate::definitions;
use crate::output;
use crate::plugins::Options;
use crate::report::{Failure, Sources};
use crate::runtime::Mode;

/// Write definition files for editors with Rhai support
///
/// With them in a project's folder an editor completes the names of functions and layers, and shows
/// how they are called. Layers of plugins are among them. Files of an earlier time are replaced.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to write to
    #[arg(value_name = "DIR", default_value = "definitions")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args, plugins: &Options) -> ExitCode {
    let runtime = match runtime(None, Default::default(), Mode::Define, plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let folder = &args.folder;
    let made = std::fs::create_dir_all(folder)
        .map_err(|error| Error::io(folder, "make the folder", &error));
    let written = made.and_then(|()| {
        for (name, text) in definitions::files(&runtime) {
            let file = folder.join(name);
            files::write_atomic(&file, |out| out.write_all(text.as_bytes()))?;
            output::line(&format!("written: {}", file.display()));
        }
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&Failure::from(error), &Sources::default()),
    }
}
