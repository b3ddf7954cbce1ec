//! Which weights results were made by, and whether these are still the experiment's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::table::{Table, write_tsv};
use crate::error::Result;
use crate::experiment::read;
use crate::files;
use crate::transfer::folder::{Folder, Model};

const NAME: &str = "models.tsv";

/// The file of a model within the experiment folder, and its BLAKE3 hash.
pub(super) type Maker = [String; 2];

/// The models with their hashes.
///
/// # Errors
/// Weights that cannot be read.
pub(super) fn makers(root: &Path, models: &[Model]) -> Result<Vec<Maker>> {
    let maker = |Model { file, .. }: &Model| {
        let within = file.strip_prefix(root).unwrap_or(file).display().to_string();
        Ok([within, files::hash(file, "read the weights")?])
    };
    models.iter().map(maker).collect()
}

/// Writes which models made what lies in `folder`.
///
/// # Errors
/// What the disk says.
pub(super) fn write_makers(folder: &Path, makers: &[Maker]) -> Result<()> {
    write_tsv(&folder.join(NAME), &["model", "blake3"], makers)
}

/// The predictions and interpretations in an experiment that were made by weights which training has
/// replaced since, as folders within it, in order. Nothing is known of those whose weights are gone, or
/// that do not say what made them.
///
/// # Errors
/// [`Code::BadMaps`](crate::Code::BadMaps) for a folder that is no experiment; damaged records; what the
/// disk says.
pub fn stale(maps: &Path) -> Result<Vec<PathBuf>> {
    let folder = Folder::open(maps)?;
    let mut best = folders(&maps.join("ensemble"))?;
    for split in folder.splits()? {
        best.extend(folders(&folder.split(split))?);
    }
    let mut hashes = BTreeMap::new();
    let mut found = Vec::new();
    for group in best.iter().map(|best| folders(best)).collect::<Result<Vec<_>>>()?.concat() {
        for place in [group.clone()].into_iter().chain(folders(&group)?) {
            let changed = made_by(maps, &place)?.into_iter().map(|(file, then)| {
                if !hashes.contains_key(&file) {
                    let there = file.is_file();
                    let now = there.then(|| files::hash(&file, "read the weights")).transpose()?;
                    hashes.insert(file.clone(), now);
                }
                Ok(hashes[&file].as_ref().is_some_and(|now| *now != then))
            });
            if changed.collect::<Result<Vec<bool>>>()?.contains(&true) {
                found.push(place.strip_prefix(maps).unwrap_or(&place).to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The weights that made what lies in a folder, with their hashes; none where it does not say.
fn made_by(maps: &Path, place: &Path) -> Result<Vec<(PathBuf, String)>> {
    let (table, interpretation) = (place.join(NAME), place.join("interpret.json"));
    if table.is_file() {
        let table = Table::read(&table)?;
        let (model, hash) = (table.column("model")?, table.column("blake3")?);
        let row = |row| {
            let file = maps.join(table.needed_text(row, model)?);
            Ok((file, table.needed_text(row, hash)?.to_owned()))
        };
        return (0..table.len()).map(row).collect();
    }
    if !interpretation.is_file() {
        return Ok(Vec::new());
    }
    let about = read(&interpretation)?;
    let best = place.parent().and_then(Path::parent).unwrap_or(maps);
    let weights = about.get("weights").and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    let of = |one: &Value| Some((best.join(text(one, "file")?), text(one, "blake3")?));
    Ok(weights.filter_map(of).collect())
}

/// The folders in a folder, in order; none where it is none.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let names = if folder.is_dir() { files::entries(folder)? } else { Vec::new() };
    let paths = names.into_iter().map(|name| folder.join(name));
    Ok(paths.filter(|path| path.is_dir()).collect())
}
