//! Finding the tables of a split: directly in a folder, or in `split-0`, `split-1`, ….

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{SplitOptions, all_of};
use crate::error::{did_you_mean, some};
use crate::{Code, Error, Place, Problems, Result};

/// A folder of splits, as `tsvtools split` and `tsvtools kfold` of ClinicaDL write them.
#[derive(Debug, Clone)]
pub struct SplitFolder {
    path: PathBuf,
    /// The folder of each split; a single split lies in `path` itself and has number 0.
    splits: BTreeMap<usize, PathBuf>,
}

impl SplitFolder {
    /// Looks which splits `path` holds.
    pub fn open(path: &Path) -> Result<Self> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        check_is_folder(path, &absolute)?;
        let splits = numbered(path)?;
        let refuse = |message: String, help: String| {
            Err(Error::new(Code::BadSplit, message).at(Place::File(path.into())).help(help))
        };
        match (holds_tables(path), splits.is_empty()) {
            (true, true) => {
                if let (Some(index), Some(parent)) = (number(&absolute), absolute.parent()) {
                    return refuse(
                        format!("a folder of splits was expected, this is split {index} of one"),
                        format!("give {} and ask for split {index}", parent.display()),
                    );
                }
                Ok(Self { path: path.into(), splits: BTreeMap::from([(0, path.into())]) })
            }
            (false, false) => {
                check_complete(path, &splits)?;
                Ok(Self { path: path.into(), splits })
            }
            (true, false) => refuse(
                format!(
                    "the folder holds both a single split (train and validation tables) and {}",
                    names(splits.values()).join(", ")
                ),
                "keep the two in folders of their own".to_owned(),
            ),
            (false, true) => refuse(
                format!(
                    "looked for train.tsv with validation.tsv (or their _baseline forms), or for \
                     folders split-0, split-1, …; found {}",
                    contents(path)
                ),
                advice(&absolute),
            ),
        }
    }

    /// The folder given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The numbers of the splits that are there, rising.
    pub fn indices(&self) -> Vec<usize> {
        self.splits.keys().copied().collect()
    }

    /// Whether there is a split of this number.
    pub(super) fn holds(&self, index: usize) -> bool {
        self.splits.contains_key(&index)
    }

    /// Whether it holds a single split, which is no fold.
    pub fn single(&self) -> bool {
        self.splits.values().all(|folder| *folder == self.path)
    }

    /// The training and validation tables of a split.
    pub fn files(&self, index: usize, options: &SplitOptions) -> Result<(PathBuf, PathBuf)> {
        let Some(folder) = self.splits.get(&index) else {
            let known: Vec<_> = self.splits.keys().map(usize::to_string).collect();
            let message = format!("there is no split {index}; there are {}", known.join(", "));
            return Err(Error::new(Code::BadSplit, message).at(Place::File(self.path.clone())));
        };
        let mut problems = Problems::default();
        // Asked for all sessions, a folder that only has the baseline gives all it has. Asked for
        // the baseline, rows of later sessions would be more than was asked for.
        let train = problems.take(if options.baseline {
            first(folder, &["train_baseline.tsv"], "leave out the option baseline")
        } else {
            first(folder, &["train.tsv", "train_baseline.tsv"], "")
        });
        let validation = problems.take(if options.valid_longitudinal {
            first(folder, &["validation.tsv"], "leave out the option valid_longitudinal")
        } else {
            first(folder, &["validation_baseline.tsv", "validation.tsv"], "")
        });
        train.zip(validation).ok_or_else(|| all_of(problems))
    }
}

fn check_is_folder(path: &Path, absolute: &Path) -> Result<()> {
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    match fs::metadata(path) {
        Ok(kind) if kind.is_dir() => Ok(()),
        Ok(_) => {
            let error =
                Error::new(Code::BadSplit, "a folder of splits was expected, this is a file");
            Err(error.at(Place::File(path.into())).help(advice(parent)))
        }
        Err(error) => {
            let name = absolute.file_name().unwrap_or_default().to_string_lossy();
            let siblings = folders(parent);
            let near = did_you_mean(&name, names(&siblings).iter().map(String::as_str));
            let error = Error::io(path, "open the folder of splits", &error);
            Err(if near.is_empty() { error } else { error.help(near.trim_start_matches("; ")) })
        }
    }
}

/// Where `kfold.json` says how many splits were made, as many must be there: fewer are what a copy, or a
/// program that was killed, left.
fn check_complete(folder: &Path, splits: &BTreeMap<usize, PathBuf>) -> Result<()> {
    let file = folder.join("kfold.json");
    let record = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let made = record.and_then(|record: serde_json::Value| record.get("n_splits")?.as_u64());
    let Some(made) = made.filter(|made| *made != splits.len() as u64) else { return Ok(()) };
    let there: Vec<String> = splits.keys().map(usize::to_string).collect();
    let message = format!(
        "{made} splits were made by kfold.json, but there are {}: {}",
        splits.len(),
        some(there.iter(), 10)
    );
    Err(Error::new(Code::BadSplit, message)
        .at(Place::File(file))
        .help("make the splits again, or delete kfold.json to train on those that are there"))
}

/// The first of `wanted` that is in `folder`.
fn first(folder: &Path, wanted: &[&str], instead: &str) -> Result<PathBuf> {
    let found = wanted.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        let error = Error::new(
            Code::BadSplit,
            format!("looked for {}; found {}", wanted.join(" or "), contents(folder)),
        )
        .at(Place::File(folder.into()));
        if instead.is_empty() { error } else { error.help(format!("add the table, or {instead}")) }
    })
}

fn holds_tables(folder: &Path) -> bool {
    let either = |a: &str, b: &str| folder.join(a).is_file() || folder.join(b).is_file();
    either("train.tsv", "train_baseline.tsv") && either("validation.tsv", "validation_baseline.tsv")
}

/// The folders `split-<k>` in `folder`, or `fold-<k>` as older versions of ClinicaDL named them.
fn numbered(folder: &Path) -> Result<BTreeMap<usize, PathBuf>> {
    let mut splits = BTreeMap::new();
    let mut problems = Problems::default();
    for path in folders(folder) {
        let Some(index) = number(&path) else { continue };
        if let Some(other) = splits.insert(index, path.clone()) {
            let twice = names([&other, &path]).join(" and ");
            problems.push(
                Error::new(Code::BadSplit, format!("split {index} is there twice: {twice}"))
                    .at(Place::File(folder.into())),
            );
        }
    }
    problems.into_result()?;
    Ok(splits)
}

/// The `k` of a path that ends in `split-<k>` or `fold-<k>`.
fn number(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("split-").or_else(|| name.strip_prefix("fold-"))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Which folders near `folder` hold splits: the one above, those inside, and those inside these.
fn advice(folder: &Path) -> String {
    let is_valid = |path: &Path| {
        let numbered = numbered(path).is_ok_and(|splits| !splits.is_empty());
        numbered || (holds_tables(path) && number(path).is_none())
    };
    let mut near: Vec<PathBuf> = vec![folder.into()];
    near.extend(folder.parent().map(PathBuf::from));
    for inner in folders(folder) {
        near.extend(folders(&inner));
        near.push(inner);
    }
    near.retain(|path| is_valid(path));
    near.sort_by_key(|path| (path.components().count(), path.clone()));
    let shown: Vec<_> = near.iter().take(4).map(|path| path.display().to_string()).collect();
    if shown.is_empty() {
        "give the folder that `tsvtools split` or `tsvtools kfold` wrote".to_owned()
    } else {
        format!("give {}", shown.join(" or "))
    }
}

/// The folders in `folder`, sorted; none where it cannot be listed.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

fn names<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
    paths.into_iter().filter_map(name).collect()
}

/// What is in a folder, for an error: `4_fold/, train.tsv`.
pub(super) fn contents(folder: &Path) -> String {
    const SHOWN: usize = 10;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten(),
        Err(error) => return format!("that it cannot be listed ({error})"),
    };
    let mut found: Vec<_> = entries
        .map(|entry| {
            let slash = if entry.path().is_dir() { "/" } else { "" };
            format!("{}{slash}", entry.file_name().to_string_lossy())
        })
        .collect();
    found.sort();
    if found.is_empty() { "nothing".to_owned() } else { some(found.iter(), SHOWN) }
}
