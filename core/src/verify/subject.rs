//! What a path leads to.

use std::path::Path;

use serde::Serialize;

use crate::data::cohorts::is_table;
use crate::data::split::SplitFolder;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result};
use crate::files;

/// What can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A CAPS.
    Caps,
    /// A table of cohorts, each with a CAPS.
    Cohorts,
    /// A table of sessions.
    Table,
    /// A folder of splits.
    Splits,
    /// An image.
    Image,
}

impl Subject {
    /// What lies at `path`.
    ///
    /// # Errors
    /// A path that leads nowhere, or to something else.
    pub fn of(path: &Path) -> Result<Self> {
        let about = std::fs::metadata(path)
            .map_err(|error| Error::io(path, "find what is to be checked", &error))?;
        if about.is_dir() {
            return Self::of_folder(path);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let images = [".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz"];
        if images.iter().any(|suffix| name.ends_with(suffix)) {
            return Ok(Self::Image);
        }
        let texts = [".tsv", ".csv", ".txt", ".xlsx"];
        if texts.iter().any(|suffix| name.ends_with(suffix)) {
            return Ok(if is_cohorts(path) { Self::Cohorts } else { Self::Table });
        }
        let message = "neither a CAPS, a table (.tsv), a folder of splits, an image nor a script";
        Err(Error::new(Code::FileAccess, message).at(Place::File(path.into())))
    }

    fn of_folder(path: &Path) -> Result<Self> {
        if path.join("subjects").is_dir() {
            return Ok(Self::Caps);
        }
        if path.join("maps.json").is_file() {
            let message = "this is an experiment folder, not data";
            return Err(Error::new(Code::BadCaps, message)
                .at(Place::File(path.into()))
                .help("look into it with host inspect, or compare it with host compare"));
        }
        // Either has advice of its own where a folder is nearly one.
        let tables = files::entries(path)?.iter().any(|name| {
            name.starts_with("split-") || name.starts_with("fold-") || name.ends_with(".tsv")
        });
        if tables || SplitFolder::open(path).is_ok() {
            return Ok(Self::Splits);
        }
        Ok(Self::Caps)
    }
}

/// Whether the table has a path for each cohort.
fn is_cohorts(path: &Path) -> bool {
    let names = |table: Table| ["cohort", "path"].iter().all(|n| table.find_column(n).is_some());
    is_table(path) && Table::read(path).is_ok_and(names)
}
