//! Decoded images, kept between runs and shared by all that run at the same time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::{Header, Key, SUFFIX};
use crate::error::{Code, Error, Place, Problem, Result};
use crate::files;
use crate::volume::Volume;

/// Other processes write, too: after so many files of ours the folder is looked at again.
const LOOK_AGAIN: usize = 16;

/// What a write left that was not finished by then, nobody is writing any more.
pub(super) const LEFT_ALONE: Duration = Duration::from_secs(3600);

/// What is written now may have a time that lies so long ago: clocks of file systems tick slowly.
const TICK: Duration = Duration::from_secs(2);

/// A folder of decoded images, each in a file that is never changed: it appears whole, and goes whole.
/// Whoever finds one damaged removes it.
#[derive(Debug)]
pub struct Volumes {
    folder: PathBuf,
    bound: u64,
    /// Files that were used since then are not removed: what a run needs again and again is not
    /// exchanged against what it needs again and again, too.
    began: SystemTime,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bytes: u64,
    /// Of files that are being written, which the folder may not show yet.
    pending: u64,
    /// How many files may still be written before the folder is looked at again.
    left: usize,
    /// Whether nothing is written any more.
    off: bool,
    /// Why that is so, or why an image was not kept.
    warning: Option<Problem>,
}

/// A file of the folder.
struct Held {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Volumes {
    /// Those in the folder `volumes` of a cache folder, which hold `bound` bytes at most.
    pub fn new(cache: &Path, bound: u64) -> Self {
        let state = State { bytes: 0, pending: 0, left: 0, off: false, warning: None };
        let now = SystemTime::now();
        let began = now.checked_sub(TICK).unwrap_or(now);
        Self { folder: folder(cache), bound, began, state: Mutex::new(state) }
    }

    /// Why images are not kept, once one is not.
    pub(crate) fn warning(&self) -> Option<Problem> {
        self.lock().warning.clone()
    }

    /// The image with this key, if it is there and whole.
    pub(crate) fn get(&self, key: &Key) -> Option<Volume> {
        let path = self.folder.join(key.name());
        let file = File::open(&path).ok()?;
        let volume = Header::open(&file, key);
        match volume {
            // Its age says when it was last used; another user's file keeps its own.
            Some(_) => drop(file.set_modified(SystemTime::now())),
            None => drop(fs::remove_file(&path)),
        }
        volume
    }

    /// Keeps an image that was decoded from `source`, if there is room; says whether it is there now.
    pub(crate) fn put(&self, key: Key, source: &Path, volume: &Volume) -> bool {
        let path = self.folder.join(key.name());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = Header::new(key, source, now.as_secs(), volume);
        let written = header.size(volume.voxels.len()).and_then(|size| {
            if !self.make_room(size)? {
                return Ok(false);
            }
            let done = files::write_quickly(&path, |out| header.write(out, &volume.voxels));
            self.lock().pending -= size;
            done.map(|()| true)
        });
        match written {
            Ok(written) => {
                if written && cfg!(unix) {
                    // So that nobody changes by accident what others have mapped.
                    let _ = fs::metadata(&path).and_then(|about| {
                        let mut permissions = about.permissions();
                        permissions.set_readonly(true);
                        fs::set_permissions(&path, permissions)
                    });
                }
                written
            }
            // Somebody emptied the cache meanwhile.
            Err(error) if error.code() == Code::FileNotFound => false,
            Err(error) => {
                let mut state = self.lock();
                state.off = true;
                state.warn(&error);
                false
            }
        }
    }

    /// Whether so many bytes more may be written, for which the files that were used last before this
    /// run may have had to go.
    fn make_room(&self, bytes: u64) -> Result<bool> {
        let mut state = self.lock();
        if state.off {
            return Ok(false);
        }
        if bytes > self.bound {
            // Smaller ones may fit.
            state.warn(&self.full("an image is larger than all that may be kept"));
            return Ok(false);
        }
        fs::create_dir_all(&self.folder)
            .map_err(|error| Error::io(&self.folder, "make the folder", &error))?;
        if state.left == 0 || state.bytes + bytes > self.bound {
            let mut held = held(&self.folder)?;
            held.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
            state.bytes = state.pending + held.iter().map(|file| file.bytes).sum::<u64>();
            state.left = LOOK_AGAIN;
            held.retain(|file| file.used < self.began);
            // Nothing goes where that would not make room enough.
            let unneeded: u64 = held.iter().map(|file| file.bytes).sum();
            if state.bytes - unneeded + bytes > self.bound {
                return Err(self.full("all that may be kept is needed now"));
            }
            for file in held {
                if state.bytes + bytes <= self.bound {
                    break;
                }
                files::remove(&file.path)?;
                state.bytes -= file.bytes;
            }
        }
        state.left -= 1;
        state.bytes += bytes;
        state.pending += bytes;
        Ok(true)
    }

    fn full(&self, why: &str) -> Error {
        let message = format!("{:.1} GB: {why}", self.bound as f64 / 1e9);
        Error::new(Code::DiskFull, message)
            .at(Place::File(self.folder.clone()))
            .help("allow more with cache_gb; the other images are decoded in every run")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps the first of several reasons.
    fn warn(&mut self, error: &Error) {
        self.warning.get_or_insert_with(|| error.problems()[0].clone());
    }
}

/// Where the images lie in a cache folder.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join("volumes")
}

/// The files in the folder without those that this process is writing; what killed processes left half
/// written long ago is removed.
fn held(folder: &Path) -> Result<Vec<Held>> {
    let own = format!(".neurhai-{}-", std::process::id());
    let mut all = Vec::new();
    for name in files::entries(folder)? {
        let path = folder.join(&name);
        let beside = files::is_beside(&name);
        if !beside && !name.ends_with(SUFFIX) {
            continue;
        }
        // Another process may have removed it just now.
        let Ok(about) = fs::metadata(&path) else { continue };
        let used = about.modified().unwrap_or(UNIX_EPOCH);
        if beside && used.elapsed().is_ok_and(|age| age > LEFT_ALONE) {
            files::remove(&path)?;
            continue;
        }
        if beside && name.starts_with(&own) {
            continue;
        }
        all.push(Held { path, bytes: about.len(), used });
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
