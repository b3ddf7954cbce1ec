//! Whether a file is still the one that was read.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What a file system says about a file, without reading it: a file whose stamp is another one has
/// changed or been exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    size: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970 when its content was changed.
    modified: (i64, u32),
    /// The same of its content or what is said about it, which nobody can set back.
    changed: (i64, u32),
}

impl Stamp {
    /// The stamp of the file in `path`, links followed.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let about = fs::metadata(path)?;
        let modified = seconds(about.modified()?);
        let (inode, changed) = more(&about).unwrap_or((0, modified));
        Ok(Self { size: about.len(), inode, modified, changed })
    }

    /// Whether a change after this stamp was taken would show in the next one: clocks of file systems
    /// tick slowly, and a second change within a tick leaves no trace.
    pub(crate) fn settled(&self) -> bool {
        self.settled_at(SystemTime::now())
    }

    fn settled_at(&self, now: SystemTime) -> bool {
        let tick = match self.changed.1 {
            // Some file systems count whole seconds, FAT two of them.
            0 => Duration::from_secs(2),
            _ => Duration::from_millis(50),
        };
        let now = seconds(now);
        let age = (i128::from(now.0) - i128::from(self.changed.0)) * 1_000_000_000
            + i128::from(now.1)
            - i128::from(self.changed.1);
        age > tick.as_nanos() as i128
    }
}

#[cfg(unix)]
fn more(about: &Metadata) -> Option<(u64, (i64, u32))> {
    use std::os::unix::fs::MetadataExt;
    Some((about.ino(), (about.ctime(), u32::try_from(about.ctime_nsec()).ok()?)))
}

#[cfg(not(unix))]
fn more(_: &Metadata) -> Option<(u64, (i64, u32))> {
    None
}

fn seconds(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(before) => (-(before.duration().as_secs() as i64) - 1, 0),
    }
}

/// Waits until a change of the file would show.
#[cfg(test)]
pub(crate) fn settle(path: &Path) {
    let begun = SystemTime::now();
    while !Stamp::of(path).unwrap().settled() {
        assert!(begun.elapsed().unwrap() < Duration::from_secs(60), "{}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a clock of nanoseconds says for 50 ms, one of seconds for two of them.
    #[test]
    fn a_change_within_a_tick_would_not_show() {
        for (changed, tick) in [((100, 7), 50), ((100, 0), 2000)] {
            let stamp = Stamp { size: 3, inode: 1, modified: (100, 0), changed };
            let at = UNIX_EPOCH + Duration::new(100, changed.1);
            let last = at + Duration::from_millis(tick);
            let seen = [UNIX_EPOCH, at, last, last + Duration::from_nanos(1)]
                .map(|now| stamp.settled_at(now));
            assert_eq!(seen, [false, false, false, true], "{changed:?}");
        }
    }

    #[test]
    fn another_content_of_the_same_size_and_time_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let before = Stamp::of(&path).unwrap();
        assert_eq!(before, Stamp::of(&path).unwrap());
        settle(&path);
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let after = Stamp::of(&path).unwrap();
        assert_eq!((before.size, before.modified), (after.size, after.modified));
        if cfg!(unix) {
            assert_ne!(before, after);
        }
    }
}
