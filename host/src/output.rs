//! Where text goes. Nothing here panics: a reader that went away (`host … | head`) is no error.

use std::io::{IsTerminal, Write};

use crate::report::Style;

/// A line on standard output: what was asked for.
pub fn line(text: &str) {
    // A reader that went away wants no more, and a full disk has no better place to be told.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on standard error: what happens meanwhile, and what went wrong.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
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
