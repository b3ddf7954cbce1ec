//! Tables of cohorts: a line for each, with a path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::participants::{ALL, SINGLE};
use crate::data::table::Table;
use crate::{Code, Error, Place, Problems, Result};

/// A line of a table of cohorts.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) cohort: String,
    /// Relative paths count from the table's folder.
    pub(crate) path: PathBuf,
    /// The diagnoses that are used of the cohort; `None` for all.
    pub(crate) diagnoses: Option<Vec<String>>,
    pub(crate) place: Place,
}

/// Whether `path` is meant as a table of cohorts: its suffix says it.
pub(crate) fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("tsv"))
}

/// Reads a table with the columns `cohort`, `path` and, where there is one, `diagnoses`: names with
/// commas between them.
///
/// # Errors
/// Columns and cells that are missing, a name that stands twice or cannot be one, an empty table; all
/// at once.
pub(crate) fn read(file: &Path) -> Result<Vec<Line>> {
    let table = Table::read(file)?;
    let mut problems = Problems::default();
    let column = |name| {
        let help = "a .tsv in this place is a table of cohorts, with the columns cohort and path; of \
                    one cohort, name the folder";
        table.column(name).map_err(|error| error.help(help))
    };
    let [cohort, path] = ["cohort", "path"].map(|name| problems.take(column(name)));
    let diagnoses = table.find_column("diagnoses");
    let (Some(cohort), Some(path)) = (cohort, path) else {
        return problems.into_result().map(|()| Vec::new());
    };
    if table.is_empty() {
        let error = Error::new(Code::EmptySelection, "the table has a header but no cohorts");
        problems.push(error.at(Place::File(file.into())));
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let name = problems.take(table.needed_text(row, cohort).and_then(|name| {
            check_name(name).map_err(|error| error.at(table.place(row, Some(cohort))))?;
            Ok(name)
        }));
        let path = problems.take(table.needed_text(row, path));
        let (Some(name), Some(path)) = (name, path) else { continue };
        if let Some(earlier) = first.insert(name, table.row_number(row)) {
            let message = format!("cohort {name:?} is in row {earlier} already");
            let error = Error::new(Code::DuplicateRow, message).at(table.place(row, None));
            problems.push(error.help("give every cohort one row and a name of its own"));
        }
        let text = diagnoses.and_then(|column| table.text(row, column));
        lines.push(Line {
            cohort: name.to_owned(),
            path: folder.join(path),
            diagnoses: text.map(names).filter(|names| !names.is_empty()),
            place: table.place(row, None),
        });
    }
    problems.into_result()?;
    Ok(lines)
}

fn names(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Names stand in tables and messages; those of a single CAPS and of all cohorts together are taken.
fn check_name(name: &str) -> Result<()> {
    if [SINGLE, ALL].contains(&name) {
        let message = format!("a cohort cannot be called {name:?}: that name is taken");
        return Err(Error::new(Code::BadValue, message).help("give it the name of the study"));
    }
    if name.contains(char::is_control) {
        return Err(Error::new(Code::BadValue, format!("{name:?} cannot be a cohort's name")));
    }
    Ok(())
}

impl Line {
    /// A problem of what the path leads to, told at the line.
    pub(crate) fn told(&self, what: &str, error: &Error) -> Error {
        let mut problems = Problems::default();
        for problem in error.problems() {
            let (cohort, path) = (&self.cohort, self.path.display());
            let message = format!("{what} of cohort {cohort:?}, {path}: {}", problem.message);
            let mut told = Error::new(problem.code, message).at(self.place.clone());
            if let Some(cause) = &problem.cause {
                told = told.because(cause);
            }
            problems.push(match &problem.help {
                Some(help) => told.help(help.clone()),
                None => told,
            });
        }
        problems.into_result().err().unwrap_or_else(|| error.clone())
    }
}
