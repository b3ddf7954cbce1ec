//! A folder of splits: who is on which side, in which fold, and how the sides compare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::finding::Findings;
use super::table::{are_classes, counts, ids, images_of, sessions_in};
use super::{Course, Request, Tally};
use crate::data::participants::{Key, Person, SINGLE, Session};
use crate::data::split::{SplitFolder, SplitOptions};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, some};
use crate::files;
use crate::tsv::chi_square;

/// Classes that chance divides so unevenly in fewer cases are told.
const UNLIKELY: f64 = 0.01;

const VALIDATION: &str = "validation";

/// The sides whose tables are read, each as it is or with `_baseline`.
const SIDES: [&str; 3] = ["train", VALIDATION, "test"];

/// A table of one side.
struct Listed {
    /// `train`, `validation`, `test`.
    side: &'static str,
    table: Table,
    sessions: Vec<Session>,
}

/// The tables that belong together.
struct Unit {
    /// `split-0`; empty where there is one split.
    name: String,
    folder: PathBuf,
    tables: Vec<Listed>,
}

/// Everything that is wrong with the tables of a folder of splits, and with them together.
pub(super) fn check(path: &Path, request: &Request<'_>, course: &mut Course) {
    let Some(folders) = course.findings.take(folders(path)) else { return };
    let (mut units, mut passed): (Vec<Unit>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, folder) in folders {
        let (sides, others) = course.findings.take(tables_in(&folder)).unwrap_or_default();
        passed.extend(others);
        let tables = listed(&sides, request, &mut course.findings);
        units.push(Unit { name, folder, tables });
    }
    let mut files: BTreeSet<PathBuf> = units.iter().flat_map(Unit::held_out).collect();
    // Those of the folder itself are a unit of their own.
    files.retain(|file| units.iter().all(|unit| unit.table(file).is_none()));
    let outside = listed(&Vec::from_iter(files), request, &mut course.findings);
    for unit in &units {
        let held_out = unit.held_out();
        let inside = held_out.iter().flat_map(|file| units.iter().filter_map(|u| u.table(file)));
        let beside = outside.iter().filter(|test| held_out.iter().any(|f| f == test.table.file()));
        leakage(unit, &inside.chain(beside).collect::<Vec<_>>(), &mut course.findings);
        balance(unit, course);
    }
    folds(&units, &mut course.findings);
    let all = || units.iter().flat_map(|unit| &unit.tables).chain(&outside);
    course.tallies.push(Tally {
        of: "sessions in the tables".into(),
        counts: all().map(|listed| (listed.shown(path), listed.sessions.len())).collect(),
    });
    if !passed.is_empty() {
        course.tallies.push(Tally::new("tables that are no sides", passed));
    }
    let mut sessions: BTreeMap<Key, Session> = BTreeMap::new();
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
            sessions.entry(session.key()).or_insert_with(|| session.clone());
        }
    }
    ids(people, &mut course.findings);
    ids(visits, &mut course.findings);
    images_of(&sessions.into_values().collect::<Vec<_>>(), request, course);
}

impl Listed {
    /// Its file, as seen from the folder that is checked.
    fn shown(&self, path: &Path) -> String {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
        let (file, path) = (absolute(self.table.file()), absolute(path));
        file.strip_prefix(path).unwrap_or(&file).display().to_string()
    }
}

impl Unit {
    /// Its table in this file, if it has one there.
    fn table(&self, file: &Path) -> Option<&Listed> {
        self.tables.iter().find(|listed| listed.table.file() == file)
    }

    /// The tables of a test set beside or above its folder, where `tsvtools split` leaves them.
    fn held_out(&self) -> Vec<PathBuf> {
        // A folder that is given as `.` shows neither its name nor those above it.
        let absolute = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let above = |folder: &Path| match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => Some(parent.to_owned()),
            _ => Some(std::path::absolute(folder).ok()?.parent()?.to_owned()),
        };
        let mut folders = Vec::from_iter(above(&self.folder));
        if absolute.file_name().is_some_and(|name| name.to_string_lossy().starts_with("split-")) {
            folders.extend(folders.first().and_then(|folder| above(folder)));
        }
        let files =
            folders.iter().flat_map(|f| ["test.tsv", "test_baseline.tsv"].map(|n| f.join(n)));
        files.filter(|file| file.is_file()).collect()
    }
}

/// The folders of the splits. A folder of tables that is no split to train on, such as what is left
/// after a test set was put away, is looked at all the same, with the splits in the folders within it.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let error = match SplitFolder::open(path) {
        Ok(folder) => return splits_of(&folder, ""),
        Err(error) => error,
    };
    let mut folders = Vec::new();
    for name in files::entries(path)? {
        let inner = path.join(&name);
        if inner.is_dir()
            && let Ok(folder) = SplitFolder::open(&inner)
        {
            folders.extend(splits_of(&folder, &name)?);
        }
    }
    let own = tables_in(path)?.0.len();
    if own > 1 || own == 1 && !folders.is_empty() {
        folders.insert(0, (String::new(), path.into()));
    }
    if folders.is_empty() { Err(error) } else { Ok(folders) }
}

/// The folder of each split, with a name that begins with that of the folder of splits.
fn splits_of(folder: &SplitFolder, name: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut folders = Vec::new();
    for index in folder.indices() {
        let (train, _) = folder.files(index, &SplitOptions::default())?;
        let own = train.parent().unwrap_or(folder.path()).to_owned();
        let split = (!folder.single()).then(|| format!("split-{index}"));
        let name = [name].into_iter().filter(|name| !name.is_empty()).chain(split.as_deref());
        folders.push((name.collect::<Vec<_>>().join("/"), own));
    }
    Ok(folders)
}

/// The tables of sides in a folder, and the names of other tables.
fn tables_in(folder: &Path) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let names = files::entries(folder)?.into_iter().filter(|name| name.ends_with(".tsv"));
    let (sides, others): (Vec<_>, Vec<_>) = names.partition(|name| side(Path::new(name)).is_some());
    Ok((sides.into_iter().map(|name| folder.join(name)).collect(), others))
}

/// The side whose table a file is, by its name.
fn side(file: &Path) -> Option<&'static str> {
    let name = file.file_stem()?.to_str()?;
    let name = name.strip_suffix("_baseline").unwrap_or(name);
    SIDES.into_iter().find(|side| *side == name)
}

fn listed(files: &[PathBuf], request: &Request<'_>, findings: &mut Findings) -> Vec<Listed> {
    let mut all = Vec::new();
    for file in files {
        let Some(side) = side(file) else { continue };
        let Some(table) = findings.take(Table::read(file)) else { continue };
        let Some(sessions) = findings.take(sessions_in(&table, request)) else { continue };
        if sessions.is_empty() {
            let error = Error::new(Code::EmptySelection, "the table has a header but no rows");
            findings.error(&error.at(Place::File(file.clone())));
        }
        all.push(Listed { side, table, sessions });
    }
    all
}

/// Participants who are on two sides of a split, or on one and in the test set.
fn leakage(unit: &Unit, outside: &[&Listed], findings: &mut Findings) {
    let tables: Vec<&Listed> = unit.tables.iter().chain(outside.iter().copied()).collect();
    let mut told: BTreeSet<(&str, &str, Person)> = BTreeSet::new();
    for (i, later) in tables.iter().enumerate() {
        for earlier in tables[..i].iter().filter(|earlier| earlier.side != later.side) {
            let there: BTreeSet<Person> = earlier.sessions.iter().map(Session::person).collect();
            for session in later.sessions.iter().filter(|s| there.contains(&s.person())) {
                let person = session.person();
                if !told.insert((earlier.side, later.side, person.clone())) {
                    continue;
                }
                let (one, other) = (earlier.side, later.side);
                let of =
                    if unit.name.is_empty() { String::new() } else { format!(" of {}", unit.name) };
                let message = format!("{person} is in {one} and in {other}{of}");
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
                    finding.cohort = Some(person.cohort).filter(|cohort| cohort != SINGLE);
                    finding.participant = Some(person.participant);
                }
            }
        }
    }
}

/// Participants who are validated in several folds count several times in what is said of all folds.
fn folds(units: &[Unit], findings: &mut Findings) {
    let people = |unit: &Unit| -> BTreeSet<Person> {
        let tables = unit.tables.iter().filter(|listed| listed.side == VALIDATION);
        tables.flat_map(|listed| &listed.sessions).map(Session::person).collect()
    };
    for (i, later) in units.iter().enumerate() {
        let of_one = |earlier: &&Unit| earlier.folder.parent() == later.folder.parent();
        for earlier in units[..i].iter().filter(of_one) {
            let shared: Vec<String> =
                people(earlier).intersection(&people(later)).map(Person::to_string).collect();
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
        let (ours, theirs) = (counts(&train.table, i), counts(&validation.table, j));
        let mut both = ours.clone();
        theirs.iter().for_each(|(value, n)| *both.entry(value).or_default() += n);
        if !are_classes(&both) {
            continue;
        }
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
