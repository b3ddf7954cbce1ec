//! Memory of this machine, by the limit of a container or job where there is one.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What this process, or one more, could take.
    pub free: u64,
}

/// How much there is now; nothing where the system does not say, as Linux does in `/proc/meminfo` and
/// by control groups (<https://docs.kernel.org/admin-guide/cgroup-v2.html>).
pub fn memory() -> Option<Memory> {
    read(Path::new("/"))
}

/// Bytes that are free, or 4 GiB where the system does not say.
pub(crate) fn free() -> u64 {
    memory().map_or(4 << 30, |memory| memory.free)
}

/// What the files below `root` say.
fn read(root: &Path) -> Option<Memory> {
    let text = read_to_string(root.join("proc/meminfo")).ok()?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1 << 10)
    };
    let mut memory = Memory { total: bytes("MemTotal:")?, free: bytes("MemAvailable:")? };
    for (folder, files) in groups(root) {
        let Some((limit, used)) = files.read(&folder) else { continue };
        memory.total = memory.total.min(limit);
        memory.free = memory.free.min(limit.saturating_sub(used));
    }
    Some(memory)
}

/// The names of a control group's files: its limit, what is used, and of that, in its statistics, the
/// files that are cached and can be dropped.
struct Files([&'static str; 3]);

const SECOND: Files = Files(["memory.max", "memory.current", "inactive_file"]);
const FIRST: Files =
    Files(["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"]);

impl Files {
    /// The limit of a group and what of it is taken for good; nothing where it has none.
    fn read(&self, folder: &Path) -> Option<(u64, u64)> {
        let Self([limit, used, cached]) = self;
        let number =
            |name: &str| read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let statistics = read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cached = statistics.lines().find_map(|line| {
            line.strip_prefix(cached)?.strip_prefix(' ')?.trim().parse::<u64>().ok()
        });
        Some((number(limit)?, number(used)?.saturating_sub(cached.unwrap_or(0))))
    }
}

/// The control groups of memory that this process is in, of both versions, each with those above it.
fn groups(root: &Path) -> Vec<(PathBuf, &'static Files)> {
    let text = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kind), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (top, files) = match kind {
            "" => ("sys/fs/cgroup", &SECOND),
            kind if kind.split(',').any(|one| one == "memory") => ("sys/fs/cgroup/memory", &FIRST),
            _ => continue,
        };
        // In a container the path may be that outside of it, which is not there; its top is its own.
        let path = Path::new(path.trim_start_matches('/'));
        groups.extend(path.ancestors().map(|path| (root.join(top).join(path), files)));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    800 kB\n";

    /// Bytes in total and free by files with these contents.
    fn found(files: &[(&str, &str)]) -> Option<(u64, u64)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        read(folder.path()).map(|memory| (memory.total, memory.free))
    }

    #[test]
    fn without_limits_the_machine_counts() {
        assert_eq!(found(&[]), None);
        let machine = ("proc/meminfo", MEMINFO);
        assert_eq!(found(&[machine]), Some((1_024_000, 819_200)));
        let group = ("proc/self/cgroup", "0::/\n");
        let top = ("sys/fs/cgroup/memory.max", "max\n");
        assert_eq!(found(&[machine, group, top]), Some((1_024_000, 819_200)));
    }

    #[test]
    fn the_tightest_limit_counts_and_cached_files_do_not() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/job/step\n"),
            ("sys/fs/cgroup/job/step/memory.max", "max\n"),
            ("sys/fs/cgroup/job/step/memory.current", "1000\n"),
            ("sys/fs/cgroup/job/memory.max", "500000\n"),
            ("sys/fs/cgroup/job/memory.current", "450000\n"),
            ("sys/fs/cgroup/job/memory.stat", "anon 1\nfile 5\ninactive_file 400000\n"),
        ];
        assert_eq!(found(&files), Some((500_000, 450_000)));
    }

    #[test]
    fn the_first_version_has_other_names_and_a_container_may_hide_its_path() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/1234\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "300000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "250000\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 50000\n"),
        ];
        assert_eq!(found(&files), Some((300_000, 100_000)));
    }
}
