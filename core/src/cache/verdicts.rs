//! What was found out about single files, so that nobody has to read them again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Stamp;
use crate::files;

/// Counts up whenever what is found out about a file, or how it is written down, changes.
const VERSION: u32 = 1;

/// A folder with a small file for each file that was read; of no use to anybody once that has changed.
#[derive(Debug, Clone)]
pub struct Verdicts {
    folder: PathBuf,
    swept: Arc<Once>,
}

/// What was of no use for so long is removed.
const KEPT: Duration = Duration::from_secs(180 * 24 * 3600);

/// A use is noted no more often than this.
const NOTED: Duration = Duration::from_secs(24 * 3600);

impl Verdicts {
    /// Those in the folder `checks` of a cache folder, which need not be there.
    pub fn new(cache: &Path) -> Self {
        Self { folder: folder(cache), swept: Arc::new(Once::new()) }
    }

    /// What `find` finds out about the file in `path`, or found out before, and whether it was known.
    /// With `fresh` it is always asked. It says whether its answer is worth keeping: that the disk was
    /// not there is no property of a file.
    ///
    /// Where the folder cannot be written to, the file is read again next time.
    pub(crate) fn of<T: Serialize + DeserializeOwned>(
        &self,
        path: &Path,
        fresh: bool,
        find: impl FnOnce() -> (T, bool),
    ) -> (T, bool) {
        let stamp = Stamp::of(path).ok();
        let place = fs::canonicalize(path).ok();
        let (Some(stamp), Some(place)) = (stamp, place) else { return (find().0, false) };
        let kept = self.file(&place);
        if !fresh && let Some(known) = read(&kept, &stamp) {
            note_use(&kept);
            return (known, true);
        }
        let settled = stamp.settled();
        let (found, keep) = find();
        if keep && settled && Stamp::of(path).is_ok_and(|now| now == stamp) {
            self.write(&kept, &stamp, &place, &found);
        }
        (found, false)
    }

    fn file(&self, place: &Path) -> PathBuf {
        let name = blake3::hash(place.as_os_str().as_encoded_bytes()).to_hex();
        self.folder.join(format!("{name}.json"))
    }

    fn write<T: Serialize>(&self, kept: &Path, stamp: &Stamp, place: &Path, found: &T) {
        let place = place.to_string_lossy();
        let Ok(text) = serde_json::to_string(&(VERSION, stamp, place, found)) else { return };
        // Without it the file is read again: nothing is lost.
        let _ = fs::create_dir_all(&self.folder);
        self.swept.call_once(|| sweep(&self.folder));
        let _ = files::write_quickly(kept, |out| {
            writeln!(out, "{}", files::text_hash(&text))?;
            writeln!(out, "{text}")
        });
    }
}

fn age(file: &Path) -> Option<Duration> {
    fs::metadata(file).ok()?.modified().ok()?.elapsed().ok()
}

/// Says of a file that it is of use now.
fn note_use(kept: &Path) {
    if age(kept).is_some_and(|age| age > NOTED) {
        let file = fs::File::options().append(true).open(kept);
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// Removes what was of no use for long.
fn sweep(folder: &Path) {
    for name in files::entries(folder).unwrap_or_default() {
        let file = folder.join(&name);
        if name.ends_with(".json") && age(&file).is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Where they lie in a cache folder.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join("checks")
}

/// What was kept, if it is whole and about the file with this stamp.
fn read<T: DeserializeOwned>(kept: &Path, stamp: &Stamp) -> Option<T> {
    let text = fs::read_to_string(kept).ok()?;
    let (hash, text) = text.split_once('\n')?;
    let text = text.strip_suffix('\n')?;
    if files::text_hash(text) != hash {
        return None;
    }
    let (version, of, _, found): (u32, Stamp, String, T) = serde_json::from_str(text).ok()?;
    (version == VERSION && of == *stamp).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::stamp::settle;

    fn ask(verdicts: &Verdicts, path: &Path, fresh: bool) -> (String, bool) {
        verdicts.of(path, fresh, || (fs::read_to_string(path).unwrap(), true))
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = Verdicts::new(&folder.path().join("cache"));
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        settle(&path);
        assert_eq!(ask(&verdicts, &path, false), ("one".into(), false));
        assert_eq!(ask(&verdicts, &path, false), ("one".into(), true));
        assert_eq!(ask(&verdicts, &path, true), ("one".into(), false));
        fs::write(&path, "two").unwrap();
        assert_eq!(ask(&verdicts, &path, false), ("two".into(), false));
    }

    #[test]
    fn what_was_kept_is_not_believed_once_a_byte_of_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let verdicts = Verdicts::new(folder.path());
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        settle(&path);
        ask(&verdicts, &path, false);
        let kept = verdicts.file(&fs::canonicalize(&path).unwrap());
        let whole = fs::read(&kept).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&kept, &damaged).unwrap();
            assert!(read::<String>(&kept, &Stamp::of(&path).unwrap()).is_none(), "byte {at}");
            fs::write(&kept, &whole[..at]).unwrap();
            assert!(read::<String>(&kept, &Stamp::of(&path).unwrap()).is_none(), "cut at {at}");
        }
        fs::write(&kept, &whole).unwrap();
        assert_eq!(ask(&verdicts, &path, false), ("one".into(), true));
    }

    #[test]
    fn what_was_of_no_use_for_long_goes() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
        for path in &paths {
            fs::write(path, "one").unwrap();
        }
        paths.iter().for_each(|path| settle(path));
        let verdicts = Verdicts::new(&folder.path().join("cache"));
        let kept = |path: &Path| verdicts.file(&fs::canonicalize(path).unwrap());
        for path in &paths[..2] {
            ask(&verdicts, path, false);
            let old = SystemTime::now() - KEPT - Duration::from_secs(60);
            let file = fs::File::options().append(true).open(kept(path)).unwrap();
            file.set_modified(old).unwrap();
        }
        // Of use again.
        assert!(ask(&verdicts, &paths[0], false).1);
        ask(&Verdicts::new(&folder.path().join("cache")), &paths[2], false);
        let there = paths.each_ref().map(|path| kept(path).exists());
        assert_eq!(there, [true, false, true]);
    }
}
