//! Tables: text with tab-separated columns and a header line, as BIDS, ClinicaDL and pandas write.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::did_you_mean;
use crate::files::{self, write_atomic};
use crate::{Code, Error, Place, Problems, Result};

mod decode;

/// A table in memory. Blanks around cells are gone, and empty, `NaN`, `NA` and `n/a` cells are
/// `None`; otherwise the text is as it was, never converted.
#[derive(Debug, Clone)]
pub struct Table {
    file: PathBuf,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Row {
    /// As in a spreadsheet: the header is row 1, and blank lines count.
    number: usize,
    cells: Vec<Option<String>>,
}

impl Table {
    /// Reads the table in `file`.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = files::read(file, "read the table")?;
        Self::parse(file, &bytes)
    }

    /// Reads a table from memory; `file` is its name in errors.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        let text = decode::text(file, bytes)?;
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let mut table = Self { file: file.into(), columns: Vec::new(), rows: Vec::new() };
        let mut problems = Problems::default();
        let mut number = 0;
        loop {
            let start = reader.position().byte() as usize;
            let more = reader
                .read_record(&mut record)
                .map_err(|error| table.malformed(number + 1, "cannot be split").because(error))?;
            if !more {
                break;
            }
            // The reader passes over empty lines in silence, but a spreadsheet counts them.
            let blank = text.as_bytes()[start..].iter().take_while(|byte| **byte == b'\n').count();
            number += blank + 1;
            let cells: Vec<&str> = record.iter().map(str::trim).collect();
            if cells.iter().all(|cell| cell.is_empty()) {
                continue;
            }
            if table.columns.is_empty() {
                table.columns = cells.into_iter().map(str::to_owned).collect();
            } else if cells.len() == table.columns.len() {
                table.rows.push(Row { number, cells: cells.into_iter().map(cell).collect() });
            } else {
                problems.push(table.ragged(number, &cells));
            }
        }
        if table.columns.is_empty() {
            return Err(Error::new(
                Code::BadTable,
                "the table is empty: a header line with the names of the columns was expected",
            )
            .at(Place::File(file.into())));
        }
        table.check_columns(&mut problems);
        problems.into_result()?;
        Ok(table)
    }

    /// The file this table was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The names of the columns, in the file's order; pandas' index column is called "".
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows below the header, blank ones not counted.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is a header only.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The position of a column that must be there.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.find_column(name).ok_or_else(|| {
            let names: Vec<_> =
                self.columns.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            let near = did_you_mean(name, names.iter().copied());
            Error::new(
                Code::MissingColumn,
                format!("there is no column {name:?}; the columns are {}{near}", names.join(", ")),
            )
            .at(Place::File(self.file.clone()))
        })
    }

    /// The position of a column that may be there.
    pub fn find_column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The text of a cell; `row` counts from 0.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.rows[row].cells[column].as_deref()
    }

    /// The text of a cell that must not be empty.
    pub fn needed_text(&self, row: usize, column: usize) -> Result<&str> {
        self.text(row, column).ok_or_else(|| self.empty_cell(row, column))
    }

    /// The number in a cell.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>> {
        let Some(text) = self.text(row, column) else { return Ok(None) };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Some).ok_or_else(|| {
            let error =
                Error::new(Code::BadValue, format!("a number was expected, {text:?} was found"))
                    .at(self.place(row, Some(column)));
            if text.replace(',', ".").parse::<f64>().is_ok() {
                error.help("write decimals with a point")
            } else {
                error
            }
        })
    }

    /// The number in a cell that must not be empty.
    pub fn needed_number(&self, row: usize, column: usize) -> Result<f64> {
        self.number(row, column)?.ok_or_else(|| self.empty_cell(row, column))
    }

    /// The number of a row in the file, from 1, as a spreadsheet shows it.
    pub fn row_number(&self, row: usize) -> usize {
        self.rows[row].number
    }

    /// Where a row or one of its cells is, for an error.
    pub fn place(&self, row: usize, column: Option<usize>) -> Place {
        Place::Row {
            file: self.file.clone(),
            row: self.rows[row].number,
            column: column.map(|column| self.columns[column].clone()),
        }
    }

    fn empty_cell(&self, row: usize, column: usize) -> Error {
        Error::new(Code::MissingValue, "the cell is empty")
            .at(self.place(row, Some(column)))
            .help("fill it in, or leave the row out")
    }

    fn malformed(&self, number: usize, message: impl Into<String>) -> Error {
        Error::new(Code::BadTable, message).at(Place::Row {
            file: self.file.clone(),
            row: number,
            column: None,
        })
    }

    fn ragged(&self, number: usize, cells: &[&str]) -> Error {
        let expected = self.columns.len();
        let message = format!("the header has {expected} columns, this row has {}", cells.len());
        let help = if cells.iter().any(|cell| cell.contains('\n')) {
            "a quotation mark opens a cell here and is not closed"
        } else if cells.len() == expected + 1 && self.rows.is_empty() {
            "if R wrote the table with its row names, write it again with row.names = FALSE"
        } else {
            "give every row as many tabs as the header has"
        };
        self.malformed(number, message).help(help)
    }

    fn check_columns(&self, problems: &mut Problems) {
        let header = || Place::Row { file: self.file.clone(), row: 1, column: None };
        for (i, name) in self.columns.iter().enumerate() {
            // Columns without a name cannot be asked for, so several of them harm nobody.
            if !name.is_empty() && self.columns[..i].contains(name) {
                problems.push(
                    Error::new(Code::BadTable, format!("two columns are called {name:?}"))
                        .at(header())
                        .help("rename or remove one of them"),
                );
            }
        }
        if let [only] = self.columns.as_slice()
            && let Some(separator) = [',', ';'].into_iter().find(|mark| only.contains(*mark))
        {
            problems.push(
                Error::new(
                    Code::BadTable,
                    format!("the columns seem to be separated by {separator:?} instead of tabs"),
                )
                .at(header())
                .help("save the table as tab-separated text"),
            );
        }
    }
}

/// What a cell says, if anything: pandas writes missing values as nothing, R as `NA`, BIDS as
/// `n/a`.
fn cell(text: &str) -> Option<String> {
    let missing = text.is_empty()
        || text == "NA"
        || ["nan", "n/a"].iter().any(|mark| text.eq_ignore_ascii_case(mark));
    (!missing).then(|| text.to_owned())
}

/// Writes a table in one step; every row must have as many cells as there are columns.
pub fn write_tsv<R>(path: &Path, columns: &[&str], rows: impl IntoIterator<Item = R>) -> Result<()>
where
    R: IntoIterator<Item: AsRef<[u8]>>,
{
    write_atomic(path, |out| {
        let mut writer = csv::WriterBuilder::new().delimiter(b'\t').from_writer(out);
        writer.write_record(columns).map_err(io::Error::from)?;
        for row in rows {
            writer.write_record(row).map_err(io::Error::from)?;
        }
        writer.flush()
    })
}

#[cfg(test)]
mod tests;
