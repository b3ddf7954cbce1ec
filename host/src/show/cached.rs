//! What the cache holds.

use std::collections::BTreeMap;
use std::fmt::Write;

use neurhai_core::cache::{Contents, Removed};

use super::{bytes, columns, duration};

/// A line for each CAPS, and the sums.
pub fn cached(contents: &Contents) -> String {
    let mut groups: BTreeMap<&str, (usize, u64, u64, u64)> = BTreeMap::new();
    for kept in &contents.volumes {
        let group = groups.entry(belongs_to(&kept.source)).or_insert((0, 0, 0, u64::MAX));
        group.0 += 1;
        group.1 += kept.bytes;
        group.2 = group.2.max(kept.age_seconds);
        group.3 = group.3.min(kept.unused_seconds);
    }
    let ago = |seconds: u64| format!("{} ago", duration(seconds as f64));
    let mut rows =
        vec![["images of", "number", "size", "made", "last used"].map(String::from).to_vec()];
    rows.extend(groups.into_iter().map(|(of, (n, size, age, unused))| {
        vec![of.into(), n.to_string(), bytes(size), ago(age), ago(unused)]
    }));
    let mut out = format!("{}\n", contents.folder.display());
    if rows.len() > 1 {
        out += &columns(&rows, 1);
    }
    let all: u64 = contents.volumes.iter().map(|kept| kept.bytes).sum();
    let _ = write!(
        out,
        "{} decoded images, {}; {} checked images, {}",
        contents.volumes.len(),
        bytes(all),
        contents.checks,
        bytes(contents.check_bytes)
    );
    out
}

/// The CAPS that an image is of; else its folder.
fn belongs_to(source: &str) -> &str {
    let caps = source.rfind("/subjects/").map(|at| &source[..at]);
    match caps.or_else(|| Some(source.rsplit_once('/')?.0)) {
        Some("") | None if source.is_empty() => "(not readable)",
        Some(folder) => folder,
        None => ".",
    }
}

/// What was removed.
pub fn removed(removed: &Removed) -> String {
    format!("removed {} files, {}", removed.files, bytes(removed.bytes))
}

#[cfg(test)]
mod tests {
    use neurhai_core::cache::Kept;

    use super::*;

    #[test]
    fn images_of_one_caps_are_one_line() {
        let kept = |source: &str, bytes, unused_seconds| Kept {
            source: source.into(),
            source_blake3: String::new(),
            done: "decoded".into(),
            file: "f".into(),
            bytes,
            age_seconds: 7300,
            unused_seconds,
        };
        let volumes = vec![
            kept("/data/caps/subjects/sub-1/ses-1/a.nii.gz", 1_000_000, 300),
            kept("/data/caps/subjects/sub-2/ses-1/a.nii.gz", 500_000, 20),
            kept("", 10, 30),
        ];
        let contents = Contents { folder: "/cache".into(), volumes, checks: 2, check_bytes: 900 };
        assert_eq!(
            cached(&contents),
            "/cache\n\
             images of       number     size            made  last used\n\
             (not readable)       1     10 B  2 h 01 min ago   30 s ago\n\
             /data/caps           2  1.50 MB  2 h 01 min ago   20 s ago\n\
             3 decoded images, 1.50 MB; 2 checked images, 900 B"
        );
    }
}
