//! Whether there is room, said before anything is downloaded.

use super::staging::Staging;
use super::wheels::{UNPACKED_BYTES, WHEELS, Wheel};
use crate::error::{Error, Result};
use std::path::Path;

/// An error with figures where the disk under the repository is too full for what is still to be done.
pub(super) fn enough_for(staging: &Staging, root: &Path) -> Result<()> {
    let missing: Vec<&Wheel> = WHEELS.iter().filter(|wheel| !staging.has(wheel)).collect();
    // Where the system does not tell, trying is better than refusing.
    available(root).map_or(Ok(()), |available| judge(needed(&missing), available, root))
}

/// The machine goes on writing elsewhere meanwhile, and a disk needs some room for its own lists of files.
const MARGIN_BYTES: u64 = 50_000_000;

/// The bytes taken at the fullest moment: while pip copies the largest wheel out of its own temporary folder,
/// or while everything is unpacked beside the wheels.
fn needed(missing: &[&Wheel]) -> u64 {
    let wheels: u64 = missing.iter().map(|wheel| wheel.bytes).sum();
    let copy = missing.iter().map(|wheel| wheel.bytes).max().unwrap_or(0);
    wheels + copy.max(UNPACKED_BYTES) + MARGIN_BYTES
}

fn judge(needed: u64, available: u64, root: &Path) -> Result<()> {
    if needed <= available {
        return Ok(());
    }
    let what = format!(
        "setting up libtorch takes {} in {} ({} of it afterwards), and {} are free",
        megabytes(needed),
        root.display(),
        megabytes(UNPACKED_BYTES),
        megabytes(available),
    );
    let remedy = format!(
        "Free {} more and run the same command again, or set LIBTORCH to a libtorch {} that lies elsewhere.",
        megabytes(needed - available),
        super::VERSION,
    );
    Err(Error::new(what, remedy))
}

/// Rounded up, so that nobody frees a little too little.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

#[cfg(unix)]
fn available(folder: &Path) -> Option<u64> {
    let figures = rustix::fs::statvfs(folder).ok()?;
    Some(figures.f_bavail * figures.f_frsize)
}

#[cfg(not(unix))]
fn available(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_moment_is_counted() {
        let all: Vec<&Wheel> = WHEELS.iter().collect();
        let wheels: u64 = WHEELS.iter().map(|wheel| wheel.bytes).sum();
        assert_eq!(needed(&all), wheels + 526_574_961 + MARGIN_BYTES);
        assert_eq!(needed(&all[..2]), 2_243_632 + 10_715_597 + UNPACKED_BYTES + MARGIN_BYTES);
        assert_eq!(needed(&[]), UNPACKED_BYTES + MARGIN_BYTES);
    }

    #[test]
    fn too_little_room_is_said_with_the_figures_and_a_remedy() {
        let judge = |available| judge(1_066_000_000, available, Path::new("/repository"));
        assert!(judge(1_066_000_000).is_ok());
        let error = judge(99_999_999).unwrap_err().to_string();
        for part in [
            "1066 MB in /repository",
            "510 MB of it afterwards",
            "100 MB are free",
            "Free 967 MB more",
            "LIBTORCH",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_system_tells_how_much_is_free() {
        assert!(available(Path::new("/")).is_some());
        assert_eq!(available(Path::new("/does/not/exist")), None);
    }
}
