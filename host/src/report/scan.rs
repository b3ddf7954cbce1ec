//! Splits a script into words and signs, just well enough to find the token a problem is about.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, keyword or number.
    Word,
    /// A text in quotes; the token's text is without them.
    Text,
    /// Any other sign, one letter each.
    Sign,
    /// A comment.
    Comment,
}

/// A token with its place; line and column count from 1, the column in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// Letters on its first line, quotes included.
    pub(crate) width: usize,
}

impl Token<'_> {
    pub(crate) fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
}

/// All tokens of `script`. Unfinished texts and comments end with the script.
pub(crate) fn scan(script: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line, mut column) = (script, 1, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, bytes) = match first {
            c if c.is_whitespace() => (None, c.len_utf8()),
            '/' if rest.starts_with("//") => {
                (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if rest.starts_with("/*") => (Some(Kind::Comment), block_comment(rest)),
            '"' | '\'' | '`' => (Some(Kind::Text), text(rest, first)),
            c if c.is_alphanumeric() || c == '_' => (Some(Kind::Word), word(rest)),
            c => (Some(Kind::Sign), c.len_utf8()),
        };
        let (token, after) = rest.split_at(bytes);
        if let Some(kind) = kind {
            let bare = match kind {
                Kind::Text => token.trim_matches(first),
                _ => token,
            };
            let width = token.lines().next().unwrap_or_default().chars().count();
            tokens.push(Token { kind, text: bare, line, column, width });
        }
        for c in token.chars() {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        rest = after;
    }
    tokens
}

fn word(rest: &str) -> usize {
    let mut previous = ' ';
    for (at, c) in rest.char_indices() {
        let number = rest.starts_with(|c: char| c.is_ascii_digit());
        // `1.5` and `1e-3` are one token each, `0..3` and `a.b` are not.
        let point = number && c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
        let sign = number && "+-".contains(c) && "eE".contains(previous);
        if !(c.is_alphanumeric() || c == '_' || point || sign) {
            return at;
        }
        previous = c;
    }
    rest.len()
}

fn text(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            r if r.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            r if r.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
            r => at += r.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_texts_signs_and_comments_are_told_apart() {
        let script = "let a = conv(8, 1e-3); // conv(\n/* \" /* */ */ x.y(\"a\\\"b\", `c`)";
        let found: Vec<_> =
            scan(script).iter().map(|t| (t.kind, t.text, t.line, t.column)).collect();
        use Kind::*;
        assert_eq!(
            found,
            [
                (Word, "let", 1, 1),
                (Word, "a", 1, 5),
                (Sign, "=", 1, 7),
                (Word, "conv", 1, 9),
                (Sign, "(", 1, 13),
                (Word, "8", 1, 14),
                (Sign, ",", 1, 15),
                (Word, "1e-3", 1, 17),
                (Sign, ")", 1, 21),
                (Sign, ";", 1, 22),
                (Comment, "// conv(", 1, 24),
                (Comment, "/* \" /* */ */", 2, 1),
                (Word, "x", 2, 15),
                (Sign, ".", 2, 16),
                (Word, "y", 2, 17),
                (Sign, "(", 2, 18),
                (Text, "a\\\"b", 2, 19),
                (Sign, ",", 2, 25),
                (Text, "c", 2, 27),
                (Sign, ")", 2, 30),
            ]
        );
    }

    #[test]
    fn unfinished_and_empty_scripts_end() {
        for script in ["", "\"abc", "/* x", "`", "é"] {
            assert!(scan(script).len() <= 1, "{script}");
        }
    }
}
