//! What the line editor asks while someone types.

use rustyline::Context;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};

use super::incomplete::incomplete;

/// Completes names, and lets a piece go on in the next line where something is open.
pub(crate) struct Helper {
    /// Sorted.
    pub(super) names: Vec<String>,
}

impl Completer for Helper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.names, &line[..at]))
    }
}

/// Where the last word of `typed` begins, and the names it may become.
fn complete(names: &[String], typed: &str) -> (usize, Vec<String>) {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let start = typed
        .rfind(|c| !word(c))
        .map_or(0, |at| at + typed[at..].chars().next().map_or(0, char::len_utf8));
    let begun = &typed[start..];
    // Everything there is would help nobody, and a number is no name.
    if begun.is_empty() || begun.starts_with(|c: char| c.is_ascii_digit()) {
        return (start, Vec::new());
    }
    let fitting = names.iter().filter(|name| name.starts_with(begun));
    (start, fitting.cloned().collect())
}

impl Validator for Helper {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match incomplete(typed.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Hinter for Helper {
    type Hint = String;
}

impl Highlighter for Helper {}

impl rustyline::Helper for Helper {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_completed() {
        let names = ["conv", "conv_transpose", "linear", "to_string"].map(String::from);
        for (typed, start, expected) in [
            ("co", 0, &["conv", "conv_transpose"][..]),
            ("let net = [conv(8, 3), lin", 23, &["linear"]),
            ("x.to", 2, &["to_string"]),
            ("é→con", "é→".len(), &["conv", "conv_transpose"]),
            ("conv(", 5, &[]),
            ("", 0, &[]),
            ("8", 0, &[]),
            ("wavelet", 0, &[]),
        ] {
            let (at, found) = complete(&names, typed);
            assert_eq!(
                (at, found.iter().map(String::as_str).collect()),
                (start, expected.to_vec())
            );
        }
    }
}
