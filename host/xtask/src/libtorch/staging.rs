//! The folder in which libtorch is put together. Only whole things leave it: it is on the same disk as `.libtorch`,
//! so that moving into place is one rename.

use super::wheels::Wheel;
use crate::error::{Error, Result};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const FOLDER: &str = ".libtorch-download";

pub(super) struct Staging {
    folder: PathBuf,
    /// Held as long as this lives; the system lets it go when the process ends, however it ends.
    _lock: Option<File>,
}

impl Staging {
    /// Opens the staging folder, waiting for another run that uses it.
    pub(super) fn open(root: &Path) -> Result<Staging> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(folder.join("wheels"))
            .map_err(|e| Error::file(format!("create {}", folder.display()), &e))?;
        let lock = File::create(folder.join("lock"))
            .map_err(|e| Error::file(format!("create a file in {}", folder.display()), &e))?;
        let locked = match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                eprintln!("libtorch is being set up by another process: waiting for it");
                lock.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        // Some network disks know no locks; one run at a time is left to the person there.
        let staging = Staging { folder, _lock: locked.is_ok().then_some(lock) };
        // The run that was waited for has removed the folder if it was successful.
        fs::create_dir_all(staging.folder.join("wheels"))
            .map_err(|e| staging.problem("create", &e))?;
        Ok(staging)
    }

    /// Removes what a stopped run has left unfinished, and keeps the wheels that are complete.
    pub(super) fn clear_partial(&self) -> Result<()> {
        for name in ["pip", "incoming", "libtorch", "replaced"] {
            self.cleared(name)?;
        }
        Ok(())
    }

    pub(super) fn wheel(&self, wheel: &Wheel) -> PathBuf {
        self.folder.join("wheels").join(wheel.file)
    }

    pub(super) fn has(&self, wheel: &Wheel) -> bool {
        self.wheel(wheel).is_file()
    }

    /// The libtorch that is being put together.
    pub(super) fn tree(&self) -> PathBuf {
        self.folder.join("libtorch")
    }

    /// An empty folder for pip.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.cleared(name)?;
        fs::create_dir_all(&folder).map_err(|e| self.problem("write to", &e))?;
        Ok(folder)
    }

    /// Moves the finished libtorch to where it belongs, and what is there out of the way.
    pub(super) fn place(&self, target: &Path) -> Result<()> {
        let moving =
            |e: &io::Error| Error::file(format!("move libtorch to {}", target.display()), e);
        if fs::symlink_metadata(target).is_ok() {
            let replaced = self.cleared("replaced")?;
            fs::rename(target, replaced).map_err(|e| moving(&e))?;
        }
        fs::rename(self.tree(), target).map_err(|e| moving(&e))
    }

    /// Removes the staging folder. What cannot be removed now is removed by the next run.
    pub(super) fn remove(self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Removes the staging folder if it holds nothing that a later run could go on from.
    pub(super) fn remove_without_wheels(self) {
        // The system refuses to remove a folder that is not empty.
        if fs::remove_dir(self.folder.join("wheels")).is_ok() {
            self.remove();
        }
    }

    fn cleared(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.problem("tidy up", &e)),
            _ => Ok(path),
        }
    }

    fn problem(&self, doing: &str, cause: &io::Error) -> Error {
        Error::file(format!("{doing} {}", self.folder.display()), cause)
    }
}

/// Removes the staging folder of a run that was stopped after its last step; one in use is left alone.
pub(super) fn remove_leftovers(root: &Path) {
    let folder = root.join(FOLDER);
    let in_use = |lock: File| matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    if folder.exists() && !File::open(folder.join("lock")).is_ok_and(in_use) {
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::state::tests::make;
    use crate::libtorch::state::{self, State};

    #[test]
    fn placing_makes_all_of_it_appear_at_once_and_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join(".libtorch");
        let staging = Staging::open(root.path()).unwrap();
        make(&staging.tree(), Some("2.13.0"));
        assert_eq!(state::of(&target), State::Absent);
        staging.place(&target).unwrap();
        assert_eq!(state::of(&target), State::Ready);
        assert!(!staging.tree().exists());
        staging.remove();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn placing_replaces_what_is_there_whole() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join(".libtorch");
        make(&target, Some("2.4.0"));
        fs::write(target.join("lib/old.so"), "").unwrap();
        let staging = Staging::open(root.path()).unwrap();
        make(&staging.tree(), Some("2.13.0"));
        staging.place(&target).unwrap();
        assert_eq!(state::of(&target), State::Ready);
        assert!(!target.join("lib/old.so").exists());
    }

    /// A run killed between the two renames leaves no `.libtorch` rather than a mixed one.
    #[test]
    fn placing_that_cannot_be_finished_leaves_no_half_libtorch() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join(".libtorch");
        let staging = Staging::open(root.path()).unwrap();
        assert!(staging.place(&target).is_err(), "there is no tree yet");
        assert_eq!(state::of(&target), State::Absent);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_is_replaced_and_what_it_points_to_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join(".libtorch");
        let elsewhere = root.path().join("elsewhere");
        make(&elsewhere, Some("2.4.0"));
        std::os::unix::fs::symlink(&elsewhere, &target).unwrap();
        let staging = Staging::open(root.path()).unwrap();
        make(&staging.tree(), Some("2.13.0"));
        staging.place(&target).unwrap();
        staging.remove();
        assert_eq!(state::version(&elsewhere).as_deref(), Some("2.4.0"));
        assert_eq!(state::of(&target), State::Ready);
    }

    #[test]
    fn leftovers_go_unless_a_run_uses_them() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(root.path()).unwrap();
        remove_leftovers(root.path());
        assert!(root.path().join(FOLDER).exists(), "it is in use");
        drop(staging);
        remove_leftovers(root.path());
        assert!(!root.path().join(FOLDER).exists());
    }
}
