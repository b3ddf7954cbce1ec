//! A folder of splits: who is on which side, in which fold, and how the sides compare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::finding::Findings;
use super::table::{classes, ids, images_of};
use super::{Course, Request, Tally};
use crate::data::participants::{Session, read_sessions};
use crate::data::split::{SplitFolder, SplitOptions};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, some};
use crate::files;
use crate::tsv::chi_square;

/// Classes that chance divides so unevenly in fewer cases are told.
const UNLIKELY: f64 = 0.01;

const VALIDATION: &str = "validation";

/// A table of one side.
struct Listed {
    /// `train`, `validation`, `test`.
    side: String,
    table: Table,
    sessions: Vec<Session>,
}

/// The tables that belong together.
struct Unit {
    /// `split-0`; empty where there is one split.
    name: String,
    tables: Vec<Listed>,
}

/// Everything that is wrong with the tables of a folder of splits, and with them together.
pub(super) fn check(path: &Path, request: &Request<'_>, course: &mut Course) {
    let Some(folders) = course.findings.take(folders(path)) else { return };
    let mut units: Vec<Unit> = Vec::new();
    for (name, folder) in folders {
        let files = files::entries(&folder).map(|names| {
            names
                .into_iter()
                .filter(|name| name.ends_with(".tsv"))
                .map(|n| folder.join(n))
                .collect()
        });
        let files: Vec<PathBuf> = course.findings.take(files).unwrap_or_default();
        units.push(Unit { name, tables: listed(&files, &mut course.findings) });
    }
    let outside = listed(&held_out(path, &units), &mut course.findings);
    for unit in &units {
        leakage(unit, &outside, &mut course.findings);
        balance(unit, course);
    }
    folds(&units, &mut course.findings);
    let all = || units.iter().flat_map(|unit| &unit.tables).chain(&outside);
    let mut sessions: BTreeMap<(String, String), Session> = BTreeMap::new();
    let (mut people, mut visits) = (Vec::new(), Vec::new());
    for listed in all() {
        for session in &listed.sessions {
            let at = |column: &str| Place::Row {
                file: listed.table.file().into(),
                row: session.row,
                column: Some(column.into()),
            };
            people.push((session.participant.clone(), at("participant_id")));
            visits.push((session.session.clone(), at("session_id")));
            let key = (session.participant.clone(), session.session.clone());
            sessions.entry(key).or_insert_with(|| session.clone());
        }
    }
    ids(people, &mut course.findings);
    ids(visits, &mut course.findings);
    images_of(&sessions.into_values().collect::<Vec<_>>(), request, course);
}

/// The folders of the splits; a folder of tables that is no split to train on, such as what is left
/// after a test set was put away, is looked at all the same.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let folder = match SplitFolder::open(path) {
        Ok(folder) => folder,
        Err(error) => {
            let tables = files::entries(path)?.into_iter().filter(|name| name.ends_with(".tsv"));
            return match tables.count() {
                0 | 1 => Err(error),
                _ => Ok(vec![(String::new(), path.into())]),
            };
        }
    };
    let mut folders = Vec::new();
    for index in folder.indices() {
        let (train, _) = folder.files(index, &SplitOptions::default())?;
        let own = train.parent().unwrap_or(path);
        let name = if folder.single() { String::new() } else { format!("split-{index}") };
        folders.push((name, own.to_owned()));
    }
    Ok(folders)
}

/// Tables of a test set that lie beside or above the splits, where `tsvtools split` leaves them.
fn held_out(path: &Path, units: &[Unit]) -> Vec<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let single = units.iter().any(|unit| unit.name.is_empty());
    let here = (!single).then_some(absolute.as_path());
    let folders = here.into_iter().chain(absolute.parent());
    let files =
        folders.flat_map(|folder| ["test.tsv", "test_baseline.tsv"].map(|f| folder.join(f)));
    files.filter(|file| file.is_file()).collect()
}

fn listed(files: &[PathBuf], findings: &mut Findings) -> Vec<Listed> {
    let mut all = Vec::new();
    for file in files {
        let Some(table) = findings.take(Table::read(file)) else { continue };
        let Some(sessions) = findings.take(read_sessions(&table, &[])) else { continue };
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let side = name.strip_suffix("_baseline").unwrap_or(&name).to_owned();
        if sessions.is_empty() {
            let error = Error::new(Code::EmptySelection, "the table has a header but no rows");
            findings.error(&error.at(Place::File(file.clone())));
        }
        all.push(Listed { side, table, sessions });
    }
    all
}

/// Participants who are on two sides of a split, or on one and in the test set.
fn leakage(unit: &Unit, outside: &[Listed], findings: &mut Findings) {
    let tables: Vec<&Listed> = unit.tables.iter().chain(outside).collect();
    let mut told: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for (i, later) in tables.iter().enumerate() {
        for earlier in tables[..i].iter().filter(|earlier| earlier.side != later.side) {
            let there: BTreeSet<&str> =
                earlier.sessions.iter().map(|session| session.participant.as_str()).collect();
            let both = later.sessions.iter().filter(|s| there.contains(s.participant.as_str()));
            for session in both {
                if !told.insert((&earlier.side, &later.side, &session.participant)) {
                    continue;
                }
                let (one, other) = (&earlier.side, &later.side);
                let of =
                    if unit.name.is_empty() { String::new() } else { format!(" of {}", unit.name) };
                let message = format!("{} is in {one} and in {other}{of}", session.participant);
                let place = Place::Row {
                    file: later.table.file().into(),
                    row: session.row,
                    column: Some("participant_id".into()),
                };
                findings.error(
                    &Error::new(Code::Leakage, message)
                        .at(place)
                        .help("split by participant: all sessions of one belong to one side"),
                );
                if let Some(finding) = findings.0.last_mut() {
                    finding.participant = Some(session.participant.clone());
                }
            }
        }
    }
}

/// Participants who are validated in several folds count several times in what is said of all folds.
fn folds(units: &[Unit], findings: &mut Findings) {
    let people = |unit: &Unit| -> BTreeSet<String> {
        let tables = unit.tables.iter().filter(|listed| listed.side == VALIDATION);
        tables.flat_map(|listed| &listed.sessions).map(|s| s.participant.clone()).collect()
    };
    for (i, later) in units.iter().enumerate() {
        for earlier in &units[..i] {
            let shared: Vec<String> =
                people(earlier).intersection(&people(later)).cloned().collect();
            if shared.is_empty() {
                continue;
            }
            let message = format!(
                "{} and {} both validate on {} participants: {}",
                earlier.name,
                later.name,
                shared.len(),
                some(shared.iter(), 4)
            );
            let mut error = Error::new(Code::Leakage, message);
            if let Some(listed) = later.tables.iter().find(|listed| listed.side == VALIDATION) {
                error = error.at(Place::File(listed.table.file().into()));
            }
            findings.warning(&error.help(
                "folds of a cross-validation validate on everybody once; of repeated splits this is \
                 meant, but means over them are no longer of independent sets",
            ));
        }
    }
}

/// The classes of training and validation, by every column that has some.
fn balance(unit: &Unit, course: &mut Course) {
    let side = |side: &str| {
        let mut tables = unit.tables.iter().filter(|listed| listed.side == side);
        // Of two forms the baseline has a row per participant.
        let first = tables.next()?;
        Some(tables.next().unwrap_or(first))
    };
    let (Some(train), Some(validation)) = (side("train"), side(VALIDATION)) else { return };
    for (i, column) in train.table.columns().iter().enumerate() {
        if ["participant_id", "session_id", ""].contains(&column.as_str()) {
            continue;
        }
        let Some(j) = validation.table.find_column(column) else { continue };
        let (Some(ours), Some(theirs)) = (classes(&train.table, i), classes(&validation.table, j))
        else {
            continue;
        };
        for (name, counts) in [("train", &ours), (VALIDATION, &theirs)] {
            let split =
                if unit.name.is_empty() { String::new() } else { format!("{} ", unit.name) };
            let values = counts.iter().flat_map(|(value, n)| vec![(*value).to_owned(); *n]);
            course.tallies.push(Tally::new(format!("{column} in {split}{name}"), values));
        }
        compare(column, (&ours, train), (&theirs, validation), &mut course.findings);
    }
}

type Counted<'a> = (&'a BTreeMap<&'a str, usize>, &'a Listed);

fn compare(column: &str, train: Counted<'_>, validation: Counted<'_>, findings: &mut Findings) {
    let names: BTreeSet<&str> = train.0.keys().chain(validation.0.keys()).copied().collect();
    let place = Place::File(validation.1.table.file().into());
    let help = "split anew, stratified by the column: host tsv kfold --stratify";
    let mut warn = |message: String| {
        findings.warning(&Error::new(Code::BadClasses, message).at(place.clone()).help(help));
    };
    let n = |counts: &BTreeMap<&str, usize>, name: &&str| counts.get(name).copied().unwrap_or(0);
    for name in &names {
        match (n(train.0, name), n(validation.0, name)) {
            (0, n) => warn(format!("{column} {name:?} is in validation ({n} times), not in train")),
            (n, 0) => warn(format!("{column} {name:?} is in train ({n} times), not in validation")),
            _ => {}
        }
    }
    let count = |counts| names.iter().map(|name| n(counts, name)).collect::<Vec<_>>();
    let (ours, theirs) = (count(train.0), count(validation.0));
    let p = chi_square(&ours, &theirs);
    if p < UNLIKELY {
        let share = |counts: &[usize], i: usize| {
            100.0 * counts[i] as f64 / counts.iter().sum::<usize>() as f64
        };
        let shares = names.iter().enumerate().map(|(i, name)| {
            format!("{name} {:.0} % and {:.0} %", share(&ours, i), share(&theirs, i))
        });
        let shares = some(shares.collect::<Vec<_>>().iter(), 4);
        warn(format!("{column} differs between train and validation: {shares} (χ², p = {p:.1e})"));
    }
}
