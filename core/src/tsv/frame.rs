//! A table of sessions with all its columns, grouped by participant.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::participants::{Session, read_sessions};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result, some};

/// What an empty cell counts as where participants are told apart by a column.
pub(super) const EMPTY: &str = "n/a";

/// A table of sessions, or some participants of it.
pub(super) struct Frame {
    pub(super) table: Table,
    /// Who they are, in the plural: `participants`.
    pub(super) who: &'static str,
    /// Sorted by id.
    pub(super) participants: Vec<Participant>,
    /// What a person should know of the order of sessions.
    pub(super) notes: Vec<String>,
}

/// The sessions of one participant.
#[derive(Clone)]
pub(super) struct Participant {
    /// Their rows in the table, rising in time.
    pub(super) rows: Vec<usize>,
}

impl Participant {
    /// The row of the first session.
    pub(super) fn baseline(&self) -> usize {
        self.rows[0]
    }
}

impl Frame {
    /// Reads a table of sessions; `wanted` columns must be there.
    ///
    /// # Errors
    /// What is wrong with the table, all at once; [`Code::EmptySelection`] where it has no row.
    pub(super) fn read(file: &Path, wanted: &[&str]) -> Result<Self> {
        let table = Table::read(file)?;
        let sessions = read_visits(&table, wanted)?;
        if sessions.is_empty() {
            return Err(Error::new(Code::EmptySelection, "the table has no row below its header")
                .at(Place::File(file.into())));
        }
        let rows = by_participant(&sessions);
        let notes = unordered(&sessions, &rows).into_iter().collect();
        let participants = rows.into_iter().map(|rows| Participant { rows }).collect();
        Ok(Self { table, who: "participants", participants, notes })
    }

    /// These participants alone, by their places.
    pub(super) fn only(&self, whom: &[usize], who: &'static str) -> Self {
        let participants = whom.iter().map(|one| self.participants[*one].clone()).collect();
        Self { table: self.table.clone(), who, participants, notes: Vec::new() }
    }

    /// The text of every participant's first session in some columns.
    ///
    /// # Errors
    /// [`Code::MissingColumn`].
    pub(super) fn strata(&self, columns: &[String]) -> Result<Vec<Vec<&str>>> {
        let positions: Vec<usize> =
            columns.iter().map(|name| self.table.column(name)).collect::<Result<_>>()?;
        let strata = self.participants.iter().map(|participant| {
            let cell = |column: &usize| self.table.text(participant.baseline(), *column);
            positions.iter().map(|column| cell(column).unwrap_or(EMPTY)).collect()
        });
        Ok(strata.collect())
    }

    /// Writes all sessions of these participants, or their first ones, with all columns.
    pub(super) fn write(&self, path: &Path, whom: &[usize], baseline: bool) -> Result<()> {
        // pandas' index column says nothing.
        let columns: Vec<usize> = (0..self.table.columns().len())
            .filter(|column| !self.table.columns()[*column].is_empty())
            .collect();
        let names: Vec<&str> =
            columns.iter().map(|column| self.table.columns()[*column].as_str()).collect();
        let rows = whom.iter().flat_map(|participant| {
            let rows = &self.participants[*participant].rows;
            rows[..if baseline { 1 } else { rows.len() }].iter().copied()
        });
        let cells = |row: usize| {
            columns.iter().map(move |column| self.table.text(row, *column).unwrap_or_default())
        };
        write_tsv(path, &names, rows.map(cells))
    }
}

/// The sessions in a table, as [`read_sessions`]; none may be there twice, in whatever way its month is
/// written.
///
/// # Errors
/// As [`read_sessions`]; [`Code::DuplicateRow`] for `ses-M6` and `ses-M006` of one participant.
pub(super) fn read_visits(table: &Table, wanted: &[&str]) -> Result<Vec<Session>> {
    let sessions = read_sessions(table, wanted)?;
    let mut problems = Problems::default();
    let mut first: BTreeMap<(&str, String), &Session> = BTreeMap::new();
    for (row, session) in sessions.iter().enumerate() {
        let key = (session.participant.as_str(), same(&session.session));
        if let Some(other) = first.insert(key, session) {
            let message = format!("{} and {} are the same session", session.session, other.session);
            let error = Error::new(Code::DuplicateRow, message).at(table.place(row, None));
            problems.push(error.help("delete one of the two rows"));
        }
    }
    problems.into_result()?;
    Ok(sessions)
}

/// The positions of each participant's sessions, rising in time; participants are sorted by id. Time is
/// told by months (`ses-M012`); where not all sessions of a participant have one, by their names, in
/// which numbers count as such: `ses-9` is before `ses-10`.
pub(crate) fn by_participant(sessions: &[Session]) -> Vec<Vec<usize>> {
    let mut participants: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, session) in sessions.iter().enumerate() {
        participants.entry(&session.participant).or_default().push(position);
    }
    let mut participants: Vec<_> = participants.into_values().collect();
    for own in &mut participants {
        // `ses-M` is the same in all of them where all tell a month, so that these decide.
        own.sort_by_cached_key(|at| parts(&sessions[*at].session));
    }
    participants
}

/// What is to be said where the names of a participant's sessions differ in more than numbers, so that
/// they do not tell which is first.
fn unordered(sessions: &[Session], participants: &[Vec<usize>]) -> Option<String> {
    let texts = |at: &usize| -> Vec<&str> {
        parts(&sessions[*at].session).into_iter().map(|(text, ..)| text).collect()
    };
    let unclear =
        participants.iter().filter(|own| own.iter().any(|at| texts(at) != texts(&own[0])));
    let unclear: Vec<&str> = unclear.map(|own| sessions[own[0]].participant.as_str()).collect();
    (!unclear.is_empty()).then(|| {
        format!(
            "the names of sessions do not tell which is the first of {}: the first by name is taken",
            some(unclear.iter(), 5)
        )
    })
}

/// A name as texts, each with the number after it, which compares by its value: by how many digits it has
/// and then by these.
fn parts(name: &str) -> Vec<(&str, usize, &str)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digit = |letter: char| letter.is_ascii_digit();
        let (text, after) = rest.split_at(rest.find(digit).unwrap_or(rest.len()));
        let end = after.find(|letter| !digit(letter)).unwrap_or(after.len());
        let digits = after[..end].trim_start_matches('0');
        parts.push((text, digits.len(), digits));
        rest = &after[end..];
    }
    parts
}

/// The months after baseline that a session's name tells: 12 of `ses-M012`.
pub(super) fn months(session: &str) -> Option<u64> {
    let digits = session.strip_prefix("ses-M")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A session's name with its month in one way of writing: `ses-M6` and `ses-M06` are `ses-M006`.
pub(super) fn same(session: &str) -> String {
    match months(session) {
        Some(months) => format!("ses-M{months:03}"),
        None => session.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_in_the_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let order = |rows: &str| {
            let file = folder.path().join("t.tsv");
            std::fs::write(&file, format!("participant_id\tsession_id\n{rows}")).unwrap();
            let frame = Frame::read(&file, &[]).unwrap();
            frame.participants.iter().map(|one| one.rows.clone()).collect::<Vec<_>>()
        };
        // By name, M12 would come before M6, and 10 before 9.
        assert_eq!(order("b\tses-M12\na\tses-M0\nb\tses-M6\n"), [vec![1], vec![2, 0]]);
        assert_eq!(order("a\tses-10\na\tses-9\n"), [vec![1, 0]]);
        // One that is named otherwise changes nobody else's order, nor that of the others of its own.
        let odd = "a\tses-M12\na\tses-M6\nb\tses-M12\nb\tses-2\nb\tses-M6\nb\tses-x\n";
        assert_eq!(order(odd), [vec![1, 0], vec![3, 4, 2, 5]]);
    }

    #[test]
    fn whose_first_session_cannot_be_told_is_said() {
        let session = |participant: &str, session: &str| Session {
            cohort: crate::data::participants::SINGLE.into(),
            participant: participant.into(),
            session: session.into(),
            row: 0,
        };
        let said = |sessions: &[Session]| unordered(sessions, &by_participant(sessions));
        let clear = [session("a", "ses-M6"), session("a", "ses-M012"), session("b", "screening")];
        assert_eq!(said(&clear), None);
        let unclear = [session("a", "ses-M6"), session("b", "ses-M0"), session("b", "ses-bl")];
        assert!(said(&unclear).unwrap().contains("the first of b: the first by name"));
    }

    #[test]
    fn a_session_is_there_once_however_its_month_is_written() {
        let table = |rows: &str| {
            let text = format!("participant_id\tsession_id\n{rows}");
            Table::parse(Path::new("t.tsv"), text.as_bytes()).unwrap()
        };
        assert_eq!(read_visits(&table("a\tses-M6\nb\tses-M006\n"), &[]).unwrap().len(), 2);
        let error = read_visits(&table("a\tses-M6\na\tses-M006\n"), &[]).unwrap_err();
        assert_eq!(error.code(), Code::DuplicateRow);
        assert!(error.to_string().contains("row 3"), "{error}");
    }

    #[test]
    fn a_table_without_rows_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.tsv");
        std::fs::write(&file, "participant_id\tsession_id\n").unwrap();
        assert_eq!(Frame::read(&file, &[]).err().unwrap().code(), Code::EmptySelection);
    }
}
