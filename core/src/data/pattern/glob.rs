//! File name patterns, matched in any case.

/// A compiled pattern: `*` and `?` stand for anything but `/`, `**` for anything, `**/` also for no
/// folder at all, `[a-z]` and `[!a-z]` for one character.
#[derive(Debug, Clone)]
pub struct Glob {
    tokens: Vec<Token>,
    /// What every match ends in; most names are turned down by it alone.
    tail: String,
    whole_path: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    One,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Star,
    DoubleStar,
    /// `**/` is two tokens: one that may be passed over, and one that lasts until a `/`.
    Folders,
    UntilSlash,
}

impl Glob {
    /// Compiles a pattern; every text is one, since a `[` that is never closed stands for itself.
    pub fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.to_lowercase().chars().collect();
        let mut tokens = Vec::with_capacity(chars.len());
        let mut i = 0;
        while i < chars.len() {
            match chars[i..] {
                ['*', '*', '/', ..] if i == 0 || chars[i - 1] == '/' => {
                    tokens.extend([Token::Folders, Token::UntilSlash]);
                    i += 3;
                }
                ['*', '*', ..] => {
                    tokens.push(Token::DoubleStar);
                    i += 2;
                }
                ['*', ..] => {
                    tokens.push(Token::Star);
                    i += 1;
                }
                ['?', ..] => {
                    tokens.push(Token::One);
                    i += 1;
                }
                ['[', ref rest @ ..] => match class(rest) {
                    Some((token, length)) => {
                        tokens.push(token);
                        i += 1 + length;
                    }
                    None => {
                        tokens.push(Token::Char('['));
                        i += 1;
                    }
                },
                _ => {
                    tokens.push(Token::Char(chars[i]));
                    i += 1;
                }
            }
        }
        let literal = |token: &Token| match token {
            Token::Char(char) => Some(*char),
            _ => None,
        };
        let tail: Vec<char> = tokens.iter().rev().map_while(literal).collect();
        let tail = tail.into_iter().rev().collect();
        Self { tokens, tail, whole_path: chars.contains(&'/') }
    }

    /// Whether a path with `/` between its parts matches: as a whole where the pattern holds a `/`,
    /// otherwise by its last part.
    pub fn matches(&self, path: &str) -> bool {
        let path = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        let path = path.to_lowercase();
        if !path.ends_with(&self.tail) {
            return false;
        }
        // All positions in the pattern that the text so far can have led to, so that no pattern,
        // however many stars it has, takes more than pattern × text steps.
        let mut active = vec![false; self.tokens.len() + 1];
        self.enter(&mut active, 0);
        for char in path.chars() {
            let mut next = vec![false; active.len()];
            for (i, token) in self.tokens.iter().enumerate().filter(|(i, _)| active[*i]) {
                let (stay, go_on) = match token {
                    Token::Char(expected) => (false, char == *expected),
                    Token::One => (false, char != '/'),
                    Token::Class { negated, ranges } => {
                        let inside = ranges.iter().any(|(a, b)| (*a..=*b).contains(&char));
                        (false, char != '/' && inside != *negated)
                    }
                    Token::Star => (char != '/', false),
                    Token::DoubleStar => (true, false),
                    Token::Folders => (false, false),
                    Token::UntilSlash => (true, char == '/'),
                };
                if stay {
                    self.enter(&mut next, i);
                }
                if go_on {
                    self.enter(&mut next, i + 1);
                }
            }
            active = next;
        }
        active[self.tokens.len()]
    }

    /// Makes position `i` active, and those reached from there without any text.
    fn enter(&self, active: &mut [bool], i: usize) {
        active[i] = true;
        match self.tokens.get(i) {
            Some(Token::Star | Token::DoubleStar) => self.enter(active, i + 1),
            Some(Token::Folders) => {
                active[i + 1] = true;
                self.enter(active, i + 2);
            }
            _ => {}
        }
    }
}

/// The class that begins after a `[`, and its length with the `]`; none where it is not closed.
fn class(rest: &[char]) -> Option<(Token, usize)> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let start = usize::from(negated);
    // A `]` that comes first is a member, as in every shell.
    let end = rest.iter().skip(start + 1).position(|char| *char == ']')? + start + 1;
    let mut members = &rest[start..end];
    let mut ranges = Vec::new();
    while let [first, others @ ..] = members {
        let (last, others) = match others {
            ['-', last, others @ ..] => (last, others),
            _ => (first, others),
        };
        ranges.push((*first, *last));
        members = others;
    }
    Some((Token::Class { negated, ranges }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::new(pattern);
        for path in matching {
            assert!(glob.matches(path), "{pattern} should match {path}");
        }
        for path in others {
            assert!(!glob.matches(path), "{pattern} should not match {path}");
        }
    }

    #[test]
    fn without_a_slash_the_name_alone_counts() {
        check(
            "*space-X_desc-Crop_res-1x1x1_T1w.nii.gz",
            &[
                "t1_linear/sub-A_ses-1_space-X_desc-Crop_res-1x1x1_T1w.nii.gz",
                "t1-linear/deep/SUB-A_SPACE-X_DESC-CROP_RES-1X1X1_T1W.NII.GZ",
                "space-X_desc-Crop_res-1x1x1_T1w.nii.gz",
            ],
            &[
                "t1_linear/sub-A_ses-1_space-X_res-1x1x1_T1w.nii.gz",
                "t1_linear/sub-A_space-X_desc-Crop_res-1x1x1_T1w.nii",
                "sub-A_space-X_desc-Crop_res-1x1x1_T1w.nii.gz/other",
            ],
        );
        check("?.nii", &["a.nii", "x/b.nii"], &["ab.nii", ".nii", "a/.nii"]);
        check("é*", &["École", "x/é"], &["e"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn with_a_slash_the_path_counts() {
        check(
            "pet_linear/*.nii",
            &["pet_linear/a.nii", "PET_linear/.nii"],
            &["pet_linear/b/a.nii", "x/pet_linear/a.nii"],
        );
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab", "x/a/b"]);
        check("**/b", &["b", "x/b", "x/y/b"], &["xb", "b/x"]);
        check("a/**", &["a/", "a/b", "a/b/c"], &["a", "b/a"]);
        check("dwi/*/b?.nii", &["dwi/x/b1.nii"], &["dwi/b1.nii", "dwi/x/y/b1.nii"]);
        check("x**/b", &["x/b", "xyz/b", "xy/z/b"], &["b", "y/b"]);
    }

    #[test]
    fn classes_of_characters() {
        check("run-[0-9].nii", &["run-0.nii", "run-9.nii"], &["run-a.nii", "run-10.nii"]);
        check("[!a-c]x", &["dx"], &["ax", "bx", "x"]);
        check("[^a]x", &["bx"], &["ax"]);
        check("[A-C]", &["a", "B"], &["d"]);
        check("[]a]", &["]", "a"], &["b"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("a[b", &["a[b"], &["ab"]);
        check("[!]", &["[!]"], &["a"]);
        check("a/[!x]b", &["a/yb"], &["a//b", "a/xb"]);
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern = "*a".repeat(40) + "b";
        check(&pattern, &[&("a".repeat(200) + "ab")], &[&"a".repeat(200), &("a".repeat(39) + "b")]);
    }

    /// The definition, by trying everything; too slow for use, but plainly right.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', '*', '/', rest @ ..], _) => {
                naive(rest, text)
                    || (0..text.len()).any(|i| text[i] == '/' && naive(rest, &text[i + 1..]))
            }
            (['*', '*', rest @ ..], _) => (0..=text.len()).any(|i| naive(rest, &text[i..])),
            (['*', rest @ ..], _) => (0..=text.len())
                .take_while(|i| !text[..*i].contains(&'/'))
                .any(|i| naive(rest, &text[i..])),
            (['?', rest @ ..], [char, others @ ..]) => *char != '/' && naive(rest, others),
            ([a, rest @ ..], [b, others @ ..]) => a == b && naive(rest, others),
            _ => false,
        }
    }

    #[test]
    fn it_agrees_with_the_definition() {
        let mut random = crate::random::Random::new(1, "glob", &[]);
        let mut matched = 0;
        for _ in 0..20_000 {
            let mut draw = |parts: &[&str], n: u64| -> String {
                let n = random.below(n);
                (0..n).map(|_| parts[random.below(parts.len() as u64) as usize]).collect()
            };
            // A `/` in front makes every pattern one for the path, and `**/` one after a folder.
            let pattern = format!("/{}", draw(&["a", "b", "*", "?", "/", "/**/"], 7));
            let path = format!("/{}", draw(&["a", "b", "/"], 7));
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            // The two read stars that meet by chance in different ways.
            if pattern.replace("/**/", "/").contains("**") {
                continue;
            }
            let expected = naive(&chars(&pattern), &chars(&path));
            matched += u32::from(expected);
            assert_eq!(Glob::new(&pattern).matches(&path), expected, "{pattern} {path}");
        }
        assert!(matched > 500, "{matched}");
    }
}
