//! Tables of ClinicaDL before 1.2, which had a file for each diagnosis, as those of today.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::create_folder;
use crate::data::participants::{Session, read_sessions};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result, some};
use crate::files::{self, write_folder};

/// Folders within folders that are looked into, at most: a test set, and folds of the rest, are two.
const DEEPEST: usize = 4;

/// A table that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adapted {
    /// Its place in the new folder: `split/5_fold/split-0/train.tsv`.
    pub file: PathBuf,
    /// Its rows.
    pub rows: usize,
}

/// Writes the tables in the folder `old` into the folder `new` as ClinicaDL has them since 1.2: all
/// `*baseline.tsv` of a folder in one, all other tables in another.
///
/// | old | new |
/// |---|---|
/// | `AD.tsv`, `CN.tsv` | `labels.tsv` |
/// | `AD_baseline.tsv`, … | `labels_baseline.tsv` |
/// | with `split.json`: `train/…`, `<subset>/…` | `split/train.tsv`, `split/<subset>.tsv`, … |
/// | with `kfold.json`: `train_splits-<k>/split-<i>/…`, `<subset>_splits-<k>/split-<i>/…` | `<k>_fold/split-<i>/…` |
///
/// All is read before anything is written, and the new folder is there whole or not at all.
///
/// # Errors
/// What is wrong with a table or a JSON, all at once; folders that are not there; a session in two tables
/// of a folder; [`Code::EmptySelection`] where there is nothing; [`Code::OutputInUse`].
pub fn adapt(old: &Path, new: &Path) -> Result<Vec<Adapted>> {
    files::check_unused(new)?;
    let mut tables = BTreeMap::new();
    let mut problems = Problems::default();
    gather(old, Path::new(""), "labels", 0, &mut tables, &mut problems);
    problems.into_result()?;
    if tables.is_empty() {
        let message = "the folder holds no table, and neither split.json nor kfold.json";
        return Err(Error::new(Code::EmptySelection, message)
            .at(Place::File(old.into()))
            .help("name the folder with the .tsv files that ClinicaDL's getlabels wrote"));
    }
    write_folder(new, |new| {
        let mut written = Vec::new();
        for (file, parts) in tables {
            let path = new.join(&file);
            path.parent().map_or(Ok(()), create_folder)?;
            let rows = write(&path, &parts)?;
            written.push(Adapted { file, rows });
        }
        Ok(written)
    })
}

/// The tables of each file to be written.
type Tables = BTreeMap<PathBuf, Vec<Table>>;

/// Takes the tables of a folder, and of those that its JSON files name.
fn gather(
    old: &Path,
    new: &Path,
    name: &str,
    depth: usize,
    tables: &mut Tables,
    problems: &mut Problems,
) {
    let listed = std::fs::read_dir(old).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()
    });
    let listed = listed.map_err(|error| Error::io(old, "list the tables", &error));
    let Some(mut listed) = problems.take(listed) else { return };
    // Not in the order of the disk, so that the same tables give the same table.
    listed.sort();
    for file in &listed {
        let own = file.file_name().unwrap_or_default().to_string_lossy();
        if !own.ends_with(".tsv") || !file.is_file() {
            continue;
        }
        let suffix = if own.ends_with("baseline.tsv") { "_baseline" } else { "" };
        if let Some(table) = problems.take(Table::read(file)) {
            let path = new.join(format!("{name}{suffix}.tsv"));
            let together = tables.entry(path).or_default();
            problems.take(distinct(together, &table));
            together.push(table);
        }
    }
    if depth == DEEPEST {
        return;
    }
    let split = old.join("split.json");
    if split.is_file()
        && let Some((subset, _)) = problems.take(record(&split))
    {
        for side in ["train", &subset] {
            gather(&old.join(side), &new.join("split"), side, depth + 1, tables, problems);
        }
    }
    let kfold = old.join("kfold.json");
    if kfold.is_file()
        && let Some((subset, k)) = problems.take(record(&kfold))
    {
        for i in 0..k {
            let new = new.join(format!("{k}_fold/split-{i}"));
            for side in ["train", &subset] {
                let old = old.join(format!("{side}_splits-{k}/split-{i}"));
                gather(&old, &new, side, depth + 1, tables, problems);
            }
        }
    }
}

/// The name of the subset, and where it is said the number of splits.
fn record(file: &Path) -> Result<(String, u64)> {
    let bad = |message: &str| {
        Error::new(Code::BadSplit, message)
            .at(Place::File(file.into()))
            .help("ClinicaDL writes subset_name, and for folds n_splits")
    };
    let bytes = files::read(file, "read how the tables were divided")?;
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|error| bad("this is no JSON").because(error))?;
    let subset = json.get("subset_name").and_then(Value::as_str);
    let plain =
        |name: &&str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    let subset = subset.filter(plain).ok_or_else(|| bad("subset_name is no name of a folder"))?;
    let k = match json.get("n_splits") {
        None => 0,
        Some(k) => k
            .as_u64()
            .filter(|k| *k <= 1000)
            .ok_or_else(|| bad("n_splits is no number of folds"))?,
    };
    Ok((subset.to_owned(), k))
}

/// No session may be in two tables that become one.
fn distinct(together: &[Table], table: &Table) -> Result<()> {
    let own: BTreeSet<_> = read_sessions(table, &[])?.iter().map(Session::key).collect();
    for other in together {
        let theirs = read_sessions(other, &[])?;
        let twice: Vec<String> = (theirs.iter())
            .filter(|one| own.contains(&one.key()))
            .map(|one| format!("{} {}", one.participant, one.session))
            .collect();
        if !twice.is_empty() {
            let file = other.file().file_name().unwrap_or_default().to_string_lossy();
            let message = format!("sessions are in {file}, too: {}", some(twice.iter(), 5));
            return Err(Error::new(Code::DuplicateRow, message)
                .at(Place::File(table.file().into()))
                .help("a session has one diagnosis: delete it from one of the two tables"));
        }
    }
    Ok(())
}

/// Writes tables one below the other, with all their columns; gives the number of rows.
fn write(path: &Path, parts: &[Table]) -> Result<usize> {
    let mut names: Vec<&str> = Vec::new();
    for name in parts.iter().flat_map(|table| table.columns()) {
        // pandas' index column says nothing.
        if !name.is_empty() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let lines = parts.iter().flat_map(|table| {
        let columns: Vec<Option<usize>> =
            names.iter().map(|name| table.find_column(name)).collect();
        (0..table.len()).map(move |row| {
            let cell =
                |at: &Option<usize>| at.and_then(|at| table.text(row, at)).unwrap_or_default();
            columns.iter().map(cell).collect::<Vec<&str>>()
        })
    });
    write_tsv(path, &names, lines)?;
    Ok(parts.iter().map(Table::len).sum())
}

#[cfg(test)]
mod tests;
