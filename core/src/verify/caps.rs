//! A CAPS, or those of several cohorts.

use std::path::{Path, PathBuf};

use super::finding::Severity;
use super::images::{self, Read};
use super::{Course, Request, Tally};
use crate::data::cohorts::Cohorts;
use crate::data::participants::Session;
use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place};

/// All images of all sessions.
pub(super) fn check(path: &Path, request: &Request<'_>, course: &mut Course) {
    let Some(cohorts) = course.findings.take(Cohorts::open(path)) else { return };
    let mut sessions: Vec<Session> = Vec::new();
    for cohort in cohorts.names() {
        let own = cohorts.caps(cohort).and_then(|caps| caps.sessions_of(cohort));
        sessions.extend(course.findings.take(own).into_iter().flatten());
    }
    course.tallies.push(Tally::new("sessions", sessions.iter().map(|s| s.session.clone())));
    if sessions.is_empty() {
        let error =
            Error::new(Code::BadCaps, "there are no sessions: subjects/ holds no sub-X/ses-Y");
        course.findings.error(&error.at(Place::File(path.into())));
        return;
    }
    sessions_images(&cohorts, &sessions, false, request, course);
}

/// The images of these sessions, of the kind that is asked for or of every kind that there is. Where a
/// table `listed` the sessions, each must have the only kind.
pub(super) fn sessions_images(
    cohorts: &Cohorts,
    sessions: &[Session],
    listed: bool,
    request: &Request<'_>,
    course: &mut Course,
) {
    let kinds = match &request.preprocessing {
        Some(asked) => vec![asked.clone()],
        None => kinds(cohorts, sessions),
    };
    // What was not asked for, not every session needs to have.
    let needed = request.preprocessing.is_some() || listed && kinds.len() == 1;
    let severity = if needed { Severity::Error } else { Severity::Warning };
    if kinds.is_empty() {
        let message = "no session has an image of Clinica's t1-linear, flair-linear or pet-linear";
        let error = Error::new(Code::ImageMissing, message)
            .help("say how the names of the images end: --custom-suffix _T1w.nii.gz");
        let place = PathBuf::from(cohorts.describe().unwrap_or_default());
        course.findings.error(&error.at(Place::File(place)));
    }
    let mut read: Vec<Read> = Vec::new();
    for kind in &kinds {
        let found = cohorts.find_each(sessions, kind);
        let Some(found) = course.findings.take(found) else { continue };
        let mut files = Vec::with_capacity(found.len());
        for (session, one) in sessions.iter().zip(found) {
            match one {
                Ok((file, warning)) => {
                    warning.iter().for_each(|warning| course.findings.warn(warning));
                    files.push((session.clone(), file));
                }
                Err(error) if error.code() == Code::ImageMissing => {
                    course.findings.add(severity, &error);
                }
                Err(error) => course.findings.error(&error),
            }
        }
        course.findings.take(cohorts.check_alike(&files));
        read.extend(images::check(files, &name(kind), request, course));
    }
    images::duplicates(&read, &mut course.findings);
}

/// The kinds of images that any cohort has, each once.
fn kinds(cohorts: &Cohorts, sessions: &[Session]) -> Vec<Preprocessing> {
    let mut kinds: Vec<Preprocessing> = Vec::new();
    for cohort in cohorts.names() {
        let own: Vec<Session> = sessions.iter().filter(|s| s.cohort == cohort).cloned().collect();
        let Ok(caps) = cohorts.caps(cohort) else { continue };
        let mut found = caps.kinds(&own);
        if found.is_empty() && !own.is_empty() {
            // Perhaps their ids are written otherwise than in the CAPS.
            found = caps.sessions_of(cohort).map(|all| caps.kinds(&all)).unwrap_or_default();
        }
        for kind in found {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds
}

/// What a person calls a kind of image: `t1-linear, uncropped`.
fn name(kind: &Preprocessing) -> String {
    let crop = if kind.is_cropped() == Some(false) { ", uncropped" } else { "" };
    match kind {
        Preprocessing::T1Linear { .. } => format!("t1-linear{crop}"),
        Preprocessing::FlairLinear { .. } => format!("flair-linear{crop}"),
        Preprocessing::PetLinear { tracer, suvr_reference_region, .. } => {
            format!("pet-linear {tracer} {suvr_reference_region}{crop}")
        }
        Preprocessing::Custom { .. } => kind.pattern(),
    }
}
