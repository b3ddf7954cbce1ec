//! What a cache folder holds, and how it is emptied.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::entry::{Header, SUFFIX};
use super::volumes::LEFT_ALONE;
use super::{verdicts, volumes};
use crate::error::Result;
use crate::files;

/// What a cache folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The folder.
    pub folder: PathBuf,
    /// The decoded images, sorted by where they come from.
    pub volumes: Vec<Kept>,
    /// How many images are known to `host check`, which need not be read again.
    pub checks: usize,
    /// The bytes of these.
    pub check_bytes: u64,
}

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kept {
    /// The file that it was decoded from; empty where this is no longer readable.
    pub source: String,
    /// The BLAKE3 hash of that file.
    pub source_blake3: String,
    /// What was done to its voxels.
    pub done: String,
    /// The file in the cache.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Seconds since it was decoded.
    pub age_seconds: u64,
    /// Seconds since it was last used.
    pub unused_seconds: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What the cache in `folder` holds; nothing where there is no such folder.
///
/// # Errors
/// A folder that cannot be listed.
pub fn list(folder: &Path) -> Result<Contents> {
    let now = seconds(SystemTime::now());
    let mut kept: Vec<Kept> = Vec::new();
    for (file, bytes, used) in own(&volumes::folder(folder))? {
        if !file.to_string_lossy().ends_with(SUFFIX) {
            continue;
        }
        let header = Header::read(&file);
        let (source, key) = header.as_ref().map(|h| (h.source.clone(), &h.key)).unzip();
        kept.push(Kept {
            source: source.unwrap_or_default(),
            source_blake3: key.map_or_else(String::new, |key| key.file_blake3.clone()),
            done: key.map_or_else(String::new, |key| key.done.clone()),
            file,
            bytes,
            age_seconds: header.map_or(0, |header| now.saturating_sub(header.written)),
            unused_seconds: now.saturating_sub(seconds(used)),
        });
    }
    kept.sort();
    let checks = own(&verdicts::folder(folder))?;
    Ok(Contents {
        folder: folder.into(),
        volumes: kept,
        check_bytes: checks.iter().map(|(_, bytes, _)| bytes).sum(),
        checks: checks.len(),
    })
}

/// Removes everything that this program keeps in `folder`. Runs that use it go on: what they have mapped
/// stays theirs, and so does what they are writing.
///
/// # Errors
/// A folder that cannot be listed, a file that cannot be removed.
pub fn clear(folder: &Path) -> Result<Removed> {
    let mut removed = Removed::default();
    for inner in [volumes::folder(folder), verdicts::folder(folder)] {
        for (file, bytes, changed) in own(&inner)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let young = !changed.elapsed().is_ok_and(|age| age > LEFT_ALONE);
            if young && files::is_beside(&name) {
                continue;
            }
            files::remove(&file)?;
            removed.files += 1;
            removed.bytes += bytes;
        }
    }
    Ok(removed)
}

/// The files of this program in a folder, with their bytes and when they were changed.
fn own(folder: &Path) -> Result<Vec<(PathBuf, u64, SystemTime)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut own = Vec::new();
    for name in files::entries(folder)? {
        let ours = name.ends_with(SUFFIX) || name.ends_with(".json") || files::is_beside(&name);
        let path = folder.join(name);
        if ours && let Ok(about) = fs::metadata(&path) {
            own.push((path, about.len(), about.modified().unwrap_or(UNIX_EPOCH)));
        }
    }
    Ok(own)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
