//! The files can be read by editors, and hold everything.

use std::collections::BTreeSet;

use super::*;
use crate::runtime::Settings;

fn written() -> [(&'static str, String); 2] {
    files(&Runtime::new(Settings::default()).unwrap())
}

/// A function, accessor or operator of a definition file.
struct Item {
    name: String,
    documented: bool,
}

/// Reads a definition file by the grammar of rhai-lsp (crates/rhai-rowan/src/ast/rhai.ungram in its
/// repository), as far as there are functions and operators in it.
struct Reader<'t> {
    text: &'t str,
    tokens: Vec<&'t str>,
    at: usize,
}

/// Words that cannot name a function or parameter.
const RESERVED: &str = "let const if else switch do while until loop for in continue break return \
    throw try catch fn private import export as global true false this var static shared goto \
    match case public protected new use with module package super thread spawn go await async sync \
    yield default void null nil";

/// The types of the language; those of this program begin with a capital, too.
const TYPES: &str = "int float bool char String Array Map Blob FnPtr Range RangeInclusive \
    CharsStream BitRange Layer Part Data Rates Run Prediction Interpretation Check Network Tensor Option Error";

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let (mut rest, mut tokens) = (text, Vec::new());
        while let Some(first) = rest.chars().next() {
            let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
            let bytes = match first {
                '/' if rest.starts_with("///") => rest.find('\n').unwrap_or(rest.len()),
                c if c.is_ascii_alphanumeric() || c == '_' => {
                    run(|c| c.is_ascii_alphanumeric() || c == '_')
                }
                c if "=!<>+-*/%&|^.".contains(c) => run(|c| "=!<>+-*/%&|^.".contains(c)),
                c => c.len_utf8(),
            };
            if !first.is_whitespace() {
                tokens.push(&rest[..bytes]);
            }
            rest = &rest[bytes..];
        }
        Self { text, tokens, at: 0 }
    }

    fn peek(&self) -> &'t str {
        self.tokens.get(self.at).copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'t str {
        self.at += 1;
        self.tokens.get(self.at - 1).copied().unwrap_or_default()
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    #[track_caller]
    fn expect(&mut self, token: &str) {
        let found = self.next();
        let before =
            self.tokens[self.at.saturating_sub(12)..self.at.min(self.tokens.len())].join(" ");
        assert_eq!(found, token, "after: {before}");
    }

    #[track_caller]
    fn word(&mut self) -> &'t str {
        let word = self.next();
        assert!(word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'), "{word:?}");
        assert!(!RESERVED.split_whitespace().any(|reserved| reserved == word), "{word:?}");
        word
    }

    #[track_caller]
    fn kind(&mut self) {
        if self.takes("?") {
            return;
        }
        if self.takes("(") {
            return self.expect(")");
        }
        let word = self.word();
        assert!(TYPES.split_whitespace().any(|known| known == word), "no type: {word}");
        if self.takes("<") {
            self.kind();
            self.expect(">");
        }
    }

    fn list(&mut self, mut one: impl FnMut(&mut Self)) {
        self.expect("(");
        while !self.takes(")") {
            one(self);
            if !self.takes(",") {
                self.expect(")");
                break;
            }
        }
    }

    fn items(mut self) -> Vec<Item> {
        assert!(self.text.starts_with("module static;\n"));
        self.at = 3;
        let mut items = Vec::new();
        while self.at < self.tokens.len() {
            let mut documented = false;
            while self.peek().starts_with("///") {
                documented |= self.next().len() > 4;
            }
            let name = match self.next() {
                "fn" => {
                    let accessor = ["get", "set"].contains(&self.peek())
                        && self.tokens.get(self.at + 1) != Some(&"(");
                    let access = if accessor { self.next() } else { "" };
                    let name = format!("{access} {}", self.word()).trim().to_owned();
                    self.list(|reader| {
                        reader.takes("...");
                        reader.word();
                        reader.expect(":");
                        reader.kind();
                    });
                    name
                }
                "op" => {
                    let name = self.next().to_owned();
                    self.list(Self::kind);
                    name
                }
                other => panic!("{other:?} begins no item"),
            };
            if self.takes("->") {
                self.kind();
            }
            self.expect(";");
            items.push(Item { name, documented });
        }
        items
    }
}

#[test]
fn editors_can_read_the_files_and_find_everything() {
    let mut names = BTreeSet::new();
    for (file, text) in written() {
        let items = Reader::new(&text).items();
        assert!(items.len() > 100, "{file} has {} items", items.len());
        let undocumented = |item: &&Item| {
            let plain = item.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            file == "neurhai.d.rhai" && plain && !item.documented
        };
        assert!(items.iter().find(undocumented).is_none_or(|item| panic!("{}", item.name)));
        names.extend(items.into_iter().map(|item| item.name));
    }
    let catalog = Catalog::built_in().unwrap();
    let functions = functions::all().map(|function| function.name);
    for name in functions.chain(catalog.layers.names()).chain(["len", "to_upper", "get shape"]) {
        assert!(names.contains(name), "{name}");
    }
    for gone in ["eval", "sleep"] {
        assert!(!names.contains(gone), "{gone}");
    }
}

#[test]
fn signatures_are_typed_and_named() {
    let [(_, own), (_, language)] = written();
    for line in [
        "fn conv(out_channels: int, kernel_size: ?) -> Layer;",
        "fn conv(out_channels: int, kernel_size: ?, options: Map) -> Layer;",
        "fn relu() -> Layer;",
        "fn caps(folder: String) -> Data;",
        "fn caps(folder: String, options: Map) -> Data;",
        "fn patches(data: Data, size: ?, stride: ?) -> Data;",
        "fn architecture(name: String, help: String, options: Map, recipe: FnPtr);",
        "fn autoencoder(architecture: String) -> String;",
        "fn autoencoder(architecture: String, options: Map) -> String;",
        "fn phantoms(folder: String) -> Map;",
        "fn best(run: Run, metric: String) -> float;",
        "fn get maps(run: Run) -> String;",
        "fn conv(x: Tensor, weight: ?) -> Tensor;",
        "op +(Array, Layer) -> Array;",
        "/// - `padding` = 0: zeros added on both sides of each axis; a whole number of at least 0, or a list with one per axis",
    ] {
        assert!(own.lines().any(|found| found == line), "{line}\n{own}");
    }
    for line in ["fn push(array: Array, item: ?);", "fn parse_int(string: String) -> int;"] {
        assert!(language.lines().any(|found| found == line), "{line}\n{language}");
    }
}

#[test]
fn the_files_are_the_same_every_time() {
    assert_eq!(written(), written());
}
