//! A table of sessions with all its columns, grouped by participant.

use std::collections::BTreeMap;
use std::path::Path;

use crate::data::participants::{Session, read_sessions};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Result};

/// A table of sessions, or some participants of it.
pub(super) struct Frame {
    pub(super) table: Table,
    /// Who they are, in the plural: `participants`.
    pub(super) who: &'static str,
    /// Sorted by id.
    pub(super) participants: Vec<Participant>,
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
        let sessions = read_sessions(&table, wanted)?;
        if sessions.is_empty() {
            return Err(Error::new(Code::EmptySelection, "the table has no row below its header")
                .at(Place::File(file.into())));
        }
        let rows = by_participant(&sessions);
        let participants = rows.into_iter().map(|rows| Participant { rows }).collect();
        Ok(Self { table, who: "participants", participants })
    }

    /// These participants alone, by their places.
    pub(super) fn only(&self, whom: &[usize], who: &'static str) -> Self {
        let participants = whom.iter().map(|one| self.participants[*one].clone()).collect();
        Self { table: self.table.clone(), who, participants }
    }

    /// The text of every participant's first session in some columns, empty cells being `n/a`.
    ///
    /// # Errors
    /// [`Code::MissingColumn`].
    pub(super) fn strata(&self, columns: &[String]) -> Result<Vec<Vec<&str>>> {
        let positions: Vec<usize> =
            columns.iter().map(|name| self.table.column(name)).collect::<Result<_>>()?;
        let strata = self.participants.iter().map(|participant| {
            let cell = |column: &usize| self.table.text(participant.baseline(), *column);
            positions.iter().map(|column| cell(column).unwrap_or("n/a")).collect()
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

/// The positions of each participant's sessions, rising in time; participants are sorted by id.
pub(crate) fn by_participant(sessions: &[Session]) -> Vec<Vec<usize>> {
    let times: Vec<_> = sessions.iter().map(|session| months(&session.session)).collect();
    // One session that is named otherwise, and only the names themselves say which is first.
    let timed = times.iter().all(Option::is_some);
    let mut participants: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, session) in sessions.iter().enumerate() {
        participants.entry(&session.participant).or_default().push(position);
    }
    let mut participants: Vec<_> = participants.into_values().collect();
    for own in &mut participants {
        own.sort_by_key(|at| (times[*at].filter(|_| timed), &sessions[*at].session));
    }
    participants
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
        // By name, M12 would come before M6.
        assert_eq!(order("b\tses-M12\na\tses-M0\nb\tses-M6\n"), [vec![1], vec![2, 0]]);
        assert_eq!(order("b\tses-M12\nb\tses-2\nb\tses-M6\n"), [vec![1, 0, 2]]);
    }

    #[test]
    fn a_table_without_rows_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.tsv");
        std::fs::write(&file, "participant_id\tsession_id\n").unwrap();
        assert_eq!(Frame::read(&file, &[]).err().unwrap().code(), Code::EmptySelection);
    }
}
