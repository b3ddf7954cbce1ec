//! Where text goes. Nothing here panics: a reader that went away (`host … | head`) is no error.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use crate::report::Style;

/// A line on standard output: what was asked for. Control characters are shown, not sent.
pub fn line(text: &str) {
    // A reader that went away wants no more, and a full disk has no better place to be told.
    let _ = writeln!(std::io::stdout().lock(), "{}", visible(text));
}

/// A line on standard error: what happens meanwhile. Control characters are shown, not sent.
pub fn note(text: &str) {
    report(&visible(text));
}

/// What went wrong, on standard error: a report with its own colours.
pub fn report(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The text with control characters written out, such as `\u{1b}`, but for the ends of lines and
/// tabs: names come from files, and a terminal obeys what is in them.
pub fn visible(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(obeyed) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if obeyed(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// Whether standard error is a terminal that can redraw a line.
pub fn terminal() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    std::io::stderr().is_terminal() && !dumb
}

/// How reports look on standard error.
pub fn style() -> Style {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style { color: terminal() && !plain, width: 100 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(visible("sub-\u{1b}[31mred\r\u{9b}2J"), "sub-\\u{1b}[31mred\\r\\u{9b}2J");
        assert_eq!(visible("é→\ta\n"), "é→\ta\n");
    }
}
