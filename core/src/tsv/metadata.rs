//! More columns for a table of sessions, from a table of everything that is known.

use std::collections::BTreeMap;
use std::path::Path;

use super::check_free;
use super::frame::{read_visits, same};
use crate::data::participants::Session;
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Result};

/// What was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The columns.
    pub added: Vec<String>,
    /// Sessions that the other table does not have, whose new cells are empty.
    pub missing: Vec<(String, String)>,
}

/// Adds columns of the table `from` to the sessions of `table`, and writes all to `output`: those that
/// are asked for, or all that `table` does not have. Sessions are the same where their ids are, or
/// where the session's number is: `ses-M6` and `ses-M006`.
///
/// # Errors
/// What is wrong with a table; a column that is not in `from`, already in `table` or asked for twice;
/// two rows of a table for the same session; [`Code::OutputInUse`].
pub fn metadata(table: &Path, from: &Path, columns: &[String], output: &Path) -> Result<Metadata> {
    check_free(output)?;
    let (table, from) = (Table::read(table)?, Table::read(from)?);
    let (sessions, known) = (read_visits(&table, &[])?, read_visits(&from, &[])?);
    let added: Vec<String> = match columns.is_empty() {
        true => from.columns().iter().filter(|name| new(&table, name)).cloned().collect(),
        false => columns.to_vec(),
    };
    let positions: Vec<usize> =
        added.iter().map(|name| from.column(name)).collect::<Result<_>>()?;
    if let Some(name) = added.iter().find(|name| !new(&table, name)) {
        return Err(Error::new(Code::BadTable, format!("there is a column {name:?} already"))
            .at(Place::File(table.file().into()))
            .help("rename it, or do not ask for it"));
    }
    if let Some(i) = (1..added.len()).find(|i| added[..*i].contains(&added[*i])) {
        let message = format!("the column {:?} is asked for twice", added[i]);
        return Err(Error::new(Code::BadOption, message)
            .at(Place::Option("columns".into()))
            .help("name each column once"));
    }
    let key = |one: &Session| (one.participant.clone(), same(&one.session));
    let rows: BTreeMap<_, usize> =
        known.iter().enumerate().map(|(row, one)| (key(one), row)).collect();
    let kept: Vec<usize> =
        (0..table.columns().len()).filter(|i| !table.columns()[*i].is_empty()).collect();
    let names = kept.iter().map(|i| table.columns()[*i].as_str());
    let names: Vec<&str> = names.chain(added.iter().map(String::as_str)).collect();
    let mut missing = Vec::new();
    let lines: Vec<Vec<&str>> = sessions
        .iter()
        .enumerate()
        .map(|(row, one)| {
            let found = rows.get(&key(one));
            if found.is_none() {
                missing.push((one.participant.clone(), one.session.clone()));
            }
            let own = kept.iter().map(|i| table.text(row, *i).unwrap_or_default());
            let more = positions.iter().map(|i| found.and_then(|row| from.text(*row, *i)));
            own.chain(more.map(Option::unwrap_or_default)).collect()
        })
        .collect();
    write_tsv(output, &names, lines)?;
    Ok(Metadata { added, missing })
}

fn new(table: &Table, name: &str) -> bool {
    !name.is_empty() && table.find_column(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(table: &str, from: &str, columns: &[&str]) -> Result<(Metadata, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("t.tsv"), table).unwrap();
        std::fs::write(file("m.tsv"), from).unwrap();
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let done = metadata(&file("t.tsv"), &file("m.tsv"), &columns, &file("o.tsv"))?;
        Ok((done, std::fs::read_to_string(file("o.tsv")).unwrap()))
    }

    const TABLE: &str = "participant_id\tsession_id\tage\nA\tses-M006\t70\nB\tses-M000\t71\n";
    const FROM: &str = "session_id\tparticipant_id\tage\tMMSE\tsite\nses-M06\tA\t70\t28\t2\n";

    #[test]
    fn columns_are_added_by_session() {
        let (done, text) = run(TABLE, FROM, &[]).unwrap();
        let expected = "participant_id\tsession_id\tage\tMMSE\tsite\n\
                        A\tses-M006\t70\t28\t2\nB\tses-M000\t71\t\t\n";
        assert_eq!(text, expected);
        assert_eq!(done.missing, [("B".to_owned(), "ses-M000".to_owned())]);
        let (done, text) = run(TABLE, FROM, &["site"]).unwrap();
        assert_eq!(done.added, ["site"]);
        assert!(text.starts_with("participant_id\tsession_id\tage\tsite\nA\tses-M006\t70\t2\n"));
    }

    #[test]
    fn columns_that_are_not_there_or_there_already_are_refused() {
        assert_eq!(run(TABLE, FROM, &["sight"]).unwrap_err().code(), Code::MissingColumn);
        assert_eq!(run(TABLE, FROM, &["age"]).unwrap_err().code(), Code::BadTable);
        let again = run(TABLE, FROM, &["site", "MMSE", "site"]).unwrap_err();
        assert_eq!(again.code(), Code::BadOption);
        assert!(again.to_string().contains("\"site\" is asked for twice"), "{again}");
        let twice = format!("{FROM}ses-M6\tA\t70\t28\t2\n");
        assert_eq!(run(TABLE, &twice, &[]).unwrap_err().code(), Code::DuplicateRow);
    }
}
