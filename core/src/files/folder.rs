//! Writing a folder so that nobody ever sees half of one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use super::{check_unused, sync_folder};
use crate::{Code, Error, Place, Result};

/// Writes the folder `output` in one step: `write` fills a folder beside it, which then is renamed.
///
/// # Errors
/// [`Code::OutputInUse`] where there is something already; what `write` says. Nothing of it is left
/// then. A process that is killed leaves `.neurhai-<process>-<number>`, which the next one that writes
/// beside it removes.
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
    let beside = create(parent).map_err(failed)?;
    let done = write(&beside.path)?;
    // Another process may have written here meanwhile.
    check_unused(output)?;
    fs::rename(&beside.path, output)
        .and_then(|()| sync_folder(parent))
        .map_err(|error| Error::io(output, "put the output folder in its place", &error))?;
    Ok(done)
}

/// A folder that is removed unless it was renamed.
struct Beside {
    path: PathBuf,
    /// Held as long as the folder is filled, where folders can be locked.
    _lock: Option<File>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        // What cannot be removed is only litter; after a renaming there is nothing.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn create(parent: &Path) -> io::Result<Beside> {
    remove_left(parent)?;
    let mut number = 0;
    loop {
        let path = parent.join(format!(".neurhai-{}-{number}", process::id()));
        number += 1;
        match fs::create_dir(&path) {
            // In use by another thread, or by a process of the same number on another machine.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            result => result?,
        }
        match lock(&path) {
            Ok(Some(lock)) => return Ok(Beside { path, _lock: Some(lock) }),
            // Another process has taken it for one that was left.
            Ok(None) => {}
            // A file system without such locks is no reason to refuse the work.
            Err(_) => return Ok(Beside { path, _lock: None }),
        }
    }
}

/// Removes the folders that killed processes left in `parent`.
fn remove_left(parent: &Path) -> io::Result<()> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_beside = |name: &str| {
        let numbers = name.strip_prefix(".neurhai-").and_then(|rest| rest.split_once('-'));
        numbers.is_some_and(|(process, number)| digits(process) && digits(number))
    };
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let left = entry.file_name().to_str().is_some_and(is_beside)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if left && let Ok(Some(_lock)) = lock(&entry.path()) {
            // What cannot be removed is only litter.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Locks a folder; none where another process has it, or has removed or renamed it.
///
/// # Errors
/// A system or file system that locks no folders.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let file = match File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, folder)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether an open folder still lies there.
fn is_at(file: &File, folder: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let of = file.metadata()?;
        Ok(fs::metadata(folder).is_ok_and(|at| (at.dev(), at.ino()) == (of.dev(), of.ino())))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(folder.exists())
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

    /// What is being written keeps its lock; other names are not ours.
    #[cfg(unix)]
    #[test]
    fn only_folders_that_killed_processes_left_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let folders = [".neurhai-1-0", ".neurhai-1-0.tmp", ".neurhai-1-a", ".neurhai-2-7", "1-0"];
        for name in folders {
            fs::create_dir_all(place.path().join(name).join("inner")).unwrap();
        }
        fs::write(place.path().join(".neurhai-3-0"), "a file").unwrap();
        let held = lock(&place.path().join(".neurhai-2-7")).unwrap();
        assert!(held.is_some());
        let write = |folder: &Path| {
            // Another thread that writes here leaves this one alone.
            write_folder(&place.path().join("other"), |_| Ok(())).unwrap();
            fs::write(folder.join("a"), "x").unwrap();
            Ok(())
        };
        write_folder(&place.path().join("out"), write).unwrap();
        let rest = [".neurhai-1-0.tmp", ".neurhai-1-a", ".neurhai-2-7", ".neurhai-3-0"];
        assert_eq!(names(place.path()), [&rest[..], &["1-0", "other", "out"]].concat());
        drop(held);
        write_folder(&place.path().join("third"), |_| Ok(())).unwrap();
        assert!(!place.path().join(".neurhai-2-7").exists());
    }
}
