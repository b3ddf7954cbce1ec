//! From which epoch on, and in what, two trainings part.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::union;
use crate::data::table::Table;
use crate::error::Result;
use crate::files;

/// The courses of a network's training in two experiments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    /// The split.
    pub split: usize,
    /// The network, where there is one for each part.
    pub network: Option<String>,
    /// Epochs with a fingerprint, in the first and in the second.
    pub epochs: (usize, usize),
    /// Where they part first; nothing where all epochs that both have are the same.
    pub parting: Option<Parting>,
}

/// The first difference between two trainings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// The epoch, from 0.
    pub epoch: usize,
    /// What differs of it, in the order in which it happens: `weights_before`, `order`,
    /// `augmentation`, `weights_after`.
    pub what: Vec<String>,
}

/// What is compared of an epoch.
const COLUMNS: [&str; 4] = ["weights_before", "order", "augmentation", "weights_after"];

/// The courses of all networks of a split.
///
/// # Errors
/// Tables that are damaged.
pub(super) fn courses(split: usize, folders: [&Path; 2]) -> Result<Vec<Course>> {
    let logs = folders.map(|folder| folder.join("training_logs"));
    let networks = |logs: &PathBuf| -> Result<Vec<String>> {
        let mut names = if logs.is_dir() { files::entries(logs)? } else { Vec::new() };
        names.retain(|name| name.starts_with("network-"));
        Ok(names)
    };
    let names = union(&[networks(&logs[0])?, networks(&logs[1])?]);
    let names: Vec<Option<String>> = match names.is_empty() {
        true => vec![None],
        false => names.into_iter().map(Some).collect(),
    };
    let mut courses = Vec::new();
    for name in names {
        let rows = |logs: &PathBuf| rows(&logs.join(name.as_deref().unwrap_or_default()));
        let [a, b] = [rows(&logs[0])?, rows(&logs[1])?];
        let network = name.and_then(|name| Some(name.strip_prefix("network-")?.to_owned()));
        courses.push(Course {
            split,
            network,
            epochs: (a.len(), b.len()),
            parting: a.iter().find_map(|a| parting(a, b.iter().find(|b| b.0 == a.0)?)),
        });
    }
    Ok(courses)
}

/// An epoch's number and fingerprints.
type Row = (String, [Option<String>; 4]);

fn rows(logs: &Path) -> Result<Vec<Row>> {
    let file = logs.join("fingerprints.tsv");
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let table = Table::read(&file)?;
    let epoch = table.column("epoch")?;
    let [before, order, augmentation, after] = COLUMNS.map(|name| table.column(name));
    let columns = [before?, order?, augmentation?, after?];
    let cell = |row, column| table.text(row, column).map(str::to_owned);
    let row = |row| (cell(row, epoch).unwrap_or_default(), columns.map(|column| cell(row, column)));
    Ok((0..table.len()).map(row).collect())
}

fn parting(a: &Row, b: &Row) -> Option<Parting> {
    let pairs = COLUMNS.iter().zip(a.1.iter().zip(&b.1));
    // What one of the two does not know is no difference.
    let differs = |(a, b): (&Option<String>, &Option<String>)| a.is_some() && b.is_some() && a != b;
    let what = pairs.filter(|(_, pair)| differs(*pair)).map(|(name, _)| (*name).to_owned());
    let what: Vec<String> = what.collect();
    let epoch = a.0.parse().unwrap_or_default();
    (!what.is_empty()).then_some(Parting { epoch, what })
}
