//! Whether what was typed is the beginning of something.

use rhai::{Engine, LexError, ParseErrorType};

use crate::report::{Kind, scan};

/// Whether `text` goes on in the next line: a bracket, text or comment is open, or an operator has
/// no right side yet.
pub(super) fn incomplete(text: &str) -> bool {
    // Only the grammar matters, so an engine without functions will do.
    let Err(error) = Engine::new_raw().compile(text) else { return open_comment(text) };
    let position = error.position();
    let rest = match position.line().zip(position.position()) {
        Some((line, column)) => after(text, line, column),
        None => "",
    };
    match error.err_type() {
        // A text in double quotes ends with its line, unless the line ends with a backslash.
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            !rest.starts_with(['"', '\'']) || rest.starts_with('"') && text.ends_with('\\')
        }
        _ => rest.trim().is_empty(),
    }
}

/// What stands at this place and after it.
fn after(text: &str, line: usize, column: usize) -> &str {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[before..];
    rest.char_indices().nth(column - 1).map_or("", |(at, _)| &rest[at..])
}

fn open_comment(text: &str) -> bool {
    let last = scan(text).into_iter().next_back();
    last.is_some_and(|token| {
        let block = token.kind == Kind::Comment && token.text.starts_with("/*");
        block && (token.text.len() < 4 || !token.text.ends_with("*/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_brackets_texts_and_operators_go_on() {
        for text in [
            "let a = [1,",
            "let net = [\n    conv(8, 3),\n",
            "fn f(x) {",
            "fn f(x",
            "train(#{",
            "train(#{ epochs:",
            "train(#{ epochs: 3,",
            "(1 + 2",
            "1 +",
            "let a =",
            "if x",
            "if x {\n    1\n} else",
            "switch x { 1 => 2,",
            "heads.",
            "architecture(\"a\", #{}, |p| [",
            "[1,\n  // the first",
            "`abc",
            "`abc ${x",
            "`abc ${x} d",
            "\"abc\\",
            "/* a note",
            "/*",
        ] {
            assert!(incomplete(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_whole_or_wrong_does_not() {
        for text in [
            "",
            "1 + 2",
            "let a = [1, 2];",
            "fn f(x) { x }",
            "[1, 2\nprint(a);",
            "print(\"abc)",
            "'a",
            "}",
            "let a = 08x;",
            "é }",
            "`abc`",
            "// a note",
            "/* a note */",
            "let let",
        ] {
            assert!(!incomplete(text), "{text:?}");
        }
    }
}
