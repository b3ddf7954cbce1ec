//! What all divisions of a table are asked.

use std::path::PathBuf;

use neurhai_core::data::table::Table;
use neurhai_core::tsv::{Division, Size, Summary};
use neurhai_core::{Error, Place, Result};
use serde_json::json;

use super::Done;
use crate::show;

#[derive(Debug, clap::Args)]
pub(super) struct Divide {
    /// The table of sessions
    pub(super) table: PathBuf,

    /// The folder to write; new or empty [default: split, or <k>_fold, beside the table]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Columns whose values occur in the same proportion on each side, those of later ones within those
    /// of earlier ones; none for no column [default: diagnosis, if there is one]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    stratify: Option<Vec<String>>,

    /// Columns in which the sides are alike, each with the least p-value, or none. Numbers, codes among
    /// them, of three values or more are compared by means, others by frequencies [default of split and
    /// experiment: age=0.8,sex=0.8, where there are such columns; of kfold: none]
    #[arg(long, value_name = "COLUMN=P", value_delimiter = ',', value_parser = balanced)]
    balance: Option<Vec<(String, f64)>>,

    /// Draws until the sides are alike, at most
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    attempts: u64,

    /// Write all sessions of the side that is not for training, too
    #[arg(long)]
    longitudinal: bool,

    /// Of every random choice
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Divide {
    /// The division, and warnings of what is usually done and cannot be here; without words of the user,
    /// `balanced` ones of the columns age and sex are balanced.
    pub(super) fn read(
        self,
        folder: &str,
        subset: &str,
        balanced: bool,
    ) -> Result<(Division, Vec<String>)> {
        let table = Table::read(&self.table)?;
        let mut warnings = Vec::new();
        let mut there = |name: &&&str, done: &str, option: &str| {
            let found = table.find_column(name).is_some();
            if !found {
                warnings.push(format!(
                    "there is no column {name}: the sides are not {done}; name another column with \
                     --{option}, or none"
                ));
            }
            found
        };
        let stratify = match self.stratify {
            Some(names) => names.into_iter().filter(|name| name != "none").collect(),
            None => {
                let usual = ["diagnosis"].iter();
                let usual = usual.filter(|name| there(name, "stratified by it", "stratify"));
                usual.map(|name| (*name).to_owned()).collect()
            }
        };
        let required = self.balance.is_some();
        let balance = match self.balance {
            Some(columns) => columns.into_iter().filter(|(name, _)| name != "none").collect(),
            None if balanced => {
                let usual = ["age", "sex"].iter();
                let usual = usual.filter(|name| there(name, "balanced in it", "balance"));
                usual.map(|name| ((*name).to_owned(), 0.8)).collect()
            }
            None => Vec::new(),
        };
        let division = Division {
            required,
            output: self.output.unwrap_or_else(|| self.table.with_file_name(folder)),
            table: self.table,
            subset: subset.to_owned(),
            stratify,
            balance,
            attempts: self.attempts as usize,
            longitudinal: self.longitudinal,
            seed: self.seed,
        };
        Ok((division, warnings))
    }
}

/// What a division did.
pub(super) fn divided(
    summaries: &[Summary],
    attempt: usize,
    division: &Division,
    warnings: Vec<String>,
) -> Done {
    let text = show::divided(summaries, attempt, &division.output);
    let json = json!({ "output": division.output, "draw": attempt + 1, "divisions": summaries });
    Done { text, json, warnings }
}

/// What the best draw misses of the usual balance.
pub(super) fn missed(division: &Division, summary: &Summary) -> Vec<String> {
    let pairs = summary.alike.iter().zip(&division.balance);
    let missed = pairs.filter(|(alike, (_, wanted))| alike.p < *wanted).map(|(alike, (_, wanted))| {
        format!(
            "{} and {} are not as alike in {} as usual: p is {:.3} and not {wanted}; that is the \
             best of {} draws",
            summary.train.name, summary.subset.name, alike.column, alike.p, division.attempts
        )
    });
    missed.collect()
}

/// What a division that cannot be balanced ends with, in words of the command line.
pub(super) fn advised(error: Error) -> Error {
    let [problem] = error.problems() else { return error };
    if problem.place != Some(Place::Option("balance".into())) {
        return error;
    }
    Error::new(problem.code, &problem.message).help(
        "ask for less: --balance age=0.5,sex=0.5, or for nothing: --balance none; sides of another \
         size may be alike, too",
    )
}

/// `age=0.8`; without a number 0.8, as ClinicaDL.
fn balanced(text: &str) -> Result<(String, f64), String> {
    let (column, p) = text.split_once('=').unwrap_or((text, "0.8"));
    match p.parse() {
        Ok(p @ 0.0..=1.0) if !column.is_empty() => Ok((column.to_owned(), p)),
        _ => Err("a column and a number from 0 to 1 were expected: age=0.8".into()),
    }
}

/// `100` participants, or `0.2` of them.
pub(super) fn size(text: &str) -> Result<Size, String> {
    if let Ok(count @ 1..) = text.parse() {
        return Ok(Size::Count(count));
    }
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(Size::Share(share)),
        _ => Err("a number of participants (100) or a share of them (0.2) was expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counts_or_shares() {
        assert_eq!(size("100"), Ok(Size::Count(100)));
        assert_eq!(size("0.2"), Ok(Size::Share(0.2)));
        for wrong in ["0", "1.5", "-1", "nan", "many", ""] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_column_is_balanced_with_its_p_value() {
        assert_eq!(balanced("age"), Ok(("age".into(), 0.8)));
        assert_eq!(balanced("age=0.5"), Ok(("age".into(), 0.5)));
        for wrong in ["age=2", "age=", "=0.5", "age=nan", "age=-0.1"] {
            assert!(balanced(wrong).is_err(), "{wrong}");
        }
    }
}
