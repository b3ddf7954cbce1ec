//! Finds the key or value that a problem is about within the call that failed.

use super::CallSite;
use super::scan::{Kind, Token, scan};
use super::sources::Sources;

/// How many letters the token at `site` has.
pub(super) fn width(sources: &Sources, site: &CallSite) -> usize {
    let Some(text) = sources.text(&site.source) else { return 1 };
    let tokens = scan(&text);
    tokens.iter().find(|t| (t.line, t.column) == (site.line, site.column)).map_or(1, |t| t.width)
}

/// The name at `site`: of the function that is called there.
pub(super) fn name(sources: &Sources, site: &CallSite) -> Option<String> {
    let text = sources.text(&site.source)?;
    let tokens = scan(&text);
    let token = tokens.iter().find(|t| (t.line, t.column) == (site.line, site.column))?;
    (token.kind == Kind::Word).then(|| token.text.to_owned())
}

/// Where the call at `site` gives the option `key`; an option named `data.mode` lies within
/// another. The second way is by position: the `position`th value of the call.
pub(super) fn option(
    sources: &Sources,
    site: &CallSite,
    key: &str,
    position: Option<usize>,
) -> Option<(CallSite, usize)> {
    let text = sources.text(&site.source)?;
    let all = scan(&text);
    let tokens: Vec<_> = all.into_iter().filter(|t| t.kind != Kind::Comment).collect();
    let start = tokens.iter().position(|t| (t.line, t.column) >= (site.line, site.column))?;
    let inside = arguments(&tokens[start..])?;
    let found = key.rsplit('.').find_map(|key| keyed(inside, key));
    let token = found.or_else(|| positional(inside, position?))?;
    let at = CallSite { source: site.source.clone(), line: token.line, column: token.column };
    Some((at, token.width))
}

/// The tokens between the first parenthesis and its partner.
fn arguments<'a, 't>(tokens: &'a [Token<'t>]) -> Option<&'a [Token<'t>]> {
    // A position may be that of a namespace or an object before the function's name.
    let open = tokens.iter().take(8).position(|t| t.is("("))?;
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        depth += step(token);
        if depth == 0 {
            return Some(&tokens[open + 1..i]);
        }
    }
    Some(&tokens[open + 1..])
}

fn step(token: &Token<'_>) -> i32 {
    match token.text {
        "(" | "[" | "{" if token.kind == Kind::Sign => 1,
        ")" | "]" | "}" if token.kind == Kind::Sign => -1,
        _ => 0,
    }
}

/// The token `key` before a colon, the one that lies least deep.
fn keyed<'a, 't>(tokens: &'a [Token<'t>], key: &str) -> Option<&'a Token<'t>> {
    let (mut depth, mut best): (i32, Option<(i32, &Token<'_>)>) = (0, None);
    for (i, token) in tokens.iter().enumerate() {
        depth += step(token);
        let colon = tokens.get(i + 1).is_some_and(|t| t.is(":"))
            && !tokens.get(i + 2).is_some_and(|t| t.is(":"));
        let named = token.kind != Kind::Sign && token.text == key;
        if named && colon && best.is_none_or(|(other, _)| depth < other) {
            best = Some((depth, token));
        }
    }
    best.map(|(_, token)| token)
}

/// The first token of the value at `position`, from 0.
fn positional<'a, 't>(tokens: &'a [Token<'t>], position: usize) -> Option<&'a Token<'t>> {
    let (mut depth, mut commas) = (0, 0);
    for token in tokens {
        if commas == position && depth == 0 && !token.is(",") {
            return Some(token);
        }
        depth += step(token);
        commas += usize::from(depth == 0 && token.is(","));
    }
    None
}
