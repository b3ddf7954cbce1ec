//! One thing that a check found.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Place, Problem};

/// Whether something is wrong or only remarkable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Training would refuse it, or its results would be wrong.
    Error,
    /// It may be meant.
    Warning,
}

/// One thing that was found, and where. They are ordered as they are shown: errors first, then by code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Whether it is wrong.
    pub severity: Severity,
    /// What kind of thing: `E0304`; `host explain CODE` tells more.
    pub code: &'static str,
    /// The cohort, where there are several.
    pub cohort: Option<String>,
    /// `sub-…`
    pub participant: Option<String>,
    /// `ses-…`
    pub session: Option<String>,
    /// The file or folder.
    pub file: Option<PathBuf>,
    /// The line of a table, from 1 with the header.
    pub row: Option<usize>,
    /// The column of a table.
    pub column: Option<String>,
    /// What was expected and what was found.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    fn new(severity: Severity, problem: &Problem) -> Self {
        let mut message = problem.message.clone();
        if let Some(cause) = &problem.cause {
            message += &format!(" ({})", cause.replace('\n', "; "));
        }
        let mut finding = Self {
            severity,
            code: problem.code.id(),
            cohort: None,
            participant: None,
            session: None,
            file: None,
            row: None,
            column: None,
            message,
            help: problem.help.clone(),
        };
        match problem.place.clone() {
            None => {}
            Some(Place::File(file)) => finding.file = Some(file),
            Some(Place::Row { file, row, column }) => {
                (finding.file, finding.row, finding.column) = (Some(file), Some(row), column);
            }
            Some(Place::Session { cohort, participant, session, file }) => {
                (finding.participant, finding.session) = (Some(participant), Some(session));
                (finding.cohort, finding.file) = (cohort, file);
            }
            Some(place @ (Place::Layer(_) | Place::Option(_) | Place::Given(_))) => {
                finding.message = format!("{place}: {}", finding.message);
            }
        }
        finding
    }
}

/// What a check has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    /// Adds all problems of an error.
    pub(super) fn add(&mut self, severity: Severity, error: &Error) {
        self.0.extend(error.problems().iter().map(|problem| Finding::new(severity, problem)));
    }

    pub(super) fn error(&mut self, error: &Error) {
        self.add(Severity::Error, error);
    }

    pub(super) fn warning(&mut self, error: &Error) {
        self.add(Severity::Warning, error);
    }

    pub(super) fn warn(&mut self, problem: &Problem) {
        self.0.push(Finding::new(Severity::Warning, problem));
    }

    /// The value of a good result; the problems of a bad one are errors.
    pub(super) fn take<T>(&mut self, result: crate::Result<T>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }
}
