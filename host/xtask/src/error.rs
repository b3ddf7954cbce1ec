//! One kind of error: what went wrong, and what the person at the terminal can do about it.

use std::fmt;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Error {
    what: String,
    remedy: String,
    exit_code: u8,
}

impl Error {
    /// A step that failed.
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error { what: what.into(), remedy: remedy.into(), exit_code: 1 }
    }

    /// A command line that was not understood.
    pub(crate) fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error { exit_code: 2, ..Error::new(what, remedy) }
    }

    /// A file or folder that could not be read, written or moved; `doing` completes "could not …".
    pub(crate) fn file(doing: impl fmt::Display, cause: &std::io::Error) -> Error {
        let remedy = match cause.kind() {
            std::io::ErrorKind::StorageFull => {
                "Free some disk space and run the same command again."
            }
            std::io::ErrorKind::PermissionDenied => {
                "Look at the permissions of that folder and run the same command again."
            }
            _ => "",
        };
        Error::new(format!("could not {doing}: {cause}"), remedy)
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for line in self.remedy.lines() {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
