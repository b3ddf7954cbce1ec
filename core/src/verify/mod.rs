//! Data before they are used: every image, table and split is read, and everything that is wrong with
//! them is told at once.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::cache::Verdicts;
use crate::data::cohorts::{Line, read_table};
use crate::data::pattern::Preprocessing;
use crate::error::Result;

mod caps;
mod facts;
mod finding;
mod images;
mod splits;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod unlike;

pub use facts::Facts;
pub use finding::{Finding, Severity};
pub use images::check_files;
pub use subject::Subject;

/// What a check is to look at, and how.
pub struct Request<'a> {
    /// Which images are meant; all that Clinica's pipelines made where it says nothing.
    pub preprocessing: Option<Preprocessing>,
    /// The CAPS that the sessions of a table or of splits have their images in.
    pub caps: Option<&'a Path>,
    /// Where it is kept what single files were found to be.
    pub verdicts: Option<&'a Verdicts>,
    /// Reads all files, whatever is known of them.
    pub fresh: bool,
    /// So many files are read at once; nothing that is found depends on it.
    pub threads: usize,
    /// Told how many images are done, of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the path turned out to be.
    pub subject: Subject,
    /// What there is, to be known.
    pub tallies: Vec<Tally>,
    /// Everything that is wrong or remarkable, sorted.
    pub findings: Vec<Finding>,
    /// How many images were looked at.
    pub images: usize,
    /// How many of them were known and not read again.
    pub known: usize,
}

impl Report {
    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// How often each value of something occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What it is the tally of: `orientation of t1-linear`.
    pub of: String,
    /// The values, with the number of each; the most frequent first.
    #[serde(serialize_with = "as_map")]
    pub counts: Vec<(String, usize)>,
}

impl Tally {
    fn new(of: impl Into<String>, values: impl IntoIterator<Item = String>) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        // Stable, so that values of one frequency stay in their order.
        counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        Self { of: of.into(), counts }
    }
}

fn as_map<S: Serializer>(counts: &[(String, usize)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(value, n)| (value, n)))
}

/// What is being found.
#[derive(Default)]
struct Course {
    findings: finding::Findings,
    tallies: Vec<Tally>,
    images: usize,
    known: usize,
}

/// Checks a CAPS, a table of cohorts, a table of participants, a folder of splits or an image.
///
/// # Errors
/// Only a path that is none of these; what is wrong with its content is a finding.
pub fn check(path: &Path, request: &Request<'_>) -> Result<Report> {
    let subject = Subject::of(path)?;
    let mut course = Course::default();
    match subject {
        Subject::Caps => caps::check(path, request, &mut course),
        Subject::Cohorts => cohorts(path, request, &mut course),
        Subject::Table => table::check(path, request, &mut course),
        Subject::Splits => splits::check(path, request, &mut course),
        Subject::Image => images::check_one(path, request, &mut course),
    }
    let Course { findings: finding::Findings(mut findings), tallies, images, known } = course;
    findings.sort();
    findings.dedup();
    Ok(Report { subject, tallies, findings, images, known })
}

/// A table of cohorts: their CAPS together, or the tables or splits of each by itself.
fn cohorts(path: &Path, request: &Request<'_>, course: &mut Course) {
    let Some(lines) = course.findings.take(read_table(path)) else { return };
    let is_caps = |line: &Line| matches!(Subject::of(&line.path), Ok(Subject::Caps) | Err(_));
    if lines.iter().all(is_caps) {
        return caps::check(path, request, course);
    }
    for line in lines {
        let checked = check(&line.path, request);
        let checked = checked.map_err(|error| line.told("what is named", &error));
        let Some(report) = course.findings.take(checked) else { continue };
        let cohort = line.cohort;
        course.tallies.extend(report.tallies.into_iter().map(|tally| {
            let of = format!("{cohort}: {}", tally.of);
            Tally { of, ..tally }
        }));
        course.findings.0.extend(report.findings.into_iter().map(|finding| {
            let cohort = finding.cohort.or_else(|| Some(cohort.clone()));
            Finding { cohort, ..finding }
        }));
        course.images += report.images;
        course.known += report.known;
    }
}
