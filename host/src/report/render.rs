//! Problems as text: code and message, the line of the script with the place underlined, what to do.

use std::fmt::Write;

use neurhai_core::{Place, Problem};

use super::{CallSite, Diagnostic, Failure, Sources};
use crate::output::visible;

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
    /// With every problem, cause and call, however many.
    pub full: bool,
}

impl Style {
    fn paint(self, codes: &str, text: &str) -> String {
        if self.color { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    }
    /// So many, or all of them.
    fn at_most(self, number: usize) -> usize {
        if self.full { usize::MAX } else { number }
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
            headline(&mut out, &one.problem, &style.error("error"), false, style);
            place(&mut out, one, sources, style);
            match &one.problem.place {
                // The excerpt shows which option it is.
                Some(Place::Option(_)) if one.at.is_some() => {}
                Some(Place::Layer(_)) | None => {}
                Some(place) => note(&mut out, &style.faint("at"), &place.to_string()),
            }
            rest(&mut out, one, true, true, style);
            return out;
        }
        let _ = writeln!(out, "{}", style.error(&format!("{} problems", all.len())));
        let mut shown: Vec<&(CallSite, usize)> = Vec::new();
        let most = style.at_most(MAX_SHOWN);
        for (i, one) in all.iter().take(most).enumerate() {
            // Advice that the next problem repeats is given once, at the end of its run, and an
            // excerpt only where it is needed first.
            let next = all.get(i + 1).filter(|_| i + 1 < most);
            let last = next.is_none_or(|next| next.problem.help != one.problem.help);
            let new = one.at.as_ref().is_some_and(|at| !shown.contains(&at));
            shown.extend(&one.at);
            headline(&mut out, &one.problem, &style.strong(&format!("{}. ", i + 1)), true, style);
            if new {
                place(&mut out, one, sources, style);
            }
            rest(&mut out, one, new, last, style);
        }
        if all.len() > most {
            let more = all.len() - most;
            let _ = writeln!(out, "and {more} more, which --verbose shows");
        }
        out
    }
}

/// Code and message; in a list with the file, row or session in front.
fn headline(out: &mut String, problem: &Problem, head: &str, list: bool, style: Style) {
    let code = style.error(&format!("[{}]", problem.code.id()));
    let place = match &problem.place {
        Some(place) if list && in_files(place) => format!("{place}: "),
        _ => String::new(),
    };
    let message = format!("{place}{}", problem.message);
    let _ = writeln!(out, "{head}{code} {}", style.strong(&visible(&message)));
}

fn in_files(place: &Place) -> bool {
    !matches!(place, Place::Option(_) | Place::Layer(_))
}

fn place(out: &mut String, one: &Diagnostic, sources: &Sources, style: Style) {
    if let Some((site, width)) = &one.at {
        excerpt(out, site, *width, sources, style);
    }
}

fn note(out: &mut String, word: &str, text: &str) {
    let text = visible(text.trim()).replace('\n', "\n      ");
    let _ = writeln!(out, "  {word} {text}");
}

/// What follows the excerpt: place, cause, calls and advice.
fn rest(out: &mut String, one: &Diagnostic, frames: bool, advise: bool, style: Style) {
    let Problem { place, help, cause, .. } = &one.problem;
    if let Some(cause) = cause {
        note(out, &style.faint("because"), &cut(cause, style.at_most(4)));
    }
    if let Some(Place::Layer(path)) = place {
        note(out, &style.faint("at"), &format!("layer {path}"));
    }
    let calls = one.frames.iter().filter(|frame| frames && !frame.what.is_empty());
    let most = style.at_most(MAX_FRAMES);
    for frame in calls.clone().take(most) {
        note(out, &style.faint("in"), &format!("{}, {}", frame.what, frame.at));
    }
    let left = calls.count().saturating_sub(most);
    if left > 0 {
        note(out, &style.faint("in"), &format!("{left} more calls"));
    }
    if let Some(help) = help.as_ref().filter(|_| advise) {
        note(out, &style.advice("help:"), help);
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
