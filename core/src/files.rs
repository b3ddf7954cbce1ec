//! Writing files so that nobody ever sees half of one, and keeping a second writer out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Code, Error, Place, Result};

mod folder;

pub(crate) use folder::write_folder;

/// A path that means the same from every working folder.
///
/// # Errors
/// An empty path; a working folder that is gone.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io(path, "find the file or folder", &error))
}

/// The BLAKE3 hash of a text, in hexadecimal.
pub fn text_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The BLAKE3 hash of a file, in hexadecimal; errors say that one cannot `what`, as in [`read`].
///
/// # Errors
/// What the disk says.
pub(crate) fn hash(path: &Path, what: &str) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
    read.map_err(|error| Error::io(path, what, &error))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// All bytes of a file, where it is one: a pipe or a device might never end.
///
/// # Errors
/// What is no regular file; what the disk says.
pub(crate) fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let failed = |error: io::Error| Error::io(path, what, &error);
    // The path is asked, since opening a pipe waits until somebody writes into it.
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        let found = if about.is_dir() { "a folder" } else { "a pipe or a device" };
        let message = format!("cannot {what}: a file was expected, not {found}");
        return Err(Error::new(Code::FileAccess, message)
            .at(Place::File(path.into()))
            .help("put the file itself there, or name another one"));
    }
    fs::read(path).map_err(failed)
}

/// The names in a folder, sorted; those that are no text are passed over.
///
/// # Errors
/// What the disk says.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>> {
    let failed = |error: io::Error| Error::io(folder, "list the folder", &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// A folder to write into must be new or empty.
///
/// # Errors
/// [`Code::OutputInUse`]; what the disk says.
pub(crate) fn check_unused(folder: &Path) -> Result<()> {
    let used = |message: &str, help: &str| {
        Err(Error::new(Code::OutputInUse, message).at(Place::File(folder.into())).help(help))
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => used(
                "the output folder is not empty",
                "choose another output, or move this folder away; nothing is overwritten",
            ),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            used("the output is a file, not a folder", "name a folder that is new")
        }
        Err(error) => Err(Error::io(folder, "look into the output folder", &error)),
    }
}

/// Writes `path` in one step: beside it, flushed to the disk, then renamed over it.
///
/// Whatever happens meanwhile, `path` holds either what it held before or all of the new content.
/// When the writing fails nothing is left behind.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let folder = replace(path, write, true).map_err(|error| not_written(path, &error))?;
    sync_folder(folder).map_err(|error| not_written(path, &error))
}

/// The same for what can be made again and says by itself whether it is whole: nothing is flushed to
/// the disk, so that after a power cut the file may hold anything.
pub(crate) fn write_quickly(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    replace(path, write, false).map(|_| ()).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &io::Error) -> Error {
    let error = Error::io(path, "write the file", error);
    if error.code() == Code::DiskFull {
        error.help("free some space and start again; what was there before is unchanged")
    } else {
        error
    }
}

/// Writes beside `path` and renames; gives the folder.
fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: bool,
) -> io::Result<&Path> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (beside, file) = create_beside(folder)?;
    let written = fill(file, write, flush).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // The first error is the one worth telling; a file that cannot be removed is only litter.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    Ok(folder)
}

/// Whether a file of this name was written beside another one: `.neurhai-<process>-<number>.tmp`.
pub(crate) fn is_beside(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let inner = name.strip_prefix(".neurhai-").and_then(|rest| rest.strip_suffix(".tmp"));
    let numbers = inner.and_then(|inner| inner.split_once('-'));
    numbers.is_some_and(|(process, number)| digits(process) && digits(number))
}

/// Removes what processes that were killed left beside the files in `folder`, and in the folders
/// within it; links are not followed. Nobody may be writing there.
///
/// # Errors
/// What the disk says.
pub(crate) fn remove_leftovers(folder: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::io(folder, "look into the folder", &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (kind, path) = (entry.file_type().map_err(failed)?, entry.path());
        if kind.is_dir() {
            remove_leftovers(&path)?;
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_beside) {
            fs::remove_file(&path)
                .map_err(|error| Error::io(&path, "remove what was left of a write", &error))?;
        }
    }
    Ok(())
}

/// Removes a file, if it is there.
///
/// # Errors
/// What the disk says.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(path, "remove the file", &error))
        }
        _ => Ok(()),
    }
}

/// Renames a file over another one of the same file system; once this returns, a power cut does not
/// undo it.
///
/// # Errors
/// What the disk says.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::io(to, "rename the file", &error);
    fs::rename(from, to).map_err(failed)?;
    to.parent().map_or(Ok(()), sync_folder).map_err(failed)
}

/// A new, empty file in `folder` under a name that no data file has.
///
/// It is created with the permissions of any other file: results are shared among colleagues.
fn create_beside(folder: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".neurhai-{}-{number}.tmp", process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            // Left by a process of the same number that was killed, or by one on another machine.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (path, file)),
        }
    }
}

fn fill(
    file: File,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: bool,
) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 16, file);
    write(&mut buffered)?;
    let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    if flush { file.sync_all() } else { Ok(()) }
}

/// Makes the renaming itself survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync folders, and the file is in place already.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// The bytes that are free for this user where `path` lies; none where the system does not say.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let about = rustix::fs::statvfs(path).ok()?;
        about.f_bavail.checked_mul(about.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Keeps other processes from writing where this one writes, as long as it lives.
///
/// The operating system lets go of the lock when the process ends, however it ends. The lock file
/// itself stays: removing it would let two processes lock two files of the same name.
#[derive(Debug)]
pub struct Lock {
    file: File,
    exclusive: bool,
}

impl Lock {
    /// Takes the lock file `path`, or says which process holds it.
    pub fn acquire(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::io(path, "take the lock file", &error);
        // The holder's number is in the file, so it is emptied only once the lock is ours.
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let exclusive = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(taken(path, &mut file)),
            // A file system without locks is no reason to refuse the work.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => false,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", process::id()).map_err(failed)?;
        Ok(Self { file, exclusive })
    }

    /// False where the file system knows no locks: then nobody is kept out.
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
    }
}

/// Whether a process holds the lock file `path`, as far as the file system tells.
pub fn is_locked(path: &Path) -> bool {
    // The holder's number is in the file; one that was killed left it there. So most files need not be
    // touched, which would keep a writer out that comes at the same moment.
    let Ok(mut file) = File::open(path) else { return false };
    let mut holder = String::new();
    if file.read_to_string(&mut holder).is_ok() && holder.is_empty() {
        return false;
    }
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An old number would only mislead; failing to remove it harms nobody.
        let _ = self.file.set_len(0);
    }
}

fn taken(path: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let who = match file.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => format!("process {}", holder.trim()),
        _ => "another process".to_owned(),
    };
    Error::new(Code::OutputLocked, format!("{who} is writing here"))
        .at(Place::File(path.into()))
        .help("wait until it has finished, stop it, or choose another output folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        for content in ["first", "second"] {
            write_atomic(&path, |out| out.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = write_atomic(&path, |out| {
            out.write_all(&[0; 100_000])?;
            Err(full)
        })
        .unwrap_err();
        assert_eq!(error.code(), Code::DiskFull);
        assert!(error.problems()[0].help.as_deref().unwrap().contains("unchanged"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn only_what_killed_writers_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("split-0/tmp");
        fs::create_dir_all(&inner).unwrap();
        let kept = [".neurhai-1-2.tmp.tsv", ".neurhai-1-a.tmp", ".neurhai--1.tmp", "1-2.tmp"];
        for name in kept.iter().chain(&[".neurhai-17-0.tmp"]) {
            fs::write(inner.join(name), "").unwrap();
        }
        fs::write(folder.path().join(".neurhai-4-123.tmp"), "").unwrap();
        fs::create_dir(folder.path().join(".neurhai-4-4.tmp")).unwrap();
        remove_leftovers(folder.path()).unwrap();
        let mut kept = kept.map(String::from);
        kept.sort();
        assert_eq!(names(&inner), kept);
        assert_eq!(names(folder.path()), [".neurhai-4-4.tmp", "split-0"]);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/a.txt");
        let error = write_atomic(&path, |_| Ok(())).unwrap_err();
        assert_eq!(error.code(), Code::FileNotFound);
        assert!(error.to_string().contains("absent/a.txt"), "{error}");
    }

    #[test]
    fn threads_that_write_one_file_leave_one_of_their_contents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::thread::scope(|scope| {
            for number in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    write_atomic(path, |out| out.write_all(&[number; 50_000])).unwrap();
                });
            }
        });
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 50_000 && content.iter().all(|byte| *byte == content[0]));
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        assert!(first.is_exclusive());
        let error = Lock::acquire(&path).unwrap_err();
        assert_eq!(error.code(), Code::OutputLocked);
        assert!(error.to_string().contains(&format!("process {}", process::id())), "{error}");
        drop(first);
        Lock::acquire(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "text").unwrap();
        assert_eq!(read(&file, "read it").unwrap(), b"text");
        for (path, code, words) in [
            (folder.path(), Code::FileAccess, "not a folder"),
            (Path::new("/dev/zero"), Code::FileAccess, "not a pipe or a device"),
            (&folder.path().join("absent"), Code::FileNotFound, "cannot read it"),
        ] {
            let error = read(path, "read it").unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
