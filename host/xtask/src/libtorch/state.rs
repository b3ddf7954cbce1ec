//! What a folder with a libtorch in it is worth.

use super::VERSION;
use std::fs;
use std::path::Path;

/// The folder below which torch-sys looks for libtorch's C++ interface.
pub(super) const HEADERS: &str = "include/torch/csrc/api/include";

/// Without these nothing builds or starts. The names are the same in PyTorch's own zip of libtorch.
const NEEDED: &[&str] = &["lib/libtorch.so", "lib/libtorch_cpu.so", "lib/libc10.so", HEADERS];

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Absent,
    Unusable(String),
}

/// The state of `.libtorch`: it has to say its version, because it was made by us.
pub(super) fn of(folder: &Path) -> State {
    if fs::symlink_metadata(folder).is_err() {
        return State::Absent;
    }
    if !folder.is_dir() {
        return State::Unusable("it is not a folder".to_owned());
    }
    // An empty folder, such as a mount point, is a place to put one.
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        return State::Absent;
    }
    match version(folder) {
        None => State::Unusable("its file `build-version` is missing".to_owned()),
        Some(found) if !is_right(&found) => State::Unusable(wrong_version(&found)),
        Some(_) => match missing(folder) {
            Some(file) => State::Unusable(format!("its `{file}` is missing")),
            None => State::Ready,
        },
    }
}

/// The content of `build-version`, which PyTorch's own zip of libtorch has as well.
pub(super) fn version(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("build-version")).ok()?;
    Some(text.trim().to_owned())
}

/// Whether it is the needed version; what follows a `+` only names the build, as in `2.13.0+cpu`.
pub(super) fn is_right(version: &str) -> bool {
    version.split('+').next() == Some(VERSION)
}

pub(super) fn wrong_version(found: &str) -> String {
    format!("it is version {found}, and Neurhai needs {VERSION} exactly")
}

pub(super) fn missing(folder: &Path) -> Option<&'static str> {
    NEEDED.iter().find(|file| !folder.join(file).exists()).copied()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder with the needed files, all of them empty.
    pub(crate) fn make(folder: &Path, version: Option<&str>) {
        for file in NEEDED {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        if let Some(version) = version {
            fs::write(folder.join("build-version"), format!("{version}\n")).unwrap();
        }
    }

    #[track_caller]
    fn check(version: Option<&str>, spoil: fn(&Path), expected: Result<(), &str>) {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), version);
        spoil(folder.path());
        match (of(folder.path()), expected) {
            (State::Ready, Ok(())) => {}
            (State::Unusable(why), Err(part)) if why.contains(part) => {}
            (state, _) => panic!("{state:?}"),
        }
    }

    #[test]
    fn the_version_has_to_be_the_right_one() {
        check(Some("2.13.0"), |_| {}, Ok(()));
        check(Some("2.13.0+cpu"), |_| {}, Ok(()));
        check(Some("2.12.1"), |_| {}, Err("2.12.1"));
        check(Some("2.13.01"), |_| {}, Err("2.13.01"));
        check(Some(""), |_| {}, Err("version"));
        check(None, |_| {}, Err("build-version"));
    }

    #[test]
    fn a_libtorch_with_a_file_missing_is_not_ready() {
        check(
            Some("2.13.0"),
            |f| fs::remove_file(f.join("lib/libc10.so")).unwrap(),
            Err("lib/libc10.so"),
        );
    }

    #[test]
    fn nothing_and_an_empty_folder_are_absent_and_a_file_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of(folder.path()), State::Absent);
        assert_eq!(of(&folder.path().join("none")), State::Absent);
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(of(&folder.path().join("file")), State::Unusable(_)));
    }

    /// The version here and the version of tch in the workspace change together.
    #[test]
    fn the_version_is_the_one_tch_is_made_for() {
        let manifest = include_str!("../../../../Cargo.toml");
        assert!(
            manifest.contains("\ntorch-sys = \"=0.26.0\""),
            "tch has moved: look up the libtorch it expects"
        );
        assert_eq!(VERSION, "2.13.0");
    }
}
