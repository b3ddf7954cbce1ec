//! Groups with people whom the networks had seen, as was allowed.

use std::path::Path;

use serde_json::Value;

use super::tables::sheet;
use crate::error::Result;
use crate::experiment::read;
use crate::files;
use crate::transfer::folder::Folder;

/// Groups that `host predict` found people in who had trained or validated the networks, and how many.
///
/// # Errors
/// What the disk says; a damaged `maps.json` of a group.
pub(crate) fn groups(root: &Path) -> Result<Vec<(String, usize)>> {
    let folder = root.join("groups");
    let mut found = Vec::new();
    for name in if folder.is_dir() { files::entries(&folder)? } else { Vec::new() } {
        let file = folder.join(&name).join("maps.json");
        if !file.is_file() {
            continue;
        }
        let about = read(&file)?;
        let people = about.pointer("/neurhai/leaked").and_then(Value::as_array);
        let people = people.map_or(0, Vec::len);
        found.extend((people > 0).then_some((name, people)));
    }
    Ok(found)
}

/// Splits whose training, or the weights that it began with, had seen people of validation, and how
/// many.
///
/// # Errors
/// What the disk says; damaged tables.
pub(crate) fn splits(folder: &Folder) -> Result<Vec<(usize, usize)>> {
    let mut found = Vec::new();
    for split in folder.splits()? {
        let file = folder.group("validation", split).with_file_name("leaked.tsv");
        found.extend(sheet(&file)?.map(|table| (split, table.rows.len())));
    }
    Ok(found)
}
