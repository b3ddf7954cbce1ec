//! A table of sessions: its ids, its cells, and with a CAPS its images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::caps::sessions_images;
use super::finding::Findings;
use super::{Course, Request, Tally};
use crate::data::cohorts::{Cohorts, is_table};
use crate::data::participants::{Session, essence, read_members, read_sessions};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Result, some};

/// A column with more different values than these is no choice between classes.
const CLASSES: usize = 12;

/// Everything that is wrong with a table of sessions, its columns included.
pub(super) fn check(path: &Path, request: &Request<'_>, course: &mut Course) {
    let Some(table) = course.findings.take(Table::read(path)) else { return };
    if table.is_empty() {
        let error = Error::new(Code::EmptySelection, "the table has a header but no rows");
        course.findings.error(&error.at(Place::File(path.into())));
    }
    for column in columns(&table) {
        cells(&table, column, &mut course.findings);
        course.tallies.extend(classes(&table, column).map(|counts| {
            let values = counts.iter().flat_map(|(value, n)| vec![(*value).to_owned(); *n]);
            Tally::new(table.columns()[column].clone(), values)
        }));
    }
    let Some(sessions) = course.findings.take(sessions_in(&table, request)) else { return };
    let people = sessions.iter().map(Session::person);
    course.tallies.push(Tally::new("sessions", sessions.iter().map(|s| s.session.clone())));
    let in_row = |session: &Session, column: &str| Place::Row {
        file: path.into(),
        row: session.row,
        column: Some(column.into()),
    };
    let by = |id: &dyn Fn(&Session) -> &str, column: &str| {
        sessions.iter().map(|s| (id(s).to_owned(), in_row(s, column))).collect::<Vec<_>>()
    };
    ids(by(&|s| &s.participant, "participant_id"), &mut course.findings);
    ids(by(&|s| &s.session, "session_id"), &mut course.findings);
    let n = people.collect::<BTreeSet<_>>().len();
    course.tallies.insert(
        0,
        Tally {
            of: "rows".into(),
            counts: vec![("sessions".into(), sessions.len()), ("participants".into(), n)],
        },
    );
    images_of(&sessions, request, course);
}

/// The sessions of a table. A column `cohort` says of which cohort each is, unless one CAPS is given,
/// where the same id always means the same person.
pub(super) fn sessions_in(table: &Table, request: &Request<'_>) -> Result<Vec<Session>> {
    match request.caps {
        Some(caps) if !is_table(caps) => read_sessions(table, &[]),
        _ => read_members(table),
    }
}

/// The images that the sessions have in the CAPS that is given, if one is.
pub(super) fn images_of(sessions: &[Session], request: &Request<'_>, course: &mut Course) {
    let Some(caps) = request.caps else { return };
    let Some(cohorts) = course.findings.take(Cohorts::open(caps)) else { return };
    sessions_images(&cohorts, sessions, true, request, course);
}

/// The columns that say something of a session; pandas' index says nothing.
fn columns(table: &Table) -> impl Iterator<Item = usize> {
    let ids = ["", "participant_id", "session_id"];
    (0..table.columns().len()).filter(move |i| !ids.contains(&table.columns()[*i].as_str()))
}

/// Empty cells, and texts among numbers.
fn cells(table: &Table, column: usize, findings: &mut Findings) {
    let rows = || 0..table.len();
    let name = &table.columns()[column];
    let empty: Vec<usize> = rows().filter(|row| table.text(*row, column).is_none()).collect();
    if let Some(first) = empty.first() {
        let message = match empty.len() == table.len() {
            true => format!("all cells of {name:?} are empty"),
            false => format!(
                "{} of {} cells of {name:?} are empty: rows {}",
                empty.len(),
                table.len(),
                some(empty.iter().map(|row| table.row_number(*row)), 8)
            ),
        };
        let error = Error::new(Code::MissingValue, message).at(table.place(*first, Some(column)));
        findings.warning(&error.help("training on the column refuses rows without a value"));
    }
    let odd: Vec<Error> = rows().filter_map(|row| table.number(row, column).err()).collect();
    let filled = table.len() - empty.len();
    // Nearly all are numbers, so the others are hardly meant as classes.
    if odd.len() * 5 <= filled {
        for error in odd {
            let help = "write a number, or leave the cell empty where it is not known";
            findings.warning(&error.help(help));
        }
    }
    let texts = rows().filter_map(|row| {
        let text = table.text(row, column)?;
        Some((text.to_owned(), table.place(row, Some(column))))
    });
    if classes(table, column).is_some() {
        alike(texts.collect(), &|text| text.to_lowercase(), findings);
    }
}

/// The values of a column that chooses between a few, with their numbers.
fn classes(table: &Table, column: usize) -> Option<BTreeMap<&str, usize>> {
    Some(counts(table, column)).filter(are_classes)
}

/// How often each value of a column occurs.
pub(super) fn counts(table: &Table, column: usize) -> BTreeMap<&str, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in (0..table.len()).filter_map(|row| table.text(row, column)) {
        *counts.entry(text).or_default() += 1;
    }
    counts
}

/// Whether these values, with their numbers, are a choice between a few.
pub(super) fn are_classes(counts: &BTreeMap<&str, usize>) -> bool {
    let numbers = counts.keys().all(|value| value.parse::<f64>().is_ok());
    let filled: usize = counts.values().sum();
    // Ages are no classes, however few people there are.
    let few = if numbers { counts.len() * 5 <= filled } else { counts.len() < filled.max(3) };
    few && (1..=CLASSES).contains(&counts.len())
}

/// Ids that differ only in their padding, case or marks.
pub(super) fn ids(ids: Vec<(String, Place)>, findings: &mut Findings) {
    alike(ids, &essence, findings);
}

/// Tells every text that is another one in all that `essence` leaves of it, once, where it stands first.
fn alike(texts: Vec<(String, Place)>, essence: &dyn Fn(&str) -> String, findings: &mut Findings) {
    let mut known: BTreeMap<String, BTreeMap<String, (usize, Place)>> = BTreeMap::new();
    for (text, place) in texts {
        let ways = known.entry(essence(&text)).or_default();
        ways.entry(text).or_insert((0, place)).0 += 1;
    }
    for ways in known.into_values().filter(|ways| ways.len() > 1) {
        let mut ways: Vec<(String, (usize, Place))> = ways.into_iter().collect();
        // The way that is written most often is taken for the right one.
        ways.sort_by_key(|(_, (n, _))| std::cmp::Reverse(*n));
        let (usual, (n, _)) = ways[0].clone();
        for (text, (_, place)) in ways.into_iter().skip(1) {
            let message =
                format!("{text:?} and {usual:?} ({n} times) differ only in how they are written");
            let error = Error::new(Code::AmbiguousId, message).at(place);
            findings.warning(&error.help("write one thing in one way: nothing is ever rewritten"));
        }
    }
}
