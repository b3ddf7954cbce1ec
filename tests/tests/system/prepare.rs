//! `host prepare`: tensors on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::force::{Small, send, until, wait};
use crate::{Place, copy, files, host, python, said};

fn prepare(place: &Place, words: &str) -> Output {
    host(place.path()).arg("prepare").args(words.split_whitespace()).output().unwrap()
}

/// The tensors below `data/caps`, and the JSON files, with what is in them.
fn written(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    let caps = place.path().join("data/caps");
    let kept = |file: &PathBuf| {
        let name = file.to_string_lossy();
        let json = name.contains("/tensor_extraction/") && name.ends_with(".json");
        json || name.ends_with(".pt") || name.ends_with(".safetensors")
    };
    let below = |file: PathBuf| file.strip_prefix(&caps).unwrap().to_path_buf();
    let found = files(&caps).into_iter().filter(kept);
    found.map(|file| (below(file.clone()), fs::read(&file).unwrap())).collect()
}

const SLICES: &str = "slice data/caps --slice-direction axial --slice-mode single";

#[test]
fn what_there_is_to_do_is_said_and_done_once() {
    let place = Place::new();
    let output = prepare(&place, "patch data/caps --patch-size 10 --stride-size 8");
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("12 images of 8 parts: 96 files to write ("), "{text}");
    assert!(text.contains(" that are free)"), "{text}");
    assert!(text.contains("96 files written, described in data/caps/tensor_extraction/patch.json"));
    let before = written(&place);
    assert_eq!(before.len(), 97);
    let again = prepare(&place, "patch data/caps --patch-size 10 --stride-size 8");
    assert!(said(&again).contains("all are finished, nothing to write"), "{}", said(&again));
    let other = prepare(&place, "patch data/caps --patch-size 9 --stride-size 8");
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("E0316") && said(&other).contains("patch_size is 10 there"));
    assert!(written(&place) == before);
    let large = prepare(&place, "patch data/caps --patch-size 99 --name large");
    assert_eq!(large.status.code(), Some(2), "{}", said(&large));
    assert!(said(&large).contains("do not fit into images"), "{}", said(&large));
    let safe = "image data/caps --format safetensors --table data/splits/train.tsv --name safe";
    let output = prepare(&place, safe);
    assert!(output.status.success(), "{}", said(&output));
    // What is left of a writer that was killed is removed.
    assert!(!files(place.path()).iter().any(|file| file.to_string_lossy().contains(".neurhai-")));
}

#[test]
fn a_missing_image_is_told_before_anything_is_written() {
    let place = Place::new();
    fs::remove_file(&place.images()[3]).unwrap();
    let output = prepare(&place, "image data/caps");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("E0306"), "{}", said(&output));
    assert!(written(&place).is_empty());
    for (words, part) in [
        ("image data/caps --preprocessing t1-liner", "t1-linear"),
        ("image data/caps --tracer 18FFDG", "--tracer says nothing of images of t1-linear"),
        ("patches data/caps", "patch"),
    ] {
        let wrong = prepare(&place, words);
        assert_eq!(wrong.status.code(), Some(2), "{words}: {}", said(&wrong));
        assert!(said(&wrong).contains(part), "{words}: {}", said(&wrong));
    }
    assert!(written(&place).is_empty());
}

#[test]
fn too_small_a_disk_is_told_before_anything_is_written() {
    let place = Place::new();
    let Some(_small) = Small::mount(&place, 3) else { return };
    let caps = place.path().join("small/caps");
    copy(&place.path().join("data/caps"), &caps);
    let before = files(&caps).len();
    let output = prepare(&place, "patch small/caps --patch-size 10 --stride-size 2");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(
        text.contains("E0303") && text.contains("2520 files of tensors take 25.6 MB"),
        "{text}"
    );
    assert_eq!(files(&caps).len(), before);
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let whole = Place::new();
    assert!(prepare(&whole, SLICES).status.success());
    let expected = written(&whole);
    assert_eq!(expected.len(), 12 * 18 + 1);
    let place = Place::new();
    let start = || {
        let mut command = host(place.path());
        command.arg("prepare").args(SLICES.split_whitespace()).args(["--threads", "1"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut killed = 0;
    for trial in 0..12u64 {
        let before = written(&place).len();
        let mut child = start();
        // A moment that differs from trial to trial, within a few files.
        if until(&mut child, || written(&place).len() > before) {
            sleep(Duration::from_micros(trial * 7919 % 13_000));
            killed += usize::from(child.try_wait().unwrap().is_none());
        }
        // One that has ended cannot be killed.
        let _ = child.kill();
        child.wait().unwrap();
        for (file, bytes) in written(&place) {
            let whole = expected.iter().find(|(known, _)| *known == file);
            assert!(whole.is_some_and(|(_, known)| *known == bytes), "{}", file.display());
        }
    }
    assert!(killed > 0, "it was never killed while it wrote");
    let output = prepare(&place, SLICES);
    assert!(output.status.success(), "{}", said(&output));
    assert!(written(&place) == expected);
    assert!(!files(place.path()).iter().any(|file| file.to_string_lossy().contains(".neurhai-")));
}

#[test]
fn ctrl_c_ends_it_between_files_and_the_same_command_goes_on() {
    let place = Place::new();
    let mut command = host(place.path());
    command.arg("prepare").args(SLICES.split_whitespace()).args(["--threads", "1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = || written(&place).len();
    wait(&mut child, || first() > 0);
    send(child.id(), &["INT"]);
    let output = child.wait_with_output().unwrap();
    let (code, text) = (output.status.code(), said(&output));
    // A quick machine may have finished by then.
    if code != Some(0) {
        assert_eq!(code, Some(130), "{text}");
        assert!(text.contains("of 12 images were prepared"), "{text}");
        assert!(text.contains("the same command goes on"), "{text}");
    }
    assert!(prepare(&place, SLICES).status.success());
    assert_eq!(first(), 12 * 18 + 1);
}

#[test]
fn pytorch_loads_the_tensors() {
    let Some(python) = python(&["torch"]) else { return };
    let place = Place::new();
    for words in ["image data/caps", SLICES] {
        assert!(prepare(&place, words).status.success(), "{words}");
    }
    let tensors = written(&place).into_iter().map(|(file, _)| Path::new("data/caps").join(file));
    let tensors = tensors.filter(|file| file.extension().is_some_and(|kind| kind == "pt"));
    // The slices of a session are those of its image.
    let program = "import sys, pathlib, torch\n\
        images = 0\n\
        for file in map(pathlib.Path, sys.argv[1:]):\n\
        \x20   tensor = torch.load(file, weights_only=True)\n\
        \x20   assert tensor.dtype == torch.float32 and tensor.shape[0] == 1\n\
        \x20   if 'image_based' in file.parts:\n\
        \x20       images += 1\n\
        \x20       assert tensor.shape == (1, 20, 22, 18)\n\
        \x20       slices = file.parents[2] / 'slice_based' / file.parent.name\n\
        \x20       for i in range(18):\n\
        \x20           name = file.name.replace('_T1w', f'_axis-axi_channel-single_slice-{i}_T1w')\n\
        \x20           assert torch.equal(torch.load(slices / name, weights_only=True), tensor[..., i])\n\
        assert images == 12\n";
    let mut command = Command::new(python);
    command.args(["-c", program]).args(tensors).current_dir(place.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
