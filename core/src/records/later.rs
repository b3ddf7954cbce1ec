//! `hashes.tsv`: the hashes of results that were made when the run had ended, in the folder of each.

use std::collections::BTreeMap;
use std::path::Path;

use super::files_below;
use super::manifest::Written;
use crate::data::table::{Table, write_tsv};
use crate::error::Result;
use crate::files;

const NAME: &str = "hashes.tsv";

/// Writes the hashes of all files below `folder` into it.
///
/// # Errors
/// Files that cannot be read, and what the disk says.
pub(crate) fn write_hashes(folder: &Path) -> Result<()> {
    let mut rows = Vec::new();
    for (file, bytes) in files_below(folder, folder)? {
        let hash = files::hash(&folder.join(&file), "read the file")?;
        rows.push([file, bytes.to_string(), hash]);
    }
    write_tsv(&folder.join(NAME), &["file", "bytes", "blake3"], rows)
}

/// Removes them from `folder`, whose files are written anew.
///
/// # Errors
/// What the disk says.
pub(crate) fn remove_hashes(folder: &Path) -> Result<()> {
    files::remove(&folder.join(NAME))
}

/// Whether a path within an experiment is that of such a file.
pub(super) fn is_hashes(name: &str) -> bool {
    name.strip_suffix(NAME).is_some_and(|folder| folder.ends_with('/'))
}

/// What all the `hashes.tsv` in an experiment say, by paths within it.
///
/// # Errors
/// Damaged tables; what the disk says.
pub(super) fn hashes(root: &Path) -> Result<BTreeMap<String, Written>> {
    let mut found = BTreeMap::new();
    for (name, _) in files_below(root, root)?.into_iter().filter(|(name, _)| is_hashes(name)) {
        let table = Table::read(&root.join(&name))?;
        let [file, bytes, blake3] = ["file", "bytes", "blake3"].map(|column| table.column(column));
        let (file, bytes, blake3) = (file?, bytes?, blake3?);
        let folder = name.strip_suffix(NAME).unwrap_or_default();
        for row in 0..table.len() {
            let written = Written {
                bytes: table.needed_number(row, bytes)? as u64,
                blake3: table.needed_text(row, blake3)?.to_owned(),
            };
            found.insert(format!("{folder}{}", table.needed_text(row, file)?), written);
        }
    }
    Ok(found)
}
