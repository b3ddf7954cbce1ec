//! What a run reads besides images: tables of splits, masks, tensors, and weights that it begins with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::prepare::Prepared;
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files;

/// A file that was read.
pub(super) struct Read {
    what: &'static str,
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
    let mut seen = std::collections::BTreeSet::new();
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

/// Masks and tensors must be those that training began with; an older program did not list them.
///
/// # Errors
/// Every one that is another.
pub(super) fn check(prepared: &Prepared, path: &Path) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let table = Table::read(path)?;
    let [what, hash] = ["what", "blake3"].map(|name| table.column(name));
    let (what, hash) = (what?, hash?);
    let rows = (0..table.len()).map(|row| (table.text(row, what), table.text(row, hash)));
    let then: Vec<_> = rows.filter(|(what, _)| what.is_some_and(|w| SEEN.contains(&w))).collect();
    let now = sources(prepared)?.into_iter().filter(|read| SEEN.contains(&read.what));
    let mut problems = Problems::default();
    for (i, read) in now.enumerate() {
        if then.get(i) != Some(&(Some(read.what), Some(&read.blake3))) {
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
