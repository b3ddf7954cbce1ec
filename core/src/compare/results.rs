//! What came out of two trainings of a split.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Alone, bytes, union};
use crate::error::Result;
use crate::files;
use crate::records::values;

/// A score that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The split.
    pub split: usize,
    /// The metric that the model is the best by.
    pub best_by: String,
    /// `train`, `validation`, ….
    pub group: String,
    /// `image`, or what the image was cut into.
    pub level: String,
    /// The metric.
    pub metric: String,
    /// In the first; nothing where it is undefined or not there.
    pub a: Option<f64>,
    /// In the second.
    pub b: Option<f64>,
}

/// What differs of all splits.
#[derive(Default)]
pub(super) struct Found {
    pub(super) scores: Vec<Score>,
    pub(super) results: Vec<PathBuf>,
    pub(super) alone: Vec<Alone>,
}

impl Found {
    /// Whether a folder of a group or an interpretation is in one of the two alone, where it is noted.
    fn is_alone(&mut self, folder: PathBuf, both: &[PathBuf; 2]) -> bool {
        let [first, second] = both.each_ref().map(|folder| folder.is_dir());
        if first != second {
            self.alone.push(Alone { folder, first });
        }
        first != second
    }
}

/// Groups that training itself writes.
const OF_TRAINING: [&str; 2] = ["train", "validation"];

/// Compares which groups there are.
///
/// # Errors
/// What the disk says.
pub(super) fn groups(roots: [&Path; 2], found: &mut Found) -> Result<()> {
    let folders = roots.map(|root| root.join("groups"));
    for name in union(&[names(&folders[0])?, names(&folders[1])?]) {
        if !OF_TRAINING.contains(&name.as_str()) {
            let both = folders.each_ref().map(|folder| folder.join(&name));
            found.is_alone(Path::new("groups").join(&name), &both);
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    if folder.is_dir() { files::entries(folder) } else { Ok(Vec::new()) }
}

/// Compares the best models of a split, their predictions and their scores.
///
/// # Errors
/// Tables that are damaged.
pub(super) fn compare(split: usize, folders: [&Path; 2], all: &mut Found) -> Result<()> {
    let short = |name: PathBuf| Path::new(&format!("split-{split}")).join(name);
    let best = union(&[names(folders[0])?, names(folders[1])?]);
    for best in best.iter().filter(|name| name.starts_with("best-")) {
        let of_best = folders.map(|folder| folder.join(best));
        for name in union(&[names(&of_best[0])?, names(&of_best[1])?]) {
            let both = of_best.each_ref().map(|folder| folder.join(&name));
            if !both.iter().any(|path| path.is_dir()) {
                if differ(&both)? {
                    all.results.push(short(Path::new(best).join(&name)));
                }
                continue;
            }
            let group = short(Path::new(best).join(&name));
            if !OF_TRAINING.contains(&name.as_str()) && all.is_alone(group.clone(), &both) {
                continue;
            }
            for file in union(&[names(&both[0])?, names(&both[1])?]) {
                let files = both.each_ref().map(|folder| folder.join(&file));
                if file.starts_with("interpret-") {
                    all.is_alone(group.join(&file), &files);
                }
                if !file.ends_with(".tsv") || !differ(&files)? {
                    continue;
                }
                let level = file.strip_prefix(&format!("{name}_"));
                let level = level.and_then(|rest| rest.strip_suffix("_level_metrics.tsv"));
                let found = match level {
                    Some(level) => of_tables(&files)?
                        .into_iter()
                        .map(|(metric, a, b)| Score {
                            split,
                            best_by: best.trim_start_matches("best-").to_owned(),
                            group: name.clone(),
                            level: level.to_owned(),
                            metric,
                            a,
                            b,
                        })
                        .collect(),
                    None => Vec::new(),
                };
                if found.is_empty() {
                    all.results.push(group.join(&file));
                }
                all.scores.extend(found);
            }
        }
    }
    Ok(())
}

fn differ([a, b]: &[PathBuf; 2]) -> Result<bool> {
    Ok(bytes(a)? != bytes(b)?)
}

/// A metric, in the first and in the second table.
type Pair = (String, Option<f64>, Option<f64>);

/// The metrics that differ in two tables, by the row of their values.
fn of_tables(files: &[PathBuf; 2]) -> Result<Vec<Pair>> {
    let values = |file: &PathBuf| match file.is_file() {
        true => values(file),
        false => Ok(Vec::new()),
    };
    let [a, b] = [values(&files[0])?, values(&files[1])?];
    let names = |of: &[(String, Option<f64>)]| of.iter().map(|(name, _)| name.clone()).collect();
    let value = |of: &[(String, Option<f64>)], name: &str| {
        of.iter().find(|(other, _)| other == name).and_then(|(_, value)| *value)
    };
    let all = union(&[names(&a), names(&b)]).into_iter();
    let all = all.map(|name| (value(&a, &name), value(&b, &name), name));
    Ok(all.filter(|(a, b, _)| a != b).map(|(a, b, name)| (name, a, b)).collect())
}
