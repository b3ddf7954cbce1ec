//! What was found of the machine.

use super::columns;
use crate::doctor::{Finding, State};

/// A line for each finding, then what to do about those that are not in order.
pub fn examined(findings: &[Finding]) -> String {
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            let state = match finding.state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Problem => "PROBLEM",
            };
            vec![state.into(), finding.about.into(), finding.found.clone()]
        })
        .collect();
    let mut text = columns(&rows, 3).trim_end().to_owned();
    for finding in findings.iter().filter(|finding| finding.state != State::Ok) {
        if let Some(help) = &finding.help {
            text += &format!("\n\n{}: {}\n  help: {help}", finding.about, finding.found);
        }
    }
    text
}
