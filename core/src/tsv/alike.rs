//! Whether two groups are alike in a column.

use std::collections::BTreeMap;

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use super::frame::Frame;
use crate::error::{Problems, Result};

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Means: Student's two-sample t-test, two-sided, with equal variances
    /// (<https://doi.org/10.1093/biomet/6.1.1>).
    Means,
    /// Frequencies: Pearson's chi-square test of homogeneity, of counts and without correction
    /// (<https://doi.org/10.1080/14786440009463897>).
    Frequencies,
}

/// How alike two groups of participants are in a column, at their first sessions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alike {
    /// The column.
    pub column: String,
    /// What was compared.
    pub test: Test,
    /// The probability of a difference as large as this, or larger, if the groups were drawn from
    /// one population. A high one means alike, not proven equal.
    pub p: f64,
}

/// A column of the participants' first sessions, as it is compared.
pub(super) enum Column {
    Numbers(Vec<Option<f64>>),
    /// Each value as its place among the values that occur.
    Values(Vec<Option<usize>>, usize),
}

impl Test {
    /// What is compared, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Means => "means",
            Self::Frequencies => "frequencies",
        }
    }
}

impl Column {
    /// Numbers if there are more than two different ones in most cells; values otherwise, so that a sex
    /// coded as 0 and 1 is counted.
    ///
    /// # Errors
    /// A column that is not there; [`Code::BadValue`](crate::Code::BadValue) for every cell among numbers that is none.
    pub(super) fn of(frame: &Frame, name: &str) -> Result<Self> {
        let column = frame.table.column(name)?;
        let cells = frame.participants.iter();
        let cells: Vec<Option<&str>> =
            cells.map(|one| frame.table.text(one.baseline(), column)).collect();
        let mut known: BTreeMap<&str, usize> = cells.iter().flatten().map(|c| (*c, 0)).collect();
        known.values_mut().enumerate().for_each(|(i, place)| *place = i);
        let number = |cell: &str| cell.parse().ok().filter(|number: &f64| number.is_finite());
        let is_number = |cell: &&&str| number(cell).is_some();
        let filled = cells.iter().flatten().count();
        let numbers = cells.iter().flatten().filter(is_number).count();
        if known.keys().filter(is_number).count() > 2 && 2 * numbers > filled {
            let mut problems = Problems::default();
            let read = frame.participants.iter().map(|one| {
                let number = frame.table.number(one.baseline(), column);
                let help =
                    "most cells of the column are numbers: write one, or leave the cell empty";
                problems.take(number.map_err(|error| error.help(help))).flatten()
            });
            let read = read.collect();
            problems.into_result()?;
            return Ok(Self::Numbers(read));
        }
        let values = cells.iter().map(|cell| cell.map(|cell| known[cell])).collect();
        Ok(Self::Values(values, known.len()))
    }

    /// Compares two groups of participants; empty cells are left out.
    pub(super) fn compare(&self, name: &str, one: &[usize], other: &[usize]) -> Alike {
        let (test, p) = match self {
            Self::Numbers(numbers) => {
                let pick = |group: &[usize]| -> Vec<f64> {
                    group.iter().filter_map(|i| numbers[*i]).collect()
                };
                (Test::Means, t_test(&pick(one), &pick(other)))
            }
            Self::Values(values, kinds) => {
                let count = |group: &[usize]| {
                    let mut counts = vec![0; *kinds];
                    group.iter().filter_map(|i| values[*i]).for_each(|value| counts[value] += 1);
                    counts
                };
                (Test::Frequencies, chi_square(&count(one), &count(other)))
            }
        };
        Alike { column: name.to_owned(), test, p }
    }
}

/// How alike two groups of participants, by their places among the ids in order, are in `columns`.
pub(super) fn compare(columns: &[(String, Column)], one: &[usize], other: &[usize]) -> Vec<Alike> {
    columns.iter().map(|(name, column)| column.compare(name, one, other)).collect()
}

fn t_test(one: &[f64], other: &[f64]) -> f64 {
    let freedom = (one.len() + other.len()) as f64 - 2.0;
    if one.is_empty() || other.is_empty() || freedom < 1.0 {
        return 1.0;
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let squares = |x: &[f64]| {
        let mean = mean(x);
        x.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let difference = mean(one) - mean(other);
    let variance = (squares(one) + squares(other)) / freedom;
    let error = (variance * (1.0 / one.len() as f64 + 1.0 / other.len() as f64)).sqrt();
    match (difference == 0.0, error == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        _ => StudentsT::new(0.0, 1.0, freedom)
            .map_or(1.0, |t| 2.0 * t.cdf(-(difference / error).abs())),
    }
}

/// The p-value of Pearson's χ² test that two groups have the same frequencies of kinds.
pub(crate) fn chi_square(one: &[usize], other: &[usize]) -> f64 {
    let sum = |counts: &[usize]| counts.iter().sum::<usize>() as f64;
    let (n, m) = (sum(one), sum(other));
    let pairs = one.iter().zip(other).filter(|(a, b)| **a + **b > 0);
    let kinds = pairs.clone().count();
    if n == 0.0 || m == 0.0 || kinds < 2 {
        return 1.0;
    }
    let statistic: f64 = pairs
        .map(|(a, b)| {
            let all = (a + b) as f64 / (n + m);
            let part = |count: usize, size: f64| (count as f64 - all * size).powi(2) / (all * size);
            part(*a, n) + part(*b, m)
        })
        .sum();
    ChiSquared::new(kinds as f64 - 1.0).map_or(1.0, |chi| chi.sf(statistic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn among_numbers_everything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.tsv");
        let of = |cells: &[&str]| {
            let rows = cells.iter().enumerate().map(|(i, cell)| format!("{i}\ts\t{cell}\n"));
            let text = format!("participant_id\tsession_id\tage\n{}", rows.collect::<String>());
            std::fs::write(&file, text).unwrap();
            Column::of(&Frame::read(&file, &[]).unwrap(), "age")
        };
        assert!(matches!(of(&["70", "71", "", "72"]).unwrap(), Column::Numbers(_)));
        let error = of(&["70", "71", "90+", "72"]).err().unwrap();
        assert_eq!(error.code(), crate::Code::BadValue);
        assert!(error.to_string().contains("row 4, column \"age\""), "{error}");
        // Two codes, and names some of which are numbers, are counted.
        assert!(matches!(of(&["0", "1", "1", "u"]).unwrap(), Column::Values(_, 3)));
        assert!(matches!(of(&["1", "2", "3", "a", "b", "c"]).unwrap(), Column::Values(_, 6)));
    }

    /// `scipy.stats.ttest_ind(a, b).pvalue`, SciPy 1.17.1.
    #[test]
    fn means_are_compared_as_scipy_does() {
        for (one, other, expected) in [
            (vec![70.2, 79.0, 62.9, 79.0], vec![71.0, 65.5, 80.1], 0.9251446520641563),
            (vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![8.0, 9.0, 10.0], 0.001141706607663924),
        ] {
            let found = t_test(&one, &other);
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(t_test(&[1.0, 1.0], &[1.0, 1.0]), 1.0);
        assert_eq!(t_test(&[1.0, 1.0], &[2.0, 2.0]), 0.0);
        assert_eq!(t_test(&[1.0], &[2.0]), 1.0);
        assert_eq!(t_test(&[], &[2.0, 3.0]), 1.0);
    }

    /// `scipy.stats.chi2_contingency([a, b], correction=False).pvalue`, SciPy 1.17.1.
    #[test]
    fn frequencies_are_compared_as_scipy_does() {
        for (one, other, expected) in [
            (vec![50, 50], vec![60, 40], 0.15521848968468005),
            (vec![5, 5], vec![6, 4], 0.653095114932182),
            (vec![3, 8, 2], vec![10, 9, 9], 0.19922082229093646),
        ] {
            let found = chi_square(&one, &other);
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(chi_square(&[3, 0], &[9, 0]), 1.0);
        assert_eq!(chi_square(&[0, 0], &[9, 1]), 1.0);
    }
}
