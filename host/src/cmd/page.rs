//! Pages that are written where the user says.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use neurhai_core::files::write_atomic;
use neurhai_core::{Code, Error, Place, Result};

use crate::html::MARK;

/// Refuses to write a page over anything but a page of this program.
///
/// # Errors
/// [`Code::BadOption`] for a folder, [`Code::OutputInUse`] for any other file; what the disk says.
pub(super) fn check(file: &Path) -> Result<()> {
    if file.is_dir() {
        let message = format!("{} is a folder", file.display());
        return Err(
            Error::new(Code::BadOption, message).help("name the file to write: report.html")
        );
    }
    if !file.exists() {
        return Ok(());
    }
    let mut begin = Vec::new();
    if file.is_file() {
        let read =
            File::open(file).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut begin));
        read.map_err(|error| Error::io(file, "look at what would be replaced", &error))?;
    }
    if begin == MARK.as_bytes() {
        return Ok(());
    }
    Err(Error::new(Code::OutputInUse, "the file is there already and is no report")
        .at(Place::File(file.into()))
        .help("name another file, or move this one away; only reports are replaced"))
}

/// Writes a page.
///
/// # Errors
/// What the disk says.
pub(super) fn write(file: &Path, page: &str) -> Result<()> {
    write_atomic(file, |out| out.write_all(page.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        assert!(check(&file).is_ok());
        write(&file, &format!("{MARK}<p>")).unwrap();
        assert!(check(&file).is_ok());
        for other in ["", "{}", "<!doctype html>\n<html>"] {
            std::fs::write(&file, other).unwrap();
            assert_eq!(check(&file).unwrap_err().code(), Code::OutputInUse, "{other}");
        }
        assert_eq!(check(folder.path()).unwrap_err().code(), Code::BadOption);
        assert_eq!(check(Path::new("/dev/null")).unwrap_err().code(), Code::OutputInUse);
    }
}
