//! Where the pieces come from: a terminal, with history and completion, or any other input.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Config, Editor};

use super::complete::Helper;
use super::incomplete::incomplete;

/// What was read.
pub(crate) enum Read {
    /// A whole piece.
    Piece(String),
    /// What was typed is dropped.
    Dropped,
    /// There is no more.
    End,
}

/// The source of the pieces.
pub(crate) enum Input {
    Terminal { editor: Box<Editor<Helper, DefaultHistory>>, history: Option<PathBuf> },
    Lines,
}

impl Input {
    /// The standard input, whatever it is. The second is why no history is kept, where that is so.
    pub(crate) fn open() -> rustyline::Result<(Self, Option<String>)> {
        if !std::io::stdin().is_terminal() {
            return Ok((Self::Lines, None));
        }
        let config = Config::builder().auto_add_history(false).build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Helper { names: Vec::new() }));
        let (history, trouble) = match history_file(|name| std::env::var_os(name)) {
            None => (None, Some("there is no home folder".to_owned())),
            Some(file) => match keep_history(&mut editor, &file) {
                Ok(()) => (Some(file), None),
                Err(error) => (None, Some(format!("{}: {error}", file.display()))),
            },
        };
        Ok((Self::Terminal { editor: Box::new(editor), history }, trouble))
    }

    /// The next piece; `names` are those that can be completed.
    ///
    /// # Errors
    /// What the system says about the input.
    pub(crate) fn read(&mut self, names: impl FnOnce() -> Vec<String>) -> rustyline::Result<Read> {
        let (editor, history) = match self {
            Self::Terminal { editor, history } => (editor, history),
            Self::Lines => return Ok(read_lines(&mut std::io::stdin().lock())?),
        };
        if let Some(helper) = editor.helper_mut() {
            helper.names = names();
        }
        match editor.readline("> ") {
            Ok(piece) => {
                if editor.add_history_entry(&piece)?
                    && let Some(file) = history
                {
                    // Without history the session can go on.
                    let _ = editor.append_history(file);
                }
                Ok(Read::Piece(piece))
            }
            Err(ReadlineError::Interrupted) => Ok(Read::Dropped),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(error) => Err(error),
        }
    }

    /// Whether a person types.
    pub(crate) fn terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }
}

/// Lines up to the end of a piece; what is not finished at the end of the input is a piece, too.
fn read_lines(input: &mut impl BufRead) -> std::io::Result<Read> {
    let mut piece = String::new();
    loop {
        if input.read_line(&mut piece)? == 0 {
            let nothing = piece.is_empty();
            return Ok(if nothing { Read::End } else { Read::Piece(piece) });
        }
        let whole = piece.trim_end_matches(['\n', '\r']);
        if !incomplete(whole) {
            return Ok(Read::Piece(whole.to_owned()));
        }
    }
}

/// `neurhai/history` in the user's folder for state.
fn history_file(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("neurhai/history"))
}

fn keep_history(editor: &mut Editor<Helper, DefaultHistory>, file: &Path) -> rustyline::Result<()> {
    std::fs::create_dir_all(file.parent().unwrap_or(file))?;
    if file.exists() {
        return editor.load_history(file);
    }
    editor.save_history(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_to_pieces() {
        let mut input = "let a = [1,\n  2];\r\n\na\n[3,\n".as_bytes();
        let mut pieces = Vec::new();
        while let Read::Piece(piece) = read_lines(&mut input).unwrap() {
            pieces.push(piece);
        }
        assert_eq!(pieces, ["let a = [1,\n  2];", "", "a", "[3,\n"]);
    }

    #[test]
    fn history_lies_in_the_folder_for_state() {
        let file = |variables: &[(&str, &str)]| {
            history_file(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.into())
            })
        };
        let home = ("HOME", "/home/me");
        assert_eq!(file(&[home]), Some("/home/me/.local/state/neurhai/history".into()));
        assert_eq!(file(&[home, ("XDG_STATE_HOME", "/s")]), Some("/s/neurhai/history".into()));
        // By its specification, a relative path is to be ignored.
        assert_eq!(file(&[home, ("XDG_STATE_HOME", "s")]), file(&[home]));
        assert_eq!(file(&[]), None);
    }
}
