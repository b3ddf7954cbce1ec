//! Tables of metrics.

use std::path::Path;

use crate::data::table::Table;
use crate::error::Result;

/// The metrics in a table, by the row `Values`; nothing where it is undefined. ClinicaDL's tables of
/// images that are cut have that row alone, without a title.
///
/// # Errors
/// A table that is damaged.
pub(crate) fn values(file: &Path) -> Result<Vec<(String, Option<f64>)>> {
    let table = Table::read(file)?;
    let titles = table.find_column("Metrics");
    let of_values =
        |row: &usize| titles.is_none_or(|title| table.text(*row, title) == Some("Values"));
    let Some(row) = (0..table.len()).find(of_values) else { return Ok(Vec::new()) };
    let columns = table.columns().iter().enumerate().filter(|(i, _)| Some(*i) != titles);
    columns.map(|(i, name)| Ok((name.clone(), table.number(row, i)?))).collect()
}
