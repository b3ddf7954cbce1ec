//! Who gets worse: the column `progression`.

use std::path::Path;

use super::check_free;
use super::diagnosis::inferred;
use super::frame::{Frame, months};
use crate::data::table::write_tsv;
use crate::error::{Code, Error, Problems, Result};

/// Diagnoses by severity; Dementia is another word for AD.
const SEVERITY: [(&str, i32); 4] = [("CN", 0), ("MCI", 1), ("AD", 2), ("Dementia", 2)];

/// What becomes of a session within the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Stable,
    Progressive,
    Regressive,
    /// The participant gets worse and better.
    Unstable,
    /// Nothing later is known.
    Unknown,
}

impl Course {
    fn word(self) -> &'static str {
        match self {
            Self::Stable => "s",
            Self::Progressive => "p",
            Self::Regressive => "r",
            Self::Unstable => "us",
            Self::Unknown => "uk",
        }
    }
}

/// How many sessions have each value: `s`, `p`, `r`, `us`, `uk`.
pub type Courses = Vec<(&'static str, usize)>;

/// Adds the column `progression` to a table of sessions with a `diagnosis` of CN, MCI, AD or Dementia,
/// and writes it to `output`; rows without a diagnosis are left out unless both neighbours in time
/// agree, which is then taken (AD and Dementia do, as they are one stage; in ClinicaDL they do not).
///
/// A session is compared with the one `horizon` months later; where there is none at that time, with
/// the last one if that is earlier, otherwise with the last one before it and, if that is equal, with
/// the next one after it. `s`: the same, `p`: worse, `r`: better; `us` for all sessions of a
/// participant who is `p` at one and `r` at another; `uk` for the last session of the others.
/// ClinicaDL's `get-progression` (<https://clinicadl.readthedocs.io/en/latest/TSVTools/>).
///
/// # Errors
/// Sessions whose names tell no month (`ses-M012`), other diagnoses: all at once;
/// [`Code::OutputInUse`].
pub fn progression(table: &Path, output: &Path, horizon: u64) -> Result<Courses> {
    check_free(output)?;
    let frame = Frame::read(table, &["diagnosis"])?;
    let diagnosis = frame.table.column("diagnosis")?;
    let session = frame.table.column("session_id")?;
    let mut problems = Problems::default();
    let mut rows = Vec::new();
    for participant in &frame.participants {
        let visits = participant.rows.iter().map(|row| {
            let month = problems.take(month(&frame, *row, session));
            let severity = problems.take(severity(&frame, *row, diagnosis));
            Some((*row, month?, severity?))
        });
        let visits: Option<Vec<_>> = visits.collect::<Vec<_>>().into_iter().collect();
        let Some(visits) = visits else { continue };
        let severities: Vec<Option<i32>> = visits.iter().map(|visit| visit.2).collect();
        let known: Vec<(usize, u64, i32)> = (0..visits.len())
            .filter_map(|i| Some((visits[i].0, visits[i].1, inferred(&severities, i)?)))
            .collect();
        let courses = courses(&known, horizon);
        rows.extend(known.iter().zip(courses).map(|((row, ..), course)| (*row, course)));
    }
    problems.into_result()?;
    let kinds = [
        Course::Stable,
        Course::Progressive,
        Course::Regressive,
        Course::Unstable,
        Course::Unknown,
    ];
    let count = |kind: Course| rows.iter().filter(|(_, course)| *course == kind).count();
    write(&frame, diagnosis, &rows, output)?;
    Ok(kinds.iter().map(|kind| (kind.word(), count(*kind))).collect())
}

fn month(frame: &Frame, row: usize, column: usize) -> Result<u64> {
    let text = frame.table.needed_text(row, column)?;
    months(text).ok_or_else(|| {
        Error::new(Code::BadValue, format!("{text:?} does not tell the month of the session"))
            .at(frame.table.place(row, Some(column)))
            .help("sessions are named by their month: ses-M000, ses-M012")
    })
}

fn severity(frame: &Frame, row: usize, column: usize) -> Result<Option<i32>> {
    let Some(text) = frame.table.text(row, column) else { return Ok(None) };
    let found = SEVERITY.iter().find(|(word, _)| *word == text);
    found.map(|(_, severity)| Some(*severity)).ok_or_else(|| {
        Error::new(Code::BadValue, format!("{text:?} is no stage of a disease that has an order"))
            .at(frame.table.place(row, Some(column)))
            .help("progression is defined for CN, MCI, AD and Dementia; leave other rows out")
    })
}

fn courses(visits: &[(usize, u64, i32)], horizon: u64) -> Vec<Course> {
    let compare = |now: i32, later: i32| match later.cmp(&now) {
        std::cmp::Ordering::Greater => Course::Progressive,
        std::cmp::Ordering::Less => Course::Regressive,
        std::cmp::Ordering::Equal => Course::Stable,
    };
    let course = |i: usize| {
        let (_, month, now) = visits[i];
        let target = month.saturating_add(horizon);
        // The last visit up to the target; the session itself at least.
        let until = visits.iter().rposition(|visit| visit.1 <= target).unwrap_or(i).max(i);
        let course = compare(now, visits[until].2);
        match visits.get(until + 1) {
            Some(next) if course == Course::Stable && visits[until].1 < target => {
                compare(now, next.2)
            }
            _ => course,
        }
    };
    let mut courses: Vec<Course> = (0..visits.len()).map(course).collect();
    if courses.contains(&Course::Progressive) && courses.contains(&Course::Regressive) {
        courses.fill(Course::Unstable);
    } else if let Some(last) = courses.last_mut() {
        *last = Course::Unknown;
    }
    courses
}

/// The table with the new column, an old one of that name left out, and the diagnoses as inferred.
fn write(frame: &Frame, diagnosis: usize, rows: &[(usize, Course)], output: &Path) -> Result<()> {
    let table = &frame.table;
    let kept: Vec<usize> = (0..table.columns().len())
        .filter(|i| !["", "progression"].contains(&table.columns()[*i].as_str()))
        .collect();
    let mut names: Vec<&str> = kept.iter().map(|i| table.columns()[*i].as_str()).collect();
    names.push("progression");
    let mut last = "";
    let mut lines = Vec::with_capacity(rows.len());
    for (row, course) in rows {
        // Where it was missing, it is that of the session before.
        last = table.text(*row, diagnosis).unwrap_or(last);
        let mut line: Vec<&str> = kept
            .iter()
            .map(|i| if *i == diagnosis { last } else { table.text(*row, *i).unwrap_or_default() })
            .collect();
        line.push(course.word());
        lines.push(line);
    }
    write_tsv(output, &names, lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsv::labels::tests::{cells, fixture};

    /// The visits of one participant, and what each becomes, by ClinicaDL's rules by hand.
    #[track_caller]
    fn check(visits: &[(&str, &str)], horizon: u64, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let (table, output) = (folder.path().join("t.tsv"), folder.path().join("o.tsv"));
        let rows = visits.iter().map(|(session, d)| format!("sub-A\tses-{session}\t{d}\n"));
        let text: String = rows.collect();
        let text = format!("participant_id\tsession_id\tdiagnosis\n{text}");
        std::fs::write(&table, text).unwrap();
        progression(&table, &output, horizon).unwrap();
        let written = crate::data::table::Table::read(&output).unwrap();
        let column = written.column("progression").unwrap();
        let found: Vec<&str> =
            (0..written.len()).map(|row| written.text(row, column).unwrap()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sessions_are_compared_with_those_after_the_horizon() {
        // The target session itself.
        check(&[("M000", "MCI"), ("M036", "AD")], 36, &["p", "uk"]);
        check(&[("M000", "AD"), ("M036", "MCI")], 36, &["r", "uk"]);
        check(&[("M000", "MCI"), ("M012", "MCI"), ("M036", "MCI")], 36, &["s", "s", "uk"]);
        // Nothing at 36 months: the last one before, and if equal the next one after.
        check(&[("M000", "MCI"), ("M024", "MCI"), ("M048", "AD")], 36, &["p", "p", "uk"]);
        // The target is met and equal: what comes later does not count.
        check(&[("M000", "MCI"), ("M036", "MCI"), ("M048", "AD")], 36, &["s", "p", "uk"]);
        // A shorter horizon.
        check(&[("M000", "CN"), ("M012", "CN"), ("M036", "MCI")], 12, &["s", "p", "uk"]);
    }

    #[test]
    fn better_and_worse_is_unstable() {
        check(&[("M000", "CN"), ("M036", "MCI"), ("M072", "CN")], 36, &["us", "us", "us"]);
    }

    #[test]
    fn a_missing_diagnosis_is_that_of_agreeing_neighbours_or_left_out() {
        check(&[("M000", "MCI"), ("M012", ""), ("M024", "MCI")], 12, &["s", "s", "uk"]);
        check(&[("M000", "MCI"), ("M012", ""), ("M024", "AD")], 24, &["p", "uk"]);
        check(&[("M000", ""), ("M012", "MCI"), ("M024", "")], 24, &["uk"]);
    }

    #[test]
    fn other_diagnoses_and_sessions_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("t.tsv");
        let text = "participant_id\tsession_id\tdiagnosis\nA\tses-1\tCN\nA\tses-M012\tFTD\n";
        std::fs::write(&table, text).unwrap();
        let error = progression(&table, &folder.path().join("o.tsv"), 36).unwrap_err().to_string();
        assert!(error.contains("\"ses-1\" does not tell the month") && error.contains("row 2"));
        assert!(error.contains("\"FTD\" is no stage") && error.contains("row 3"), "{error}");
    }

    /// Forty participants with visits here and there: `tests/fixtures/make_tsvtools.py`.
    #[test]
    fn what_becomes_of_participants_is_what_clinicadl_says() {
        let fixture = fixture();
        for horizon in [12, 36] {
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str| folder.path().join(name);
            std::fs::write(file("t.tsv"), fixture["visits"].as_str().unwrap()).unwrap();
            progression(&file("t.tsv"), &file("o.tsv"), horizon).unwrap();
            let found = std::fs::read_to_string(file("o.tsv")).unwrap();
            let expected = fixture["progression"][horizon.to_string()].as_str().unwrap();
            let (found, expected) = (cells(&found), cells(expected));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found, expected, "{horizon}");
            }
        }
    }

    /// It is not looked for in tables that lie near.
    #[test]
    fn a_table_without_diagnoses_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("t.tsv"), "participant_id\tsession_id\nA\tses-M000\n").unwrap();
        let labels = "participant_id\tsession_id\tdiagnosis\nA\tses-M000\tCN\n";
        std::fs::write(file("labels.tsv"), labels).unwrap();
        let error = progression(&file("t.tsv"), &file("o.tsv"), 36).unwrap_err();
        assert_eq!(error.code(), Code::MissingColumn);
        assert!(!file("o.tsv").exists());
    }
}
