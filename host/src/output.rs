//! Where text goes. Nothing here panics: a reader that went away (`host … | head`) is no error.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::Style;

/// How much this process tells, and how; chosen once, at its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// No progress: only results, warnings and errors.
    pub quiet: bool,
    /// Errors in full: every problem, cause and call.
    pub verbose: bool,
    /// Results are asked for as JSON, so errors are JSON as well, on standard output.
    pub json: bool,
}

static MANNER: OnceLock<Manner> = OnceLock::new();

/// Chooses how this process tells things. Only the first choice counts.
pub fn choose(manner: Manner) {
    let _ = MANNER.set(manner);
}

/// How this process tells things.
pub fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

/// A line on standard output: what was asked for. Control characters are shown, not sent.
pub fn line(text: &str) {
    told(writeln!(std::io::stdout().lock(), "{}", visible(text)));
}

/// Whether something could not be written to standard output.
static LOST: AtomicBool = AtomicBool::new(false);

/// Notes that standard output takes no more, such as on a full disk, and tells so once. A reader that
/// went away wants no more.
pub(crate) fn told(result: io::Result<()>) {
    let Err(error) = result else { return };
    if error.kind() != io::ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        report(&format!("error: standard output cannot be written: {error}"));
    }
}

/// Whether everything went out, at the end of the program.
pub fn complete() -> bool {
    told(std::io::stdout().flush());
    !LOST.load(Ordering::Relaxed)
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

/// How reports look on standard error: `NO_COLOR` (<https://no-color.org>) takes colours away, and
/// `CLICOLOR_FORCE` (<https://bixense.com/clicolors>) gives them to what is no terminal.
pub fn style() -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced = set("CLICOLOR_FORCE") && std::env::var_os("CLICOLOR_FORCE") != Some("0".into());
    let color = !set("NO_COLOR") && (terminal() || forced);
    Style { color, width: 100, full: manner().verbose }
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
