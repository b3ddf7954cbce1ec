//! Problems as text: code and message, the line of the script with the place underlined, what to do.

use std::fmt::Write;

use neurhai_core::{Place, Problem};

use super::{CallSite, Diagnostic, Failure, Sources};

/// Problems that are shown in full; a screen holds no more.
const MAX_SHOWN: usize = 20;
/// Calls that are shown.
const MAX_FRAMES: usize = 6;

/// How a report looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// Letters per line.
    pub width: usize,
}

impl Style {
    fn paint(self, codes: &str, text: &str) -> String {
        if self.color { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    }
    fn error(self, text: &str) -> String {
        self.paint("1;31", text)
    }
    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
    fn faint(self, text: &str) -> String {
        self.paint("34", text)
    }
    fn advice(self, text: &str) -> String {
        self.paint("32", text)
    }
}

impl Failure {
    /// The whole report, with excerpts out of `sources`.
    pub fn render(&self, sources: &Sources, style: Style) -> String {
        let mut out = String::new();
        let all = &self.diagnostics;
        if let [one] = &all[..] {
            diagnostic(&mut out, one, style.error("error"), sources, style, true);
            return out;
        }
        let _ = writeln!(out, "{}", style.error(&format!("{} problems", all.len())));
        for (i, one) in all.iter().take(MAX_SHOWN).enumerate() {
            // Advice that the next problem repeats is given once, at the end of its run.
            let next = all.get(i + 1).filter(|_| i + 1 < MAX_SHOWN);
            let last = next.is_none_or(|next| next.problem.help != one.problem.help);
            diagnostic(&mut out, one, style.strong(&format!("{}.", i + 1)), sources, style, last);
        }
        if all.len() > MAX_SHOWN {
            let _ = writeln!(out, "and {} more", all.len() - MAX_SHOWN);
        }
        out
    }
}

fn diagnostic(
    out: &mut String,
    one: &Diagnostic,
    head: String,
    sources: &Sources,
    style: Style,
    advise: bool,
) {
    let Problem { code, message, place, help, cause } = &one.problem;
    let code = style.error(&format!("[{}]", code.id()));
    let space = if head.ends_with('.') || head.contains(".\x1b") { " " } else { "" };
    let _ = writeln!(out, "{head}{space}{code} {}", style.strong(message));
    if let Some((site, width)) = &one.at {
        excerpt(out, site, *width, sources, style);
    }
    let mut note = |word: String, text: &str| {
        let text = text.trim().replace('\n', "\n      ");
        let _ = writeln!(out, "  {word} {text}");
    };
    match place {
        // These are what the excerpt shows.
        Some(Place::Option(_)) if one.at.is_some() => {}
        Some(place) => note(style.faint("at"), &place.to_string()),
        None => {}
    }
    if let Some(cause) = cause {
        note(style.faint("because"), &cut(cause, 4));
    }
    let frames = one.frames.iter().filter(|frame| !frame.what.is_empty());
    for frame in frames.clone().take(MAX_FRAMES) {
        note(style.faint("in"), &format!("{}, {}", frame.what, frame.at));
    }
    let left = frames.count().saturating_sub(MAX_FRAMES);
    if left > 0 {
        note(style.faint("in"), &format!("{left} more calls"));
    }
    if let Some(help) = help.as_ref().filter(|_| advise) {
        note(style.advice("help:"), help);
    }
}

/// The first lines of a longer text.
fn cut(text: &str, lines: usize) -> String {
    let mut kept: Vec<_> = text.trim().lines().take(lines).collect();
    if text.trim().lines().count() > lines {
        kept.push("…");
    }
    kept.join("\n")
}

fn excerpt(out: &mut String, site: &CallSite, width: usize, sources: &Sources, style: Style) {
    let number = site.line.to_string();
    let margin = " ".repeat(number.len());
    let _ = writeln!(out, "{margin}{} {site}", style.faint(" -->"));
    let Some(text) = sources.text(&site.source) else { return };
    let Some(line) = text.lines().nth(site.line - 1) else { return };
    let (line, column) = window(line, site.column, style.width.saturating_sub(number.len() + 4));
    let width = width.min(line.chars().count().saturating_sub(column - 1)).max(1);
    let bar = style.faint("|");
    let mark = style.error(&"^".repeat(width));
    let _ = writeln!(out, " {} {bar} {line}", style.faint(&number));
    let _ = writeln!(out, " {margin} {bar} {}{mark}", " ".repeat(column - 1));
}

/// The part of a line that fits, with the column in it; tabs become a space each, so that the mark
/// stays below its letter.
fn window(line: &str, column: usize, width: usize) -> (String, usize) {
    let letters: Vec<char> =
        line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let width = width.max(30);
    if letters.len() <= width {
        return (letters.into_iter().collect(), column);
    }
    let start = column.saturating_sub(width / 2).min(letters.len() - width + 2);
    let shown: String = letters.iter().skip(start).take(width - 2).collect();
    let head = if start > 0 { "…" } else { "" };
    let tail = if start + width - 2 < letters.len() { "…" } else { "" };
    (format!("{head}{shown}{tail}"), column - start + head.chars().count())
}
