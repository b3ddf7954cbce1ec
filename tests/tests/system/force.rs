//! Promises proved by force: killed while saving, a full disk, two writers, Ctrl-C.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Place, files, host, said};

/// A training of many short epochs, so that it saves all the time.
fn long() -> String {
    super::TRAIN.replace("epochs: 2", "epochs: 400, patience: 0")
}

/// Everything in an experiment folder can be read whole: weights, checkpoint, tables, JSON.
#[track_caller]
fn assert_whole(maps: &Path) {
    for file in files(maps) {
        let name = file.display().to_string();
        let bytes = fs::read(&file).unwrap();
        if name.contains(".neurhai-") {
            continue; // The file that was being written; nobody reads it.
        } else if name.ends_with(".safetensors") {
            safetensors::SafeTensors::deserialize(&bytes)
                .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        } else if name.ends_with(".json") {
            serde_json::from_slice::<serde_json::Value>(&bytes)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        } else if name.ends_with(".tsv") {
            neurhai_core::data::table::Table::read(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

/// Starts the script without listening to it.
fn start(place: &Place) -> Child {
    let mut command = host(place.path());
    command.args(["run", "script.rhai"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn killed_at_any_moment_every_file_is_whole() {
    let place = Place::new();
    place.script(&long());
    let maps = place.path().join("maps");
    let checkpoint = maps.join("split-0/tmp/checkpoint.safetensors");
    for trial in 0..12u64 {
        let _ = fs::remove_dir_all(&maps);
        let mut child = start(&place);
        let begun = Instant::now();
        while !checkpoint.exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "no checkpoint after a minute");
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            sleep(Duration::from_millis(2));
        }
        // A moment that differs from trial to trial, within a few epochs.
        sleep(Duration::from_micros(trial * 7919 % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(checkpoint.exists(), "the previous checkpoint is there");
        assert_whole(&maps);
    }
}

/// Everything that says what was learned, not when or where.
fn learned(maps: &Path) -> Vec<(String, Vec<u8>)> {
    let apart = ["information.log", ".lock", "maps.json"];
    let name = |file: &std::path::PathBuf| file.strip_prefix(maps).unwrap().display().to_string();
    let mut all: Vec<(String, Vec<u8>)> = files(maps)
        .iter()
        .filter(|file| !apart.contains(&name(file).as_str()))
        .filter(|file| !file.display().to_string().contains(".neurhai-"))
        .map(|file| (name(file), fs::read(file).unwrap()))
        .collect();
    all.sort();
    all
}

/// Killed at twenty moments, and gone on with, an experiment ends with the bytes of one that ran
/// through.
#[test]
fn killed_and_resumed_it_ends_as_if_it_had_run_through() {
    let place = Place::new();
    let script = super::TRAIN.replace(
        "epochs: 2",
        "epochs: 25, patience: 0, evaluation_steps: 2, selection_metrics: [\"loss\", \"BA\"]",
    );
    assert!(place.run(&script).status.success());
    let maps = place.path().join("maps");
    let expected = learned(&maps);
    let mut kills = 0;
    for trial in 0..20u64 {
        fs::remove_dir_all(&maps).unwrap();
        let mut child = start(&place);
        let begun = Instant::now();
        while !maps.join("split-0/tmp").is_dir() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing was begun");
            sleep(Duration::from_millis(2));
        }
        // From the first step to the last tables, whatever the machine's speed.
        sleep(Duration::from_micros(trial * 104_729 % 500_000));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u64::from(maps.join("split-0/tmp").is_dir());
        let output = host(place.path()).args(["resume", "maps"]).output().unwrap();
        assert!(output.status.success(), "{trial}: {}", said(&output));
        let found = learned(&maps);
        for ((name, found), (other, expected)) in found.iter().zip(&expected) {
            assert_eq!(name, other, "{trial}");
            assert!(found == expected, "{name} differs in trial {trial}");
        }
        assert_eq!(found.len(), expected.len());
    }
    assert!(kills >= 5, "only {kills} of 20 were killed before the end");
}

#[test]
fn an_interrupt_saves_and_ends_with_130() {
    let place = Place::new();
    place.script(&long());
    let child = host(place.path())
        .args(["run", "script.rhai"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let training = place.path().join("maps/split-0/training_logs/training.tsv");
    let begun = Instant::now();
    while !training.exists() && begun.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(5));
    }
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("saved in"), "{}", said(&output));
    assert!(place.path().join("maps/split-0/tmp/checkpoint.safetensors").exists());
    assert_whole(&place.path().join("maps"));
}

#[test]
fn a_second_writer_is_kept_out() {
    let place = Place::new();
    place.script(&long());
    let mut first = start(&place);
    let begun = Instant::now();
    while !place.path().join("maps/maps.json").exists() && begun.elapsed() < Duration::from_secs(60)
    {
        sleep(Duration::from_millis(5));
    }
    let second = host(place.path()).args(["run", "script.rhai"]).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = said(&second);
    assert!(said.contains("E0601") || said.contains("E0602"), "{said}");
    assert_whole(&place.path().join("maps"));
}

/// A file system of 3 MB: the run ends with an error that says so, and what was saved is whole.
#[test]
fn a_full_disk_is_told_and_leaves_whole_files() {
    let place = Place::new();
    let maps = place.path().join("small");
    fs::create_dir(&maps).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(&maps)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return; // Only root may mount.
    }
    let script = super::TRAIN
        .replace("output: \"maps\"", "output: \"small/maps\"")
        .replace("linear(p.outputs)", "linear(400), relu(), linear(p.outputs)");
    let output = place.run(&script);
    let whole = std::panic::catch_unwind(|| assert_whole(&maps));
    Command::new("umount").arg(&maps).status().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("E0303"), "{}", said(&output));
    assert!(whole.is_ok());
}
