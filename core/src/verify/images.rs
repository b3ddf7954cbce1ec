//! Images: each by itself, and all beside each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::facts::{Facts, known};
use super::finding::{Finding, Findings};
use super::unlike::{self, Known};
use super::{Course, Request, Tally};
use crate::data::images::shapes::show;
use crate::data::images::space::{is_spaced, show_spacing};
use crate::data::participants::Session;
use crate::each::each;
use crate::error::{Code, Error, Place};

/// An image that was read.
pub(super) struct Read {
    session: Session,
    file: PathBuf,
    facts: Facts,
}

impl Read {
    /// Whether both are one session of one CAPS, which two cohorts may share.
    fn is_file_of(&self, other: &Self) -> bool {
        let visit = |session: &Session| (session.participant.clone(), session.session.clone());
        let real = |file: &Path| file.canonicalize().ok();
        visit(&self.session) == visit(&other.session) && real(&self.file) == real(&other.file)
    }
}

/// Reads images of one kind, `of`, and tells what is wrong with each and with those that are unlike the
/// rest; gives those that could be read.
pub(super) fn check(
    files: Vec<(Session, PathBuf)>,
    of: &str,
    request: &Request<'_>,
    course: &mut Course,
) -> Vec<Read> {
    let total = files.len();
    let progress = |done| (request.progress)(done, total);
    let found = each(total, request.threads, &progress, |i| {
        known(&files[i].1, request.verdicts, request.fresh)
    });
    course.images += total;
    let mut read = Vec::with_capacity(total);
    for ((session, file), (facts, known)) in files.into_iter().zip(found) {
        course.known += usize::from(known);
        let place = session.place(Some(file.clone()));
        match facts {
            Ok(facts) => {
                if let Some(flaw) = facts.flaw() {
                    course.findings.error(&flaw.at(place));
                }
                read.push(Read { session, file, facts });
            }
            Err(error) => course.findings.error(&error.placed(|_| Some(place.clone()))),
        }
    }
    course.tallies.extend(tallies(of, &read));
    let all: Vec<Known<'_>> =
        read.iter().map(|one| (&one.session, one.file.as_path(), &one.facts)).collect();
    unlike::check(&all, &mut course.findings);
    read
}

fn tallies(of: &str, read: &[Read]) -> Vec<Tally> {
    let tally = |what: &str, value: &dyn Fn(&Facts) -> String| {
        Tally::new(format!("{what} of {of}"), read.iter().map(|one| value(&one.facts)))
    };
    if read.is_empty() {
        return Vec::new();
    }
    let mut spacings: Vec<[f64; 3]> = Vec::new();
    for one in read {
        if !spacings.iter().any(|known| is_spaced(one.facts.spacing_mm, *known)) {
            spacings.push(one.facts.spacing_mm);
        }
    }
    vec![
        tally("shape", &|facts| show(facts.shape)),
        tally("spacing", &|facts| {
            let known = spacings.iter().find(|known| is_spaced(facts.spacing_mm, **known));
            format!("{} mm", show_spacing(*known.unwrap_or(&facts.spacing_mm)))
        }),
        tally("orientation", &|facts| facts.orientation.clone()),
        tally("datatype", &|facts| facts.datatype.to_string()),
    ]
}

/// Tells every image that is, voxel by voxel, one that came before it. Of different people that is an
/// error, of one person a warning.
pub(super) fn duplicates(read: &[Read], findings: &mut Findings) {
    let mut first: BTreeMap<&str, &Read> = BTreeMap::new();
    let mut sorted: Vec<&Read> = read.iter().filter(|one| !one.facts.is_constant()).collect();
    sorted.sort_by_key(|one| (one.session.key(), &one.file));
    for one in sorted {
        let Some(earlier) = first.get(one.facts.voxels_blake3.as_str()) else {
            first.insert(&one.facts.voxels_blake3, one);
            continue;
        };
        if one.is_file_of(earlier) {
            continue;
        }
        let message =
            format!("it is, voxel by voxel, the image of {}", earlier.session.place(None));
        let error = Error::new(Code::ImageDuplicate, message)
            .at(one.session.place(Some(one.file.clone())))
            .help("find out whose image it is, and leave the other session out");
        match one.session.person() == earlier.session.person() {
            true => findings.warning(&error),
            false => findings.error(&error),
        }
    }
}

/// An image alone.
pub(super) fn check_one(path: &Path, request: &Request<'_>, course: &mut Course) {
    course.images = 1;
    let (facts, known) = known(path, request.verdicts, request.fresh);
    course.known = usize::from(known);
    let here = Place::File(path.into());
    match facts {
        Ok(facts) => course.findings.0.extend(facts.flaw().into_iter().flat_map(|flaw| {
            let mut findings = Findings::default();
            findings.error(&flaw.at(here.clone()));
            findings.0
        })),
        Err(error) => course.findings.error(&error.at(here)),
    }
}

/// Checks the images of these sessions, which one network is to see, against each other.
pub fn check_files(files: Vec<(Session, PathBuf)>, request: &Request<'_>) -> Vec<Finding> {
    let mut course = Course::default();
    let read = check(files, "the images", request, &mut course);
    duplicates(&read, &mut course.findings);
    let mut findings = course.findings.0;
    findings.sort();
    findings
}
