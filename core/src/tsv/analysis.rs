//! Who a study is made of: a line of statistics for each diagnosis.

use std::collections::BTreeMap;
use std::path::Path;

use super::check_free;
use super::diagnosis::{Diagnoses, find};
use super::frame::{Frame, read_visits, same};
use crate::data::table::{Table, write_tsv};
use crate::error::{Code, Error, Place, Problems, Result, did_you_mean, some};

/// The columns of the statistics, with ClinicaDL's names.
pub const COLUMNS: [&str; 19] = [
    "n_subjects",
    "mean_age",
    "std_age",
    "min_age",
    "max_age",
    "sexF",
    "sexM",
    "mean_MMSE",
    "std_MMSE",
    "min_MMSE",
    "max_MMSE",
    "CDR_0",
    "CDR_0.5",
    "CDR_1",
    "CDR_2",
    "CDR_3",
    "mean_scans",
    "std_scans",
    "n_scans",
];

/// The ratings of dementia that are counted.
const CDR: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 3.0];

/// Statistics of each diagnosis.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// A diagnosis, and its values in the order of [`COLUMNS`]; none where nothing is known.
    pub groups: Vec<(String, Vec<Option<f64>>)>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Writes statistics of the participants in `table` by diagnosis to `output`; what is known of them (age,
/// sex, MMSE, `cdr_global`) stands in the table `from`. ClinicaDL's `analysis`.
///
/// A participant counts for every diagnosis that any of their sessions in `table` has; age, MMSE and CDR are
/// those of the first of these that has a diagnosis in `from`, scans are all of these. Standard deviations are
/// those of the group itself (divided by n).
///
/// # Errors
/// What is wrong with a table, a session that is there twice, a sex other than F and M; a diagnosis of `wanted` that nobody has;
/// [`Code::OutputInUse`].
pub fn analysis(table: &Path, from: &Path, wanted: &[String], output: &Path) -> Result<Analysis> {
    check_free(output)?;
    let frame = Frame::read(table, &["diagnosis"])?;
    let diagnosis = frame.table.column("diagnosis")?;
    let known = Known::read(from)?;
    let mut there: BTreeMap<&str, Vec<Vec<usize>>> = BTreeMap::new();
    for participant in &frame.participants {
        let mut own: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for row in &participant.rows {
            if let Some(diagnosis) = frame.table.text(*row, diagnosis) {
                own.entry(diagnosis).or_default().push(*row);
            }
        }
        own.into_iter()
            .for_each(|(diagnosis, rows)| there.entry(diagnosis).or_default().push(rows));
    }
    let mut problems = Problems::default();
    let mut groups: Vec<(&str, Vec<Vec<usize>>)> = Vec::new();
    let all: Vec<String> = there.keys().map(|one| (*one).to_owned()).collect();
    for name in if wanted.is_empty() { &all[..] } else { wanted } {
        match there.get(name.as_str()) {
            Some(rows) => groups.push((name, rows.clone())),
            None => problems.push(
                Error::new(
                    Code::EmptySelection,
                    format!(
                        "nobody has the diagnosis {name:?}{}",
                        did_you_mean(name, there.keys().copied())
                    ),
                )
                .at(Place::File(table.into()))
                .help(format!("the diagnoses there are {}", all.join(", "))),
            ),
        }
    }
    let notes = frame.notes.iter().chain(&known.notes).cloned().collect();
    let mut analysis = Analysis { groups: Vec::new(), notes };
    for (name, members) in groups {
        if let Some(values) =
            problems.take(known.group(&frame, name, &members, &mut analysis.notes))
        {
            analysis.groups.push((name.to_owned(), values));
        }
    }
    problems.into_result()?;
    let columns: Vec<&str> = ["group"].into_iter().chain(COLUMNS).collect();
    let text = |value: &Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let lines = analysis.groups.iter().map(|(name, values)| {
        [name.clone()].into_iter().chain(values.iter().map(text)).collect::<Vec<String>>()
    });
    write_tsv(output, &columns, lines)?;
    Ok(analysis)
}

/// What is known of sessions.
struct Known {
    table: Table,
    rows: BTreeMap<(String, String), usize>,
    /// All rows of each participant.
    of: BTreeMap<String, Vec<usize>>,
    diagnoses: Option<Diagnoses>,
    age: Option<usize>,
    sex: Option<usize>,
    mmse: Option<usize>,
    cdr: Option<usize>,
    notes: Vec<String>,
}

impl Known {
    fn read(file: &Path) -> Result<Self> {
        let table = Table::read(file)?;
        let sessions = read_visits(&table, &[])?;
        let (mut rows, mut of) = (BTreeMap::new(), BTreeMap::<String, Vec<usize>>::new());
        for (row, session) in sessions.iter().enumerate() {
            rows.insert((session.participant.clone(), same(&session.session)), row);
            of.entry(session.participant.clone()).or_default().push(row);
        }
        let mut notes = Vec::new();
        let mut column = |name: &str, word: &str| {
            let at = find(&table, name, word);
            match at.map(|at| &table.columns()[at]) {
                None => notes.push(format!("{} has no column of {name}", file.display())),
                Some(own) if own != name => {
                    notes.push(format!("{name} is taken from the column {own:?}"));
                }
                _ => {}
            }
            at
        };
        let (age, sex) = (column("age", "age"), column("sex", "sex"));
        let mmse = column("MMSE", "mms");
        let cdr = column("cdr_global", "cdr_global");
        let diagnoses = Diagnoses::of(&table).ok();
        Ok(Self { table, rows, of, diagnoses, age, sex, mmse, cdr, notes })
    }

    /// The values of a group, whose members have these rows in the frame.
    fn group(
        &self,
        frame: &Frame,
        name: &str,
        members: &[Vec<usize>],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Option<f64>>> {
        let ids = [frame.table.column("participant_id")?, frame.table.column("session_id")?];
        let mut problems = Problems::default();
        let (mut ages, mut scores, mut scans) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sexes, mut ratings) = ([0, 0], [0; CDR.len()]);
        let (mut without, mut without_sex, mut other_ratings) = (0, 0, Vec::new());
        for rows in members {
            scans.push(rows.len() as f64);
            let participant = frame.table.needed_text(rows[0], ids[0])?;
            match problems.take(self.is_male(participant)).flatten() {
                Some(male) => sexes[usize::from(male)] += 1,
                None => without_sex += 1,
            }
            let mut first = None;
            for row in rows {
                let session = same(frame.table.needed_text(*row, ids[1])?);
                let known = self.rows.get(&(participant.to_owned(), session)).copied();
                if let Some(row) = known
                    && problems.take(self.is_diagnosed(row)) == Some(true)
                {
                    first = Some(row);
                    break;
                }
            }
            let Some(row) = first else {
                without += 1;
                continue;
            };
            let mut number = |column: Option<usize>| {
                column.and_then(|column| problems.take(self.table.number(row, column)).flatten())
            };
            ages.extend(number(self.age));
            scores.extend(number(self.mmse));
            let Some(rating) = number(self.cdr) else { continue };
            match CDR.iter().position(|known| *known == rating) {
                Some(place) => ratings[place] += 1,
                None => other_ratings.push(rating),
            }
        }
        problems.into_result()?;
        let n = members.len();
        let mut missing = |what: &str, count: usize| {
            if count > 0 {
                notes.push(format!("{name}: {count} of {n} participants without {what}"));
            }
        };
        missing("a session that is known", without);
        missing("a sex", if self.sex.is_some() { without_sex } else { 0 });
        missing("an age", if self.age.is_some() { n - without - ages.len() } else { 0 });
        missing("an MMSE", if self.mmse.is_some() { n - without - scores.len() } else { 0 });
        let rated = ratings.iter().sum::<usize>() + other_ratings.len();
        missing("a CDR", if self.cdr.is_some() { n - without - rated } else { 0 });
        if !other_ratings.is_empty() {
            notes.push(format!(
                "{name}: ratings that are no CDR are not counted: {}",
                some(other_ratings.iter(), 5)
            ));
        }

        let count = |there: Option<usize>, n: usize| there.map(|_| n as f64);
        let mut values = vec![Some(n as f64)];
        values.extend(moments(&ages));
        values.extend(sexes.map(|n| count(self.sex, n)));
        values.extend(moments(&scores));
        values.extend(ratings.map(|n| count(self.cdr, n)));
        values.extend(&moments(&scans)[..2]);
        values.push(Some(scans.iter().sum()));
        Ok(values)
    }

    fn is_diagnosed(&self, row: usize) -> Result<bool> {
        let Some(diagnoses) = &self.diagnoses else { return Ok(true) };
        Ok(diagnoses.get(&self.table, row)?.is_some())
    }

    /// Whether a participant is male, by the first session that says it.
    fn is_male(&self, participant: &str) -> Result<Option<bool>> {
        let Some(column) = self.sex else { return Ok(None) };
        let rows = self.of.get(participant).into_iter().flatten();
        for row in rows {
            match self.table.text(*row, column) {
                None => {}
                Some("F") => return Ok(Some(false)),
                Some("M") => return Ok(Some(true)),
                Some(other) => {
                    return Err(Error::new(
                        Code::BadValue,
                        format!("a sex is F or M, not {other:?}"),
                    )
                    .at(self.table.place(*row, Some(column)))
                    .help("write F or M, or leave the cell empty where it is not known"));
                }
            }
        }
        Ok(None)
    }
}

/// Mean, standard deviation of these numbers themselves, smallest and largest.
fn moments(numbers: &[f64]) -> [Option<f64>; 4] {
    if numbers.is_empty() {
        return [None; 4];
    }
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / n;
    let fold = |f: fn(f64, f64) -> f64| numbers.iter().copied().reduce(f);
    [Some(mean), Some(variance.sqrt()), fold(f64::min), fold(f64::max)]
}

#[cfg(test)]
mod tests;
