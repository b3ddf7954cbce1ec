//! The sessions that a table lists.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::table::Table;
use crate::error::nearest;
use crate::{Code, Error, Place, Problems, Result};

/// The cohort of all sessions where there is one CAPS, as ClinicaDL calls it.
pub const SINGLE: &str = "single";

/// All cohorts together, in tables that have a line for each.
pub(crate) const ALL: &str = "all";

/// One session of one participant, as a table names it: ids are never rewritten.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// Whose CAPS it is of: [`SINGLE`] where there is one.
    pub cohort: String,
    /// `sub-…`
    pub participant: String,
    /// `ses-…`
    pub session: String,
    /// The row of the table, from 1 with the header; 0 where the session came from no table.
    pub row: usize,
}

impl Session {
    /// Where a problem with this session, and with one of its files, lies.
    pub fn place(&self, file: Option<PathBuf>) -> Place {
        Place::Session {
            cohort: (self.cohort != SINGLE).then(|| self.cohort.clone()),
            participant: self.participant.clone(),
            session: self.session.clone(),
            file,
        }
    }

    /// Whose session it is.
    pub fn person(&self) -> Person {
        Person { cohort: self.cohort.clone(), participant: self.participant.clone() }
    }

    /// Cohort, participant and session: what one image has and no other.
    pub(crate) fn key(&self) -> Key {
        (self.cohort.clone(), self.participant.clone(), self.session.clone())
    }
}

/// Cohort, participant and session.
pub(crate) type Key = (String, String, String);

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place(None).fmt(f)
    }
}

/// A participant of a cohort. The same id in two cohorts stands for two of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// The cohort; [`SINGLE`] where there is one CAPS.
    pub cohort: String,
    /// `sub-…`
    pub participant: String,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.participant)?;
        if self.cohort == SINGLE { Ok(()) } else { write!(f, " of cohort {}", self.cohort) }
    }
}

/// The sessions in `table`, one per row and in its order, so that the positions agree.
///
/// Columns in `wanted` must be there too. Everything that is wrong is told at once.
pub fn read_sessions(table: &Table, wanted: &[&str]) -> Result<Vec<Session>> {
    read(table, wanted, None)
}

/// As [`read_sessions`], of a list in an experiment folder: where it has a column `cohort`, that
/// says of which cohort each session is.
pub(crate) fn read_members(table: &Table) -> Result<Vec<Session>> {
    read(table, &[], table.find_column("cohort"))
}

fn read(table: &Table, wanted: &[&str], cohorts: Option<usize>) -> Result<Vec<Session>> {
    let mut problems = Problems::default();
    let participants = problems.take(table.column("participant_id"));
    let sessions = problems.take(table.column("session_id"));
    for name in wanted {
        problems.take(table.column(name));
    }
    let (Some(participants), Some(sessions)) = (participants, sessions) else {
        return problems.into_result().map(|()| Vec::new());
    };
    let mut first: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut read = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let participant = problems.take(id(table, row, participants));
        let session = problems.take(id(table, row, sessions));
        let (Some(participant), Some(session)) = (participant, session) else { continue };
        let cohort = cohorts.and_then(|column| table.text(row, column)).unwrap_or(SINGLE);
        let number = table.row_number(row);
        match first.get(&(cohort, participant, session)) {
            Some(earlier) => problems.push(
                Error::new(
                    Code::DuplicateRow,
                    format!("{participant} {session} is listed in row {earlier} already"),
                )
                .at(table.place(row, None))
                .help("delete one of the two rows"),
            ),
            None => {
                first.insert((cohort, participant, session), number);
            }
        }
        read.push(Session {
            cohort: cohort.to_owned(),
            participant: participant.to_owned(),
            session: session.to_owned(),
            row: number,
        });
    }
    problems.into_result()?;
    Ok(read)
}

/// An id, which becomes the name of a folder and so must not lead anywhere else.
fn id(table: &Table, row: usize, column: usize) -> Result<&str> {
    let id = table.needed_text(row, column)?;
    if id.contains(['/', '\\', '\0']) || id == "." || id == ".." {
        return Err(Error::new(Code::BadValue, format!("{id:?} cannot be an id"))
            .at(table.place(row, Some(column)))
            .help("an id is the name of a folder, such as sub-001 or ses-M000"));
    }
    Ok(id)
}

/// The id among `known` that `given` must mean: the same but for its prefix (`sub-`, `ses-`), the
/// case, `-` and `_`, or zeros in front of a number (`ses-M06` and `ses-M006`).
pub(super) fn same_id<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = essence(given);
    known.into_iter().find(|id| essence(id) == given)
}

/// The advice where `given` is not among `known`: the id that must be meant, else the nearest.
pub(super) fn advice_on_id<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(same) = same_id(given, known.clone()) {
        return Some(format!(
            "{same} is there: ids are never rewritten, so write it the same way in both places"
        ));
    }
    nearest(given, known).map(|near| format!("the nearest id that is there is {near}"))
}

/// What two ways of writing one id have in common: no prefix, case, `-`, `_`, or zeros in front of a
/// number.
pub(crate) fn essence(id: &str) -> String {
    let id = id.to_lowercase();
    let id = id.strip_prefix("sub-").or_else(|| id.strip_prefix("ses-")).unwrap_or(&id);
    let mut essence = String::with_capacity(id.len());
    for mark in id.chars().filter(|mark| !matches!(mark, '-' | '_')) {
        if mark.is_ascii_digit() && ends_in_lone_zero(&essence) {
            essence.pop();
        }
        essence.push(mark);
    }
    essence
}

fn ends_in_lone_zero(text: &str) -> bool {
    let mut last = text.chars().rev();
    last.next() == Some('0') && !last.next().is_some_and(|mark| mark.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn check(text: &str, wanted: &[&str], expected: &str) {
        let table = Table::parse(Path::new("t.tsv"), text.as_bytes()).unwrap();
        let shown = match read_sessions(&table, wanted) {
            Ok(sessions) => sessions
                .iter()
                .map(|s| format!("{}: {} {}", s.row, s.participant, s.session))
                .collect::<Vec<_>>()
                .join("\n"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn sessions_are_read_as_they_stand() {
        check(
            "\tsession_id\tparticipant_id\n0\tses-M06\tsub-A\n1\tses-M006\tsub-A\n\n2\tses-M06\tsub-B\n",
            &[],
            "2: sub-A ses-M06\n3: sub-A ses-M006\n5: sub-B ses-M06",
        );
        check("participant_id\tsession_id\n", &[], "");
    }

    #[test]
    fn repeated_and_empty_ids_are_named_with_their_rows() {
        check(
            "participant_id\tsession_id\nsub-A\tses-1\nsub-B\t\nsub-A\tses-1\nsub/C\tses-1\n",
            &[],
            "E0404: the cell is empty\n  at t.tsv, row 3, column \"session_id\"\n  \
             help: fill it in, or leave the row out\n\
             E0403: sub-A ses-1 is listed in row 2 already\n  at t.tsv, row 4\n  \
             help: delete one of the two rows\n\
             E0408: \"sub/C\" cannot be an id\n  at t.tsv, row 5, column \"participant_id\"\n  \
             help: an id is the name of a folder, such as sub-001 or ses-M000",
        );
    }

    #[test]
    fn all_missing_columns_are_named() {
        check(
            "participant\tsession_id\tage\nA\t1\t3\n",
            &["age", "diagnosis"],
            "E0402: there is no column \"participant_id\"; the columns are participant, session_id, age; \
             did you mean \"participant\"?\n  at t.tsv\n\
             E0402: there is no column \"diagnosis\"; the columns are participant, session_id, age\n  at t.tsv",
        );
    }

    #[test]
    fn another_way_of_writing_an_id_is_recognised() {
        let known = ["ses-M000", "ses-M006", "ses-M012", "ses-M120"];
        for (given, same) in [
            ("ses-M06", Some("ses-M006")),
            ("ses-m0006", Some("ses-M006")),
            ("M0", Some("ses-M000")),
            ("ses-M12", Some("ses-M012")),
            ("ses-M1200", None),
            ("ses-M018", None),
        ] {
            assert_eq!(same_id(given, known), same, "{given}");
        }
        assert_eq!(same_id("ADNI_002_S_0295", ["sub-ADNI002S0295"]), Some("sub-ADNI002S0295"));
        assert_eq!(
            advice_on_id("sub-TRIV44", ["sub-TRIV4", "sub-X"]).as_deref(),
            Some("the nearest id that is there is sub-TRIV4")
        );
        assert_eq!(advice_on_id("sub-1", ["sub-PHAN000"]), None);
    }
}
