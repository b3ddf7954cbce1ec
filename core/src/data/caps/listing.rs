//! What lies in a folder, listed once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Kind;
use crate::{Error, Result};

/// Where ClinicaDL puts its tensors in the folder of a session.
pub(super) const TENSORS: &str = "deeplearning_prepare_data";

/// More than there are cores, because they mostly wait for the disk.
pub(super) const THREADS: usize = 8;

/// What one session has.
#[derive(Debug)]
pub(super) enum Listing {
    NoParticipant,
    NoSession,
    Failed(Error),
    /// Paths below the session's folder, with `/` between their parts, sorted.
    Files {
        files: Vec<String>,
        /// Links that lead nowhere, as datalad leaves them for files it has not fetched.
        dangling: Vec<String>,
    },
}

/// Lists what a session has, down to the deepest folder.
pub(super) fn list(root: &Path, participant: &str, session: &str, kind: Kind) -> Listing {
    let participant = root.join("subjects").join(participant);
    let folder = participant.join(session);
    if !folder.is_dir() {
        return if participant.is_dir() { Listing::NoSession } else { Listing::NoParticipant };
    }
    let folder = match kind {
        Kind::Images => folder,
        Kind::Tensors(below) => folder.join(TENSORS).join("image_based").join(below),
    };
    let mut walk = Walk::default();
    let result = if folder.is_dir() { walk.folder(&folder, "", &[]) } else { Ok(()) };
    match result {
        Ok(()) => {
            walk.files.sort();
            walk.dangling.sort();
            Listing::Files { files: walk.files, dangling: walk.dangling }
        }
        Err(error) => Listing::Failed(error),
    }
}

#[derive(Default)]
struct Walk {
    files: Vec<String>,
    dangling: Vec<String>,
}

impl Walk {
    /// Lists `folder`, which lies at `below` in the session; `trail` holds the real places of the
    /// folders from which links were followed to here.
    fn folder(&mut self, folder: &Path, below: &str, trail: &[PathBuf]) -> Result<()> {
        let io = |error: io::Error| Error::io(folder, "list the folder", &error);
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            // A name that is not text cannot match a pattern.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = entry.path();
            let inside = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                // A session can have thousands of tensors, and none of them is an image.
                if inside != TENSORS {
                    self.folder(&path, &inside, trail)?;
                }
            } else if !kind.is_symlink() {
                self.files.push(inside);
            } else {
                match fs::metadata(&path) {
                    Err(_) => self.dangling.push(inside),
                    Ok(target) if target.is_dir() => self.link(&path, &inside, folder, trail)?,
                    Ok(_) => self.files.push(inside),
                }
            }
        }
        Ok(())
    }

    /// Follows a link to a folder, unless it leads back to where the walk comes from.
    fn link(&mut self, link: &Path, below: &str, from: &Path, trail: &[PathBuf]) -> Result<()> {
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|error| Error::io(path, "follow the link", &error))
        };
        let target = real(link)?;
        let trail = [trail, &[real(from)?]].concat();
        if trail.iter().any(|place| place.starts_with(&target)) {
            return Ok(());
        }
        self.folder(link, below, &trail)
    }
}

/// The names of the folders in `folder` that begin with `prefix`, sorted.
pub(super) fn folders(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let io = |error: io::Error| Error::io(folder, "list the folder", &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        if let Ok(name) = entry.file_name().into_string()
            && name.starts_with(prefix)
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
