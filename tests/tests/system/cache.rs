//! Decoded images on disk: the same results, whatever happens to them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use neurhai_core::data::phantom::{PhantomOptions, generate};
use serde_json::Value;

use crate::resume::learned;
use crate::{Place, copy, files, host, said};

fn script(place: &Place, file: &str, options: &str, output: &str) {
    let text = crate::TRAIN
        .replace("caps(\"data/caps\")", &format!("caps(\"data/caps\", #{{ {options} }})"))
        .replace("output: \"maps\"", &format!("output: \"{output}\""));
    std::fs::write(place.path().join(file), text).unwrap();
}

fn train(place: &Place, options: &str, output: &str) -> Output {
    script(place, "script.rhai", options, output);
    host(place.path()).args(["run", "script.rhai"]).output().unwrap()
}

#[track_caller]
fn trained(place: &Place, options: &str, output: &str) -> String {
    let done = train(place, options, output);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    said(&done)
}

#[track_caller]
fn same(place: &Place, a: &str, b: &str) {
    let [a, b] = [a, b].map(|name| learned(&place.path().join(name).join("split-0")));
    assert!(a.len() > 5, "{}", a.len());
    assert_eq!(a.len(), b.len());
    for (one, other) in a.iter().zip(&b) {
        assert!(one == other, "{} differs", one.0);
    }
}

fn kept(place: &Place) -> Vec<PathBuf> {
    let folder = place.path().join(".cache/neurhai/volumes");
    if folder.exists() { files(&folder) } else { Vec::new() }
}

#[test]
fn results_are_the_same_with_and_without_and_from_a_damaged_cache() {
    let place = Place::new();
    trained(&place, "", "plain");
    trained(&place, "cache: true", "first");
    assert_eq!(kept(&place).len(), 12);
    trained(&place, "cache: true, cache_mb: 0", "second");
    for name in ["first", "second"] {
        same(&place, "plain", name);
    }
    // Cut short, a bit the other way round, another image's content, nothing at all.
    let all = kept(&place);
    let overwrite = |file: &Path, bytes: &[u8]| {
        std::fs::remove_file(file).unwrap();
        std::fs::write(file, bytes).unwrap();
    };
    let whole = std::fs::read(&all[0]).unwrap();
    overwrite(&all[0], &whole[..whole.len() - 4]);
    let mut flipped = std::fs::read(&all[1]).unwrap();
    let last = flipped.len() - 9;
    flipped[last] ^= 1;
    overwrite(&all[1], &flipped);
    overwrite(&all[2], &whole);
    overwrite(&all[3], b"");
    trained(&place, "cache: true", "third");
    same(&place, "plain", "third");
    assert_eq!(std::fs::read(&all[1]).unwrap().len(), whole.len(), "it is made again");
    // An image that changes is another image.
    std::fs::copy(&place.images()[1], &place.images()[0]).unwrap();
    trained(&place, "cache: true", "changed");
    trained(&place, "", "changed-plain");
    same(&place, "changed", "changed-plain");
    // Only the images and what decoding asks for count.
    let listed = host(place.path()).args(["cache", "list", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let volumes = listed["volumes"].as_array().unwrap();
    assert_eq!(volumes.len(), 12);
    assert!(volumes.iter().all(|one| one["source"].as_str().unwrap().contains("sub-PHAN")));
    let shown = said(&host(place.path()).args(["cache", "list"]).output().unwrap());
    assert!(shown.contains("data/caps") && shown.contains("12 decoded images"), "{shown}");
    let cleared = said(&host(place.path()).args(["cache", "clear"]).output().unwrap());
    assert!(cleared.contains("removed 12 files"), "{cleared}");
    assert!(kept(&place).is_empty());
}

#[test]
fn a_cache_that_is_full_or_cannot_be_written_is_a_warning() {
    let place = Place::new();
    trained(&place, "", "plain");
    // Twelve images of 36 kB do not fit.
    let text = trained(&place, "cache: true, cache_gb: 0.0001", "small");
    assert!(text.contains("the cache takes no more images") && text.contains("cache_gb"), "{text}");
    let bytes: u64 = kept(&place).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes > 0 && bytes <= 100_000, "{bytes}");
    std::fs::write(place.path().join("file"), "no folder").unwrap();
    let text = trained(&place, "cache: \"file\"", "none");
    assert!(text.contains("the cache takes no more images"), "{text}");
    if let Some(_small) = Small::mount(place.path().join("full")) {
        let text = trained(&place, "cache: \"full\"", "full-disk");
        assert!(text.contains("E0303"), "{text}");
        same(&place, "plain", "full-disk");
    }
    for name in ["small", "none"] {
        same(&place, "plain", name);
    }
}

/// A file system of 200 kB, as long as this lives.
struct Small(PathBuf);

impl Small {
    /// Mounts one on `folder`, where that is allowed here.
    fn mount(folder: PathBuf) -> Option<Self> {
        std::fs::create_dir(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"]).arg(&folder).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().unwrap();
    }
}

/// A place with images so large that it takes a moment to write them.
fn large() -> Place {
    let place = Place::new();
    let data = place.path().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    let options = PhantomOptions {
        participants_per_class: 6,
        image_size: [64, 64, 64],
        ..PhantomOptions::default()
    };
    let made = generate(&place.path().join("made"), &options).unwrap();
    copy(&made.caps, &data.join("caps"));
    copy(&made.splits, &data.join("splits"));
    place
}

/// Whether a file of the cache is as it was written, by the hash in its front; one that was being written
/// has another name.
#[track_caller]
fn assert_whole(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    assert!(blake3::hash(&bytes[40..]).as_bytes()[..] == bytes[8..40], "{}", file.display());
}

#[test]
fn runs_that_share_it_and_are_killed_leave_it_whole() {
    let place = large();
    trained(&place, "", "plain");
    let (mut torn, mut checked) = (0, 0);
    // Until some were killed while they wrote.
    for round in 0..40 {
        if round >= 6 && torn > 0 {
            break;
        }
        let start = |name: &str| -> Child {
            let file = format!("{name}.rhai");
            script(&place, &file, "cache: true", &format!("{name}-{round}"));
            let mut command = host(place.path());
            command.args(["run", &file]).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let before = kept(&place);
        let mut both = [start("a"), start("b")];
        while kept(&place).iter().all(|file| before.contains(file)) {
            assert!(both[0].try_wait().unwrap().is_none(), "it wrote nothing");
        }
        for child in &mut both {
            // One that has ended cannot be killed.
            let _ = child.kill();
        }
        for child in &mut both {
            child.wait().unwrap();
        }
        let is_volume = |file: &&PathBuf| file.extension().is_some_and(|kind| kind == "volume");
        let after = kept(&place);
        torn += after.iter().filter(|file| !is_volume(file) && !before.contains(file)).count();
        for (i, file) in after.iter().filter(is_volume).enumerate() {
            assert_whole(file);
            checked += 1;
            // So that the next ones have something to write, half goes.
            if i % 2 == 0 {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
    assert!(
        torn > 0 && checked > 0,
        "{torn} were killed while they wrote, {checked} files are whole"
    );
    let mut both = ["c", "d"].map(|name| {
        script(&place, &format!("{name}.rhai"), "cache: true", name);
        host(place.path())
            .args(["run", &format!("{name}.rhai")])
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    });
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    same(&place, "plain", "c");
    same(&place, "plain", "d");
}
