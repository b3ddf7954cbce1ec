//! The sessions of a group that networks are asked about: one table, or a table for each cohort.

use std::collections::BTreeMap;
use std::path::Path;

use super::read::DIAGNOSIS;
use super::side::{Listed, Side};
use super::{Classes, Row, Selection, Target, classes, folder};
use crate::data::cohorts::{Line, is_table, read_table};
use crate::data::participants::{SINGLE, read_members, read_sessions};
use crate::data::table::Table;
use crate::error::did_you_mean;
use crate::{Code, Error, Place, Problems, Result};

/// Where the cohort of a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// Nowhere: there is one CAPS.
    Single,
    /// In the column `cohort`, or in the table that names a table of sessions for each.
    Cohorts,
    /// In the column `cohort` where there is one: a list of an experiment folder.
    Listed,
}

/// What is known of the sessions.
pub(crate) struct Known<'a> {
    /// The column that holds it, and the classes wanted where sessions of others are left out.
    pub(crate) target: Target,
    /// Whether that column must be there; otherwise it may be missing, and nothing is known.
    pub(crate) needed: bool,
    /// The classes that there are, by their codes.
    pub(crate) classes: &'a [String],
    /// Rows to keep.
    pub(crate) select: Option<&'a Selection>,
}

/// The sessions of a group.
pub(crate) struct GroupTable {
    pub(crate) rows: Vec<Row>,
    /// Whether it is known what is true of them.
    pub(crate) labelled: bool,
    /// Sessions that were left out, as their class was not wanted or not selected.
    pub(crate) left_out: usize,
}

/// Reads the sessions in `file`: a table of them, or where cohorts are told apart a table with the
/// columns `cohort`, `path` and, where wanted, `diagnoses`.
///
/// # Errors
/// Everything that is wrong with the tables; [`Code::UnknownClass`] for classes that are none of those
/// known, with their counts; [`Code::EmptySelection`].
pub(crate) fn read_group(
    file: &Path,
    belonging: Belonging,
    known: &Known<'_>,
) -> Result<GroupTable> {
    let tables = tables(file, belonging)?;
    let (target, labelled) = target(&tables, known)?;
    let mut wanted: Vec<&str> = match &target {
        Target::Class { column, .. } | Target::Number { column } => vec![column],
        Target::None => Vec::new(),
    };
    wanted.extend(known.select.map(|select| select.column.as_str()));
    let mut problems = Problems::default();
    let mut side = Side { file: file.into(), tables: Vec::new() };
    for (table, line) in tables {
        let listed = problems.take(listed(table, line.as_ref(), belonging, &wanted));
        side.tables.extend(listed);
    }
    problems.into_result()?;
    let all: usize = side.tables.iter().map(|listed| listed.kept.len()).sum();
    if let Some(Selection { column, values }) = known.select {
        let place = Place::File(file.into());
        classes::check_values(side.counts(column)?, column, values, &place)?;
        side.keep(column, values)?;
    }
    let names = |names: &[String]| Classes {
        names: names.to_vec(),
        train: Vec::new(),
        validation: Vec::new(),
    };
    let codes = match &target {
        Target::Class { column, classes } => {
            check_classes(&mut side, column, classes.as_deref(), known.classes)?;
            Some(names(known.classes))
        }
        _ => None,
    };
    side.check_not_empty().map_err(|error| error.help("a group has at least one session"))?;
    let rows = side
        .rows(&target, codes.as_ref())
        .map_err(|error| error.help("fill it in, leave the row out, or predict without labels"))?;
    Ok(GroupTable { left_out: all - rows.len(), rows, labelled })
}

/// The table, or those that it names.
fn tables(file: &Path, belonging: Belonging) -> Result<Vec<(Table, Option<Line>)>> {
    check_file(file)?;
    let table = Table::read(file)?;
    let column = |name| table.find_column(name).is_some();
    if !is_table(file) || column("participant_id") || !(column("cohort") && column("path")) {
        return Ok(vec![(table, None)]);
    }
    if belonging == Belonging::Single {
        let message = "the table names a table for each cohort, but there is one CAPS";
        return Err(Error::new(Code::BadOption, message)
            .at(Place::File(file.into()))
            .help("name the CAPS of each cohort in a .tsv, too, or one table of sessions"));
    }
    let mut problems = Problems::default();
    let mut tables = Vec::new();
    for line in read_table(file)? {
        let read = check_file(&line.path).and_then(|()| Table::read(&line.path));
        let read = problems.take(read.map_err(|error| line.told("the sessions", &error)));
        tables.extend(read.map(|table| (table, Some(line))));
    }
    problems.into_result()?;
    Ok(tables)
}

/// Which of several tables in a folder is meant cannot be known.
fn check_file(file: &Path) -> Result<()> {
    if !file.is_dir() {
        return Ok(());
    }
    let found = folder::contents(file);
    let message = format!("a table of sessions was expected, this is a folder with {found}");
    Err(Error::new(Code::BadTable, message)
        .at(Place::File(file.into()))
        .help("name the table itself, such as test_baseline.tsv"))
}

/// What is read of the sessions, and whether that says what is true of them.
fn target(tables: &[(Table, Option<Line>)], known: &Known<'_>) -> Result<(Target, bool)> {
    let (Target::Class { column, .. } | Target::Number { column }) = &known.target else {
        return Ok((Target::None, false));
    };
    let has = |(table, _): &&(Table, _)| table.find_column(column).is_some();
    if !known.needed && !tables.iter().any(|table| has(&table)) {
        return Ok((Target::None, false));
    }
    let mut problems = Problems::default();
    for (table, _) in tables {
        let help = "or predict without labels";
        problems.take(table.column(column).map_err(|error| error.help(help)));
    }
    problems.into_result()?;
    Ok((known.target.clone(), true))
}

fn listed(
    table: Table,
    line: Option<&Line>,
    belonging: Belonging,
    wanted: &[&str],
) -> Result<Listed> {
    let sessions = read_sessions(&table, wanted);
    if let Some(line) = line {
        let sessions = sessions?;
        let mut listed = Listed::new(table, sessions, Some(&line.cohort));
        if let Some(diagnoses) = &line.diagnoses {
            classes::check_values(listed.counts(DIAGNOSIS)?, DIAGNOSIS, diagnoses, &line.place)?;
            listed.keep(DIAGNOSIS, diagnoses)?;
        }
        return Ok(listed);
    }
    if belonging == Belonging::Single {
        return Ok(Listed::new(table, sessions?, Some(SINGLE)));
    }
    if belonging == Belonging::Cohorts {
        table.column("cohort").map_err(|error| {
            error.help("there are several CAPS: say of which cohort each session is")
        })?;
    }
    for name in wanted {
        table.column(name)?;
    }
    let sessions = read_members(&table)?;
    Ok(Listed::new(table, sessions, None))
}

/// Keeps the sessions of the classes `wanted`, where some are; the others must be `known` ones.
fn check_classes(
    side: &mut Side,
    column: &str,
    wanted: Option<&[String]>,
    known: &[String],
) -> Result<()> {
    let place = Place::File(side.file.clone());
    let there = known.join(", ");
    let refuse = |message: String, help: String| {
        Err(Error::new(Code::UnknownClass, message).at(place.clone()).help(help))
    };
    if let Some(wanted) = wanted {
        if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
            let near = did_you_mean(name, known.iter().map(String::as_str));
            let message = format!("the network does not know the class {name:?}{near}");
            return refuse(message, format!("it knows {there}"));
        }
        classes::check_values(side.counts(column)?, column, wanted, &place)?;
        return side.keep(column, wanted);
    }
    let counts: BTreeMap<&str, usize> = side.counts(column)?;
    let unknown: BTreeMap<&str, usize> =
        counts.into_iter().filter(|(name, _)| !known.iter().any(|known| known == name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let found = classes::with_counts(&unknown);
    refuse(
        format!("column {column:?} holds classes that the network does not know: {found}"),
        format!(
            "it knows {there}; name the classes to predict only sessions of these, or predict \
             without labels"
        ),
    )
}
