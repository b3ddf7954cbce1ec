//! One side of a split: its tables, and which of their rows take part.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Classes, Label, Row, SplitOptions, Target};
use crate::data::participants::{Person, Session, read_sessions};
use crate::data::table::Table;
use crate::{Code, Error, Place, Problems, Result};

/// One side of a split: a table for each cohort.
pub(super) struct Side {
    /// Where problems of the side as a whole lie: the table, or of several cohorts the table of them.
    pub(super) file: PathBuf,
    pub(super) tables: Vec<Listed>,
}

/// The table of a cohort, and which of its rows take part.
pub(super) struct Listed {
    pub(super) table: Table,
    sessions: Vec<Session>,
    pub(super) kept: Vec<usize>,
}

impl Listed {
    /// Reads the table of a cohort, with the column `diagnoses` where some of them are asked for.
    pub(super) fn read(
        file: &Path,
        cohort: &str,
        options: &SplitOptions,
        diagnoses: Option<&str>,
    ) -> Result<Self> {
        let mut wanted = Vec::new();
        if let Target::Class { column, .. } | Target::Number { column } = &options.target {
            wanted.push(column.as_str());
        }
        wanted.extend(options.select.as_ref().map(|select| select.column.as_str()));
        let table = Table::read(file)?;
        if let Some(column) = diagnoses {
            table.column(column).map_err(|error| {
                error.help("the table of cohorts names diagnoses, which are looked up in it")
            })?;
        }
        let sessions = read_sessions(&table, &wanted)?;
        Ok(Self::new(table, sessions, Some(cohort)))
    }

    /// All rows of a table, of its own cohorts or of this one.
    pub(super) fn new(table: Table, mut sessions: Vec<Session>, cohort: Option<&str>) -> Self {
        for session in &mut sessions {
            if let Some(cohort) = cohort {
                session.cohort = cohort.to_owned();
            }
        }
        let kept = (0..table.len()).collect();
        Self { table, sessions, kept }
    }

    /// Keeps the rows with one of `values` in `column`.
    pub(super) fn keep(&mut self, column: &str, values: &[String]) -> Result<()> {
        let column = self.table.column(column)?;
        self.kept.retain(|row| {
            self.table.text(*row, column).is_some_and(|text| values.iter().any(|v| v == text))
        });
        Ok(())
    }

    /// How many of the rows that take part have each value of `column`.
    pub(super) fn counts(&self, column: &str) -> Result<BTreeMap<&str, usize>> {
        let column = self.table.column(column)?;
        let mut counts = BTreeMap::new();
        for text in self.kept.iter().filter_map(|row| self.table.text(*row, column)) {
            *counts.entry(text).or_default() += 1;
        }
        Ok(counts)
    }

    pub(super) fn people(&self) -> BTreeSet<Person> {
        self.kept.iter().map(|row| self.sessions[*row].person()).collect()
    }

    /// The first row of a participant.
    pub(super) fn row(&self, person: &Person) -> usize {
        let mut sessions = self.kept.iter().map(|row| &self.sessions[*row]);
        let found = sessions.find(|session| session.participant == person.participant);
        found.map_or(0, |session| session.row)
    }

    fn label(&self, row: usize, target: &Target, classes: Option<&Classes>) -> Result<Label> {
        Ok(match target {
            Target::None => Label::None,
            Target::Number { column } => {
                let column = self.table.column(column)?;
                let number = self.table.needed_number(row, column)?;
                // Networks compute in float32.
                if number.abs() > f64::from(f32::MAX) {
                    let message = format!("{number:e} is too large to be learned");
                    return Err(Error::new(Code::BadValue, message)
                        .at(self.table.place(row, Some(column)))
                        .help("give the column in another unit, or take its logarithm"));
                }
                Label::Number(number)
            }
            Target::Class { column, .. } => {
                let text = self.table.needed_text(row, self.table.column(column)?)?;
                // Where the classes themselves are wrong that is told already.
                Label::Class(classes.and_then(|classes| classes.code(text)).unwrap_or_default())
            }
        })
    }
}

impl Side {
    /// Keeps the rows with one of `values` in `column`, in all tables.
    pub(super) fn keep(&mut self, column: &str, values: &[String]) -> Result<()> {
        self.tables.iter_mut().try_for_each(|listed| listed.keep(column, values))
    }

    /// How many of the rows that take part have each value of `column`.
    pub(super) fn counts(&self, column: &str) -> Result<BTreeMap<&str, usize>> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for listed in &self.tables {
            for (text, n) in listed.counts(column)? {
                *counts.entry(text).or_default() += n;
            }
        }
        Ok(counts)
    }

    pub(super) fn rows(&self, target: &Target, classes: Option<&Classes>) -> Result<Vec<Row>> {
        let mut problems = Problems::default();
        let mut rows = Vec::new();
        for listed in &self.tables {
            for row in &listed.kept {
                if let Some(label) = problems.take(listed.label(*row, target, classes)) {
                    rows.push(Row { session: listed.sessions[*row].clone(), label });
                }
            }
        }
        problems.into_result()?;
        Ok(rows)
    }

    pub(super) fn check_not_empty(&self) -> Result<()> {
        if self.tables.iter().any(|listed| !listed.kept.is_empty()) {
            return Ok(());
        }
        let message = if self.tables.iter().all(|listed| listed.table.is_empty()) {
            "the table has a header but no rows"
        } else {
            "no row is left after selection"
        };
        Err(Error::new(Code::EmptySelection, message).at(Place::File(self.file.clone())))
    }
}
