//! The images that a data set is made of.

use std::path::PathBuf;

use neurhai_core::Result;
use neurhai_core::generate::Source;

use crate::cmd::preprocessing;

#[derive(Debug, clap::Args)]
pub(super) struct Images {
    /// The CAPS with the images to begin with
    caps: PathBuf,

    /// A table of the sessions to take [default: all of the CAPS]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    #[command(flatten)]
    images: preprocessing::Options,
}

impl Images {
    /// The paths that were given to read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.table.iter().chain([&self.caps]).cloned().collect()
    }

    /// The images that are meant; those of t1-linear where nothing says it.
    pub(super) fn read(self) -> Result<Source> {
        let preprocessing = self.images.or_t1_linear()?;
        Ok(Source { caps: self.caps, preprocessing, table: self.table })
    }
}
