//! Where the repository is, and the folders of it that these commands use.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

pub(crate) struct Repository {
    pub(crate) root: PathBuf,
}

impl Repository {
    /// Cargo says at run time where this crate lies; what it said at compile time serves when the program is started by hand.
    pub(crate) fn find() -> Result<Repository> {
        let crate_folder = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = crate_folder.ancestors().nth(2).unwrap_or(Path::new("."));
        if !root.join("host/xtask/Cargo.toml").is_file() {
            let what = format!("{} is not Neurhai's repository", root.display());
            return Err(Error::new(what, "Run `cargo xtask` from inside the repository."));
        }
        Ok(Repository { root: root.to_owned() })
    }

    /// The libtorch that `cargo xtask libtorch` sets up; `.cargo/config.toml` names the same folder.
    pub(crate) fn libtorch(&self) -> PathBuf {
        self.root.join(".libtorch")
    }
}
