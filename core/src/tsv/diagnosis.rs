//! Diagnoses and other columns of the tables that Clinica's `merge-tsv` writes.

use crate::data::table::Table;
use crate::error::{Code, Error, Result};

/// ADNI's `DXCHANGE`, the change since the last visit, as the diagnosis that it leads to; -1 is missing
/// (<https://adni.loni.usc.edu>, data dictionary of DXSUM).
const ADNI_CHANGE: [&str; 9] = ["CN", "MCI", "AD", "MCI", "AD", "AD", "CN", "MCI", "CN"];

/// The column that a table keeps something in: the one of that name, or the shortest of whose words
/// one begins with `word`, whatever the case (`age_bl`, but not `stage`); of several the first.
pub(super) fn find(table: &Table, name: &str, word: &str) -> Option<usize> {
    table.find_column(name).or_else(|| {
        let columns = table.columns().iter().enumerate();
        let words = |column: &str| -> Vec<String> {
            column
                .to_lowercase()
                .split(|mark: char| !mark.is_alphanumeric())
                .map(Into::into)
                .collect()
        };
        let holds =
            columns.filter(|(_, column)| words(column).iter().any(|one| one.starts_with(word)));
        holds.min_by_key(|(_, column)| column.len()).map(|(at, _)| at)
    })
}

/// Where the diagnoses of a table stand.
pub(super) struct Diagnoses {
    column: usize,
    adni: Option<usize>,
}

impl Diagnoses {
    /// In the column `diagnosis`, or `dx1` as in OASIS; gaps are filled by `adni_diagnosis_change`.
    ///
    /// # Errors
    /// [`Code::MissingColumn`].
    pub(super) fn of(table: &Table) -> Result<Self> {
        let column = table.column("diagnosis");
        let column = column.or_else(|error| table.find_column("dx1").ok_or(error))?;
        Ok(Self { column, adni: table.find_column("adni_diagnosis_change") })
    }

    /// The diagnosis of a row; where it is empty, what ADNI's change says.
    ///
    /// # Errors
    /// A change that is no number from 1 to 9, or -1.
    pub(super) fn get<'t>(&self, table: &'t Table, row: usize) -> Result<Option<&'t str>> {
        if let Some(text) = table.text(row, self.column) {
            return Ok(Some(text));
        }
        let Some(column) = self.adni else { return Ok(None) };
        let Some(change) = table.number(row, column)? else { return Ok(None) };
        if change == -1.0 {
            return Ok(None);
        }
        let known = (1..).zip(ADNI_CHANGE).find(|(number, _)| f64::from(*number) == change);
        known.map(|(_, diagnosis)| Some(diagnosis)).ok_or_else(|| {
            Error::new(Code::BadValue, format!("{change} is no change of diagnosis in ADNI"))
                .at(table.place(row, Some(column)))
                .help("the changes are 1 to 9, and -1 where it is not known")
        })
    }
}

/// The diagnosis at visit `i` of visits that rise in time; where it is missing, that of the nearest
/// visits before and after that have one, if these two agree.
pub(super) fn inferred<T: Copy + PartialEq>(diagnoses: &[Option<T>], i: usize) -> Option<T> {
    let before = || diagnoses[..i].iter().rev().find_map(|one| *one);
    let after = || diagnoses[i + 1..].iter().find_map(|one| *one);
    diagnoses[i].or_else(|| before().filter(|diagnosis| after() == Some(*diagnosis)))
}
