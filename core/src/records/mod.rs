//! What an experiment folder tells of a run: its evaluations, its files and what they mean, and
//! whether they are still what was written.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::files;

mod course;
mod describe;
mod later;
mod manifest;
mod meaning;
mod measured;
mod values;
mod verify;

pub use course::{Course, Point, Run, courses};
pub use describe::{BestModel, Described, Item, SplitState, describe};
pub use meaning::{Kept, Meaning, Meanings};
pub use measured::Measured;
pub use verify::{Deviation, Difference, Verified, verify};

pub(crate) use describe::kept_epochs;
pub(crate) use later::{remove_hashes, write_hashes};
pub(crate) use manifest::{remove_manifest, reproducible_hash, write_manifest};
pub(crate) use values::values;

/// The files below a folder of an experiment, by their path within the experiment, with their sizes, in
/// order. Links are followed for files only.
fn files_below(root: &Path, folder: &Path) -> Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for name in files::entries(folder)? {
        let path = folder.join(&name);
        let failed = |error| Error::io(&path, "look at the file", &error);
        let about = fs::symlink_metadata(&path).map_err(failed)?;
        if about.is_dir() {
            found.extend(files_below(root, &path)?);
        } else if path.is_file() {
            let within = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            found.push((within, fs::metadata(&path).map_err(failed)?.len()));
        }
    }
    Ok(found)
}
