//! What a check of data has found.

use std::fmt::Write;
use std::path::Path;

use neurhai_core::Code;
use neurhai_core::verify::{Finding, Report, Severity, Subject};

use super::{columns, duration};

/// Values of a tally that are shown; of more, how many there are is told.
const SHOWN: usize = 6;

/// What there is, what is wrong with it, and the sum of both.
pub fn checked(path: &Path, report: &Report, seconds: f64) -> String {
    let subject = match report.subject {
        Subject::Caps if report.findings.iter().any(no_caps) => "a folder",
        Subject::Caps => "a CAPS",
        Subject::Cohorts => "a table of cohorts",
        Subject::Table => "a table of sessions",
        Subject::Splits => "splits",
        Subject::Image => "an image",
    };
    let mut out = format!("{}: {subject}\n", path.display());
    let tallies = report.tallies.iter().map(|tally| {
        let more = tally.counts.len().saturating_sub(SHOWN);
        let shown = tally.counts.iter().take(SHOWN).map(|(value, n)| format!("{value} ({n})"));
        let mut shown: Vec<String> = shown.collect();
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        vec![format!("  {}", tally.of), shown.join(", ")]
    });
    out += &columns(&tallies.collect::<Vec<_>>(), 2);
    if !report.findings.is_empty() {
        let _ = write!(out, "\n{}", findings(&report.findings, path));
    }
    let _ = write!(out, "\n{}", summary(report, seconds));
    out
}

/// Whether it says of the whole that it is no CAPS.
fn no_caps(finding: &Finding) -> bool {
    finding.code == Code::BadCaps.id() && finding.participant.is_none()
}

/// A line for each finding, and below them what is to be done, once each.
pub fn findings(findings: &[Finding], root: &Path) -> String {
    let header = ["", "code", "participant", "session", "what", "where"];
    let mut rows = vec![header.map(String::from).to_vec()];
    rows.extend(findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut participant = finding.participant.clone().unwrap_or_default();
        if let Some(cohort) = &finding.cohort {
            participant += &format!(" ({cohort})");
        }
        let session = finding.session.clone().unwrap_or_default();
        let (code, what) = (finding.code.to_owned(), finding.message.clone());
        vec![severity.into(), code, participant, session, what, place(finding, root)]
    }));
    let mut out = columns(&rows, rows[0].len());
    let mut told: Vec<(&str, &str)> = Vec::new();
    for finding in findings {
        let Some(help) = &finding.help else { continue };
        if !told.contains(&(finding.code, help)) {
            told.push((finding.code, help));
        }
    }
    for (i, (code, help)) in told.iter().enumerate() {
        let gap = if i == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{gap}{code}  {help}");
    }
    out
}

/// The file, below what was checked, with row and column. Of an image that a session has, its name says
/// enough.
fn place(finding: &Finding, root: &Path) -> String {
    let Some(file) = &finding.file else { return String::new() };
    let name = match finding.session {
        Some(_) => Path::new(file.file_name().unwrap_or(file.as_os_str())),
        None => file.strip_prefix(root).unwrap_or(file),
    };
    let name = if name.as_os_str().is_empty() { file } else { name };
    let mut place = name.display().to_string();
    if let Some(row) = finding.row {
        place += &format!(", row {row}");
    }
    if let Some(column) = &finding.column {
        place += &format!(", {column}");
    }
    place
}

fn summary(report: &Report, seconds: f64) -> String {
    let number = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let (errors, all) = (report.errors(), report.findings.len());
    let mut out = match (errors, all - errors) {
        (0, 0) => "nothing is wrong".to_owned(),
        (0, n) => number(n, "warning"),
        (n, 0) => number(n, "error"),
        (n, m) => format!("{} and {}", number(n, "error"), number(m, "warning")),
    };
    if report.images > 0 {
        let _ = write!(out, "; {}", number(report.images, "image"));
    }
    let _ = write!(out, "; {}", duration(seconds));
    if report.known > 0 {
        let known =
            if report.known == report.images { "all".into() } else { report.known.to_string() };
        let _ = write!(
            out,
            "; {known} checked before and not changed since (--fresh reads them again)"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, session: &str, help: &str) -> Finding {
        Finding {
            severity,
            code: "E0304",
            cohort: Some("north".into()),
            participant: Some("sub-1".into()),
            session: Some(session.into()),
            file: Some(format!("caps/subjects/sub-1/{session}/a.nii.gz").into()),
            row: None,
            column: None,
            message: "it is cut short".into(),
            help: Some(help.into()),
        }
    }

    #[test]
    fn a_remedy_is_told_once() {
        let mut table = finding(Severity::Warning, "ses-1", "fill it in");
        (table.file, table.row, table.column) =
            (Some("caps/t.tsv".into()), Some(3), Some("age".into()));
        (table.session, table.participant, table.cohort) = (None, None, None);
        let (one, two) = ("ses-1", "ses-10");
        let all = [
            finding(Severity::Error, one, "copy it"),
            finding(Severity::Error, two, "copy it"),
            table,
        ];
        assert_eq!(
            findings(&all, Path::new("caps")),
            "         code   participant    session  what             where\n\
             error    E0304  sub-1 (north)  ses-1    it is cut short  a.nii.gz\n\
             error    E0304  sub-1 (north)  ses-10   it is cut short  a.nii.gz\n\
             warning  E0304                          it is cut short  t.tsv, row 3, age\n\
             \n\
             E0304  copy it\n\
             E0304  fill it in\n"
        );
    }

    #[test]
    fn the_summary_says_what_was_not_read_again() {
        let report = |findings, images, known| Report {
            subject: Subject::Caps,
            tallies: Vec::new(),
            findings,
            images,
            known,
        };
        assert_eq!(summary(&report(vec![], 0, 0), 0.5), "nothing is wrong; 0.50 s");
        assert_eq!(
            summary(&report(vec![finding(Severity::Error, "ses-1", "x")], 2, 1), 1.0),
            "1 error; 2 images; 1.00 s; 1 checked before and not changed since (--fresh reads them again)"
        );
    }
}
