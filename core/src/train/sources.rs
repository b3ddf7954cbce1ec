//! What a run reads besides images: tables of splits, masks, tensors, and weights that it begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::prepare::Prepared;
use crate::data::part::Parts;
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files;
use crate::volume;

/// A file that was read.
pub(super) struct Read {
    what: &'static str,
    file: PathBuf,
    blake3: String,
}

/// A file that a list says was read.
struct Listed {
    what: String,
    file: PathBuf,
    blake3: String,
}

const COLUMNS: [&str; 3] = ["what", "file", "blake3"];
/// Those that decide what the network sees. What the tables say is in the groups.
const SEEN: [&str; 2] = ["mask", "tensor"];

/// Every file, in an order that depends on the options alone; none stands twice.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn sources(prepared: &Prepared) -> Result<Vec<Read>> {
    let tables = prepared.splits.iter().flat_map(|sides| &sides.split.tables);
    let weights = prepared.splits.iter().filter_map(|sides| sides.start.taken());
    let mut hashes: BTreeMap<PathBuf, String> =
        weights.clone().map(|taken| (taken.file.clone(), taken.blake3.clone())).collect();
    let all = (tables.map(|file| ("table", file.as_path())))
        .chain(prepared.source.parts.masks().into_iter().map(|file| ("mask", file)))
        .chain(prepared.source.tensors.iter().flatten().map(|file| ("tensor", file.as_path())))
        .chain(weights.map(|taken| ("weights", taken.file.as_path())));
    let mut found: Vec<Read> = Vec::new();
    let mut seen = BTreeSet::new();
    for (what, file) in all {
        if !seen.insert((what, file)) {
            continue;
        }
        let blake3 = match hashes.remove(file) {
            Some(known) => known,
            None => files::hash(file, "read the file")?,
        };
        found.push(Read { what, file: file.into(), blake3 });
    }
    Ok(found)
}

/// Writes them as `groups/sources.tsv`, by their absolute paths.
pub(super) fn write(path: &Path, sources: &[Read]) -> Result<()> {
    let row = |Read { what, file, blake3 }: &Read| -> Result<[String; 3]> {
        Ok([(*what).to_owned(), files::absolute(file)?.display().to_string(), blake3.clone()])
    };
    write_tsv(path, &COLUMNS, sources.iter().map(row).collect::<Result<Vec<_>>>()?)
}

/// The files that a list names, in order; none where there is none, as an older program wrote none.
fn listed(path: &Path) -> Result<Vec<Listed>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let table = Table::read(path)?;
    let [what, file, hash] = COLUMNS.map(|name| table.column(name));
    let (what, file, hash) = (what?, file?, hash?);
    let cell = |row, column| table.text(row, column).unwrap_or_default().to_owned();
    let row = |row| Listed {
        what: cell(row, what),
        file: cell(row, file).into(),
        blake3: cell(row, hash),
    };
    Ok((0..table.len()).map(row).collect())
}

/// The tables of splits that a list names, with their hashes; none where there is no list.
///
/// # Errors
/// A damaged list.
pub(crate) fn tables(path: &Path) -> Result<Vec<(PathBuf, String)>> {
    let listed = listed(path)?.into_iter().filter(|read| read.what == "table");
    Ok(listed.map(|read| (read.file, read.blake3)).collect())
}

/// Masks and tensors must be those that training began with; an older program did not list them.
///
/// # Errors
/// Every one that is another.
pub(super) fn check(prepared: &Prepared, path: &Path) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut then = listed(path)?;
    then.retain(|read| SEEN.contains(&&*read.what));
    let now = sources(prepared)?.into_iter().filter(|read| SEEN.contains(&read.what));
    let mut problems = Problems::default();
    for (i, read) in now.enumerate() {
        if then.get(i).is_none_or(|then| then.what != read.what || then.blake3 != read.blake3) {
            let message = format!("the {} is not the one that training began with", read.what);
            problems.push(
                Error::new(Code::BadMaps, message)
                    .at(Place::File(read.file))
                    .help("bring it back, or train anew into another folder"),
            );
        }
    }
    problems.into_result()
}

/// Masks that images are cut by for networks must be those of their training, packed in whatever way;
/// where `path` does not exist that is not known.
///
/// # Errors
/// [`Code::BadMaps`] for every mask that is another.
pub(crate) fn check_masks(parts: &dyn Parts, path: &Path) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut then = listed(path)?;
    then.retain(|read| read.what == "mask");
    let mut seen = BTreeSet::new();
    let masks = parts.masks().into_iter().filter(|file| seen.insert(*file));
    let mut problems = Problems::default();
    for (i, mask) in masks.enumerate() {
        let then = then.get(i);
        let same = then.map_or(Ok(false), |then| then.is_packed_in(mask));
        if problems.take(same) == Some(false) {
            let was =
                then.map_or_else(String::new, |then| format!(": it was {}", then.file.display()));
            let message = "the mask is not the one that the networks were trained with";
            problems.push(
                Error::new(Code::BadMaps, message)
                    .at(Place::File(mask.into()))
                    .help(format!("put the mask of training into the CAPS in its place{was}")),
            );
        }
    }
    problems.into_result()
}

impl Listed {
    /// Whether `file` holds it: the same bytes, or where that one is still there the same voxels.
    fn is_packed_in(&self, file: &Path) -> Result<bool> {
        let hash = |file: &Path| files::hash(file, "read the mask");
        if hash(file)? == self.blake3 {
            return Ok(true);
        }
        if !self.file.is_file() || hash(&self.file)? != self.blake3 {
            return Ok(false);
        }
        let (then, now) = (volume::read(&self.file)?, volume::read(file)?);
        Ok(then.shape == now.shape && then.voxels[..] == now.voxels[..])
    }
}
