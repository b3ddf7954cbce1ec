//! `host cache`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::cache::{self, clear, list};
use neurhai_core::{Code, Error, Result};
use serde::Serialize;

use super::failed;
use crate::output;
use crate::report::Sources;
use crate::show;

/// Show or empty the cache: decoded images, and what single images were found to be
///
/// It lies where NEURHAI_CACHE says, else in ~/.cache/neurhai. Nothing in it is needed: all can be made
/// again from the images. Decoded images are mapped from the disk; from one of another machine (NFS, SMB,
/// FUSE) they are read into memory instead.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What it holds: for each CAPS the images, their size, and when they were last used
    List(Common),
    /// Remove all of it; runs that use it go on
    Clear(Common),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A folder that a script named with cache: "DIR"
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// As JSON, each image by itself
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let text = match &args.what {
        What::List(common) => common.of(list, show::cached),
        What::Clear(common) => common.of(clear, show::removed),
    };
    match text {
        Ok(text) => {
            output::line(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.into(), &Sources::default()),
    }
}

impl Common {
    fn of<T: Serialize>(
        &self,
        work: impl Fn(&std::path::Path) -> Result<T>,
        show: impl Fn(&T) -> String,
    ) -> Result<String> {
        let folder = self.folder.clone().or_else(cache::folder).ok_or_else(|| {
            Error::new(Code::FileNotFound, "there is no cache folder of the user: HOME is not set")
                .help("name it: --folder DIR")
        })?;
        let found = work(&folder)?;
        match self.json {
            true => serde_json::to_string_pretty(&found)
                .map_err(|error| Error::new(Code::Internal, "cannot write it").because(error)),
            false => Ok(show(&found)),
        }
    }
}
