//! From wheels to a libtorch, in the staging folder.

use super::archive::{Archive, Entry, Failure};
use super::progress::Progress;
use super::staging::Staging;
use super::wheels::{UNPACKED_BYTES, Wheel};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::path::Path;

/// One line that stands for the library torch-sys links: PyTorch's own `libtorch.so` asks for the CUDA half as well.
const LINKER_SCRIPT: &str = "INPUT(-ltorch_cpu -lc10)\n";

/// Gets the wheels that are not there yet, and unpacks what libtorch needs of them.
pub(super) fn assemble(
    staging: &Staging,
    wheels: &[Wheel],
    fetch: &mut dyn FnMut(&Wheel) -> Result<()>,
) -> Result<()> {
    let missing: Vec<&Wheel> = wheels.iter().filter(|wheel| !staging.has(wheel)).collect();
    if !missing.is_empty() {
        let bytes: u64 = missing.iter().map(|wheel| wheel.bytes).sum();
        let (download, disk) = (bytes.div_ceil(1_000_000), UNPACKED_BYTES / 1_000_000);
        eprintln!(
            "libtorch {}: {download} MB to download; {disk} MB stay on the disk",
            super::VERSION
        );
    }
    missing.into_iter().try_for_each(&mut *fetch)?;

    let tree = staging.tree();
    for wheel in wheels {
        let path = staging.wheel(wheel);
        let unpacked = match unpack(wheel, &path, &tree) {
            Err(Failure::Damaged(why)) => {
                eprintln!("the wheel of {} is damaged ({why}): getting it again", wheel.package);
                fs::remove_file(&path)
                    .map_err(|e| Error::file(format!("remove {}", path.display()), &e))?;
                fetch(wheel)?;
                unpack(wheel, &path, &tree)
            }
            other => other,
        };
        unpacked.map_err(|failure| give_up(wheel, &tree, failure))?;
    }
    let write = |name: &str, text: &str| {
        fs::write(tree.join(name), text)
            .map_err(|e| Error::file(format!("write {}", tree.join(name).display()), &e))
    };
    write("lib/libtorch.so", LINKER_SCRIPT)?;
    write("build-version", &format!("{}\n", super::VERSION))
}

fn unpack(wheel: &Wheel, path: &Path, tree: &Path) -> Result<(), Failure> {
    let archive = Archive::open(path)?;
    let taken: Vec<(&Entry, String)> = archive
        .entries
        .iter()
        .filter_map(|entry| Some((entry, wheel.destination(&entry.name)?)))
        .collect();
    for (from, to) in wheel.take {
        if !taken.iter().any(|(_, destination)| destination.starts_with(to)) {
            return Err(Failure::Damaged(format!("it has no {from}")));
        }
    }
    let total = taken.iter().map(|(entry, _)| entry.bytes).sum();
    let mut progress = Progress::new(format!("unpacked {}", wheel.package), total);
    let mut done = 0;
    for (entry, destination) in taken {
        let path = tree.join(destination);
        let folder = path.parent().unwrap_or(tree);
        fs::create_dir_all(folder).map_err(Failure::Write)?;
        let mut file = File::create(&path).map_err(Failure::Write)?;
        archive.extract(entry, &mut file, &mut |bytes| {
            done += bytes;
            progress.at(done);
        })?;
    }
    progress.finish();
    Ok(())
}

fn give_up(wheel: &Wheel, tree: &Path, failure: Failure) -> Error {
    match failure {
        Failure::Write(cause) => {
            Error::file(format!("unpack {} to {}", wheel.package, tree.display()), &cause)
        }
        Failure::Damaged(why) => Error::new(
            format!(
                "the wheel of {} is damaged, also after getting it again: {why}",
                wheel.package
            ),
            "Something between here and the package index, such as a proxy, may change or cut large files.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::archive::tests::zip;

    const SMALL: &[Wheel] = &[
        wheel("first", "first-1-any.whl", &[("lib/one.so", "lib/one.so")]),
        wheel("second", "second-1-any.whl", &[("two/include/", "include/")]),
    ];

    const fn wheel(
        package: &'static str,
        file: &'static str,
        take: &'static [(&'static str, &'static str)],
    ) -> Wheel {
        Wheel { package, version: "1", file, sha256: "", bytes: 100, platform: "any", take }
    }

    fn content(wheel: &Wheel) -> Vec<u8> {
        match wheel.package {
            "first" => zip(&[
                ("lib/one.so", b"one"),
                ("lib/unneeded.so", b"no"),
                ("first/__init__.py", b"no"),
            ]),
            _ => zip(&[("two/include/a.h", b"a"), ("two/include/deep/b.h", b"b")]),
        }
    }

    /// Assembles in `root` with a download that works, and tells which wheels were downloaded.
    fn assemble_in(root: &Path) -> Vec<&'static str> {
        let staging = Staging::open(root).unwrap();
        staging.clear_partial().unwrap();
        let mut fetched = Vec::new();
        assemble(&staging, SMALL, &mut |wheel| {
            fetched.push(wheel.package);
            fs::write(staging.wheel(wheel), content(wheel)).unwrap();
            Ok(())
        })
        .unwrap();
        fetched
    }

    #[track_caller]
    fn check_tree(root: &Path) {
        let tree = Staging::open(root).unwrap().tree();
        for (file, text) in [
            ("lib/one.so", "one"),
            ("include/a.h", "a"),
            ("include/deep/b.h", "b"),
            ("lib/libtorch.so", LINKER_SCRIPT),
            ("build-version", "2.13.0\n"),
        ] {
            assert_eq!(fs::read_to_string(tree.join(file)).unwrap(), text, "{file}");
        }
        assert!(!tree.join("lib/unneeded.so").exists() && !tree.join("first").exists());
    }

    #[test]
    fn everything_is_fetched_once_and_only_what_is_needed_is_unpacked() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(assemble_in(root.path()), ["first", "second"]);
        check_tree(root.path());
    }

    #[test]
    fn a_run_stopped_in_the_download_keeps_the_wheels_it_has() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(root.path()).unwrap();
        let stopped = assemble(&staging, SMALL, &mut |wheel| match wheel.package {
            "first" => fs::write(staging.wheel(wheel), content(wheel))
                .map_err(|e| Error::file("write", &e)),
            _ => Err(Error::new("the line went dead", "")),
        });
        assert!(stopped.unwrap_err().to_string().contains("dead"));
        drop(staging);
        assert_eq!(assemble_in(root.path()), ["second"]);
        check_tree(root.path());
    }

    #[test]
    fn a_run_stopped_while_unpacking_needs_no_download_and_trusts_no_half_tree() {
        let root = tempfile::tempdir().unwrap();
        assemble_in(root.path());
        let tree = Staging::open(root.path()).unwrap().tree();
        fs::write(tree.join("lib/one.so"), "on").unwrap();
        fs::write(tree.join("lib/unneeded.so"), "of another version").unwrap();
        assert_eq!(assemble_in(root.path()), [""; 0]);
        check_tree(root.path());
    }

    #[test]
    fn a_truncated_wheel_is_fetched_again() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(root.path()).unwrap();
        for wheel in SMALL {
            let whole = content(wheel);
            fs::write(staging.wheel(wheel), &whole[..whole.len() / 2]).unwrap();
        }
        drop(staging);
        assert_eq!(assemble_in(root.path()), ["first", "second"]);
        check_tree(root.path());
    }

    #[test]
    fn a_wheel_that_stays_damaged_is_an_error_after_the_second_try() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(root.path()).unwrap();
        let mut tries = 0;
        let error = assemble(&staging, SMALL, &mut |wheel| {
            tries += 1;
            fs::write(staging.wheel(wheel), b"<html>").map_err(|e| Error::file("write", &e))
        })
        .unwrap_err();
        // Both are fetched at first, and the first one to be unpacked once more.
        assert_eq!(tries, 3);
        assert!(error.to_string().contains("first is damaged, also after"), "{error}");
    }
}
