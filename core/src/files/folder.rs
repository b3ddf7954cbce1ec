//! Writing a folder so that nobody ever sees half of one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use super::{check_unused, sync_folder};
use crate::{Code, Error, Place, Result};

/// Writes the folder `output` in one step: `write` fills a folder beside it, which then is renamed.
///
/// # Errors
/// [`Code::OutputInUse`] where there is something already; what `write` says. Nothing of it is left
/// then, unless the process was killed: that leaves `.neurhai-<process>-<number>` behind.
pub(crate) fn write_folder<T>(output: &Path, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    check_unused(output)?;
    if output.file_name().is_none() {
        return Err(Error::new(Code::OutputInUse, "the output has no name of its own")
            .at(Place::File(output.into()))
            .help("name a folder that is new"));
    }
    let parent = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: io::Error| Error::io(output, "make the output folder", &error);
    fs::create_dir_all(parent).map_err(failed)?;
    let beside = Beside(create(parent).map_err(failed)?);
    let done = write(&beside.0)?;
    // Another process may have written here meanwhile.
    check_unused(output)?;
    fs::rename(&beside.0, output)
        .and_then(|()| sync_folder(parent))
        .map_err(|error| Error::io(output, "put the output folder in its place", &error))?;
    Ok(done)
}

/// A folder that is removed unless it was renamed.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // What cannot be removed is only litter; after a renaming there is nothing.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn create(parent: &Path) -> io::Result<PathBuf> {
    let mut number = 0;
    loop {
        let path = parent.join(format!(".neurhai-{}-{number}", process::id()));
        match fs::create_dir(&path) {
            // Left by a process of the same number that was killed, or in use by another thread.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            result => return result.map(|()| path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let output = place.path().join("deep/out");
        let file = |folder: &Path| {
            assert!(!output.exists(), "seen before it is whole");
            fs::write(folder.join("a"), "x").unwrap();
        };
        let error = write_folder(&output, |folder| {
            file(folder);
            Err::<(), _>(Error::new(Code::BadImage, "no"))
        });
        assert_eq!(error.unwrap_err().code(), Code::BadImage);
        assert!(names(&place.path().join("deep")).is_empty());
        let written = write_folder(&output, |folder| {
            file(folder);
            Ok(())
        });
        assert_eq!(written, Ok(()));
        assert_eq!(names(&place.path().join("deep")), ["out"]);
        assert_eq!(names(&output), ["a"]);
    }

    #[test]
    fn nothing_is_written_over_and_an_empty_folder_is_taken() {
        let place = tempfile::tempdir().unwrap();
        let output = place.path().join("out");
        fs::create_dir(&output).unwrap();
        let fill = |folder: &Path| {
            fs::write(folder.join("a"), "x").unwrap();
            Ok(())
        };
        write_folder(&output, fill).unwrap();
        let used = |output: &Path, write: fn(&Path)| {
            let result = write_folder(output, |folder| {
                write(folder);
                Ok(())
            });
            assert_eq!(result.unwrap_err().code(), Code::OutputInUse, "{}", output.display());
        };
        used(&output, |_| panic!("looked first"));
        used(&output.join("a"), |_| panic!("a file"));
        used(Path::new(".."), |_| panic!("no name"));
        // Somebody was faster.
        used(&place.path().join("other"), |folder| {
            fs::create_dir_all(folder.with_file_name("other/x")).unwrap();
        });
        assert_eq!(names(place.path()), ["other", "out"]);
    }
}
