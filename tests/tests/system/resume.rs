//! A run that was killed or asked to stop ends, once it went on, as one that ran through.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use neurhai_core::data::phantom::{PhantomOptions, generate};
use neurhai_core::random::Random;
use neurhai_core::train::reached;

use crate::force::{assert_whole, send, start, until, wait};
use crate::{PROGRAM, Place, at_home, files, host, said};

/// Everything that says what was learned, not when or where.
pub(crate) fn learned(maps: &Path) -> Vec<(String, Vec<u8>)> {
    let apart = ["information.log", ".lock", "maps.json"];
    let name = |file: &PathBuf| file.strip_prefix(maps).unwrap().display().to_string();
    let mut all: Vec<(String, Vec<u8>)> = files(maps)
        .iter()
        .filter(|file| !apart.contains(&name(file).as_str()))
        .map(|file| (name(file), timeless(&name(file), fs::read(file).unwrap())))
        .collect();
    all.sort();
    all
}

/// What a file says but when: of times the steps, of TensorBoard's records all but the moment that they
/// begin with, of manifests what is the same every time.
fn timeless(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    if name.ends_with("/times.tsv") {
        let text = String::from_utf8(bytes).unwrap();
        let steps = text.lines().map(|line| line.split('\t').nth(2).unwrap().to_owned());
        return steps.collect::<Vec<_>>().join(" ").into_bytes();
    }
    if name.contains("/tensorboard/") {
        let (mut rest, mut told) = (&bytes[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk() {
            let (data, after) = after[4..].split_at(u64::from_le_bytes(*length) as usize);
            told.extend(&data[9..]);
            rest = &after[4..];
        }
        return told;
    }
    if name == "manifest.json" {
        let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        return manifest["reproducible"].to_string().into_bytes();
    }
    bytes
}

#[track_caller]
fn assert_same(found: &Path, expected: &[(String, Vec<u8>)], what: &str) {
    let found = learned(found);
    let names =
        |list: &[(String, Vec<u8>)]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected), "{what}");
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert!(found == expected, "{name} differs: {what}");
    }
}

fn resume(place: &Place, arguments: &[&str]) -> Output {
    host(place.path()).args(["resume", "maps"]).args(arguments).output().unwrap()
}

/// How many lines the logs of training have, of all splits and networks.
fn progress(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let lines = entries.flatten().map(|entry| match entry.file_name().to_str() {
        Some("training.tsv") => {
            fs::read_to_string(entry.path()).map_or(0, |log| log.lines().count())
        }
        Some(name) if name.contains("split-") || name.contains("network-") => {
            progress(&entry.path())
        }
        Some("training_logs") => progress(&entry.path()),
        _ => 0,
    });
    lines.sum()
}

/// Killed at some moments between its first step and its last table, and gone on with, a run ends
/// with the bytes of one that ran through: with one network, with one per part, with several splits.
#[test]
fn killed_and_resumed_it_ends_as_if_it_had_run_through() {
    let place = Place::new();
    let folds = PhantomOptions {
        participants_per_class: 6,
        image_size: [20, 22, 18],
        n_splits: 2,
        ..PhantomOptions::default()
    };
    let folds = generate(&place.path().join("folds"), &folds).unwrap();
    let maps = place.path().join("maps");
    let kinds = [
        "epochs: 16, patience: 0, evaluation_steps: 2, selection_metrics: [\"loss\", \"BA\"]",
        "epochs: 4, multi_network: true, checkpoint_minutes: 1e-9",
        "epochs: 6, patience: 0, checkpoint_minutes: 1e-9",
    ];
    let mut random = Random::new(1, "moments", &[]);
    let (mut kills, mut trials) = (0, 0);
    for (kind, options) in kinds.into_iter().enumerate() {
        let script = super::TRAIN.replace("epochs: 2", options);
        let script = match kind {
            0 => script,
            1 => script.replace(
                "caps(\"data/caps\")",
                "caps(\"data/caps\").patches([10, 11, 9], [10, 11, 9])",
            ),
            _ => script
                .replace("data/caps", &folds.caps.display().to_string())
                .replace("data/splits", &folds.splits.display().to_string()),
        };
        place.script(&script);
        assert!(start(&place).wait().unwrap().success());
        let (expected, lines) = (learned(&maps), progress(&maps));
        for trial in 0..(if kind == 0 { 8 } else { 6 }) {
            fs::remove_dir_all(&maps).unwrap();
            let mut child = start(&place);
            let after = (random.unit() * (lines + 1) as f64) as usize;
            let moment = Duration::from_millis(60).mul_f64(random.unit());
            let begun =
                || maps.join("split-0/tmp").is_dir() || maps.join("split-0/best-loss").is_dir();
            until(&mut child, || begun() && progress(&maps) >= after);
            sleep(moment);
            let ended = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            (kills, trials) = (kills + usize::from(!ended), trials + 1);
            let output = resume(&place, &[]);
            let what = format!(
                "kind {kind}, trial {trial}, {moment:?} after {after} of {lines} lines: {}",
                said(&output)
            );
            assert!(output.status.success(), "{what}");
            assert_same(&maps, &expected, &what);
        }
        fs::remove_dir_all(&maps).unwrap();
    }
    assert!(2 * kills >= trials, "{kills} of {trials} were killed before the end");
}

/// A script whose network depends on an argument, and which ends long after any test without another.
fn with_arguments() -> String {
    let epochs = "epochs: arg(\"epochs\", 100000), patience: 0, checkpoint_minutes: 0";
    super::TRAIN.replace("conv(4", "conv(arg(\"width\")").replace("epochs: 2", epochs)
}

/// Sends signals to the run of the script once it trains.
fn signalled(place: &Place, signals: &[&str]) -> Output {
    let mut child = host(place.path())
        .args(["run", "script.rhai", "--", "--width", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let training = place.path().join("maps/split-0/training_logs/training.tsv");
    wait(&mut child, || training.exists());
    send(child.id(), signals);
    child.wait_with_output().unwrap()
}

/// Whether the tests ignore a signal, as those do that they start: under nohup, or in the background.
fn ignored(signal: &str) -> bool {
    let number = [("HUP", 1), ("INT", 2), ("USR1", 10), ("TERM", 15)];
    let number = number.into_iter().find(|(name, _)| *name == signal).unwrap().1;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() >> (number - 1) & 1 == 1)
}

/// What asks a run to stop saves where it stands, also where it is said again, or in other words; it
/// goes on without being told its arguments again.
#[test]
fn signals_save_and_end_and_nothing_is_lost() {
    let place = Place::new();
    place.script(&with_arguments());
    let (maps, resumed) = (place.path().join("maps"), place.path().join("resumed"));
    let mut epochs = String::new();
    for (signals, code) in [
        (&["INT"][..], 130),
        (&["HUP"], 129),
        (&["USR1", "TERM", "TERM"], 138),
        (&["TERM", "TERM"], 143),
    ] {
        if signals.iter().any(|signal| ignored(signal)) {
            continue;
        }
        let _ = fs::remove_dir_all(&maps);
        let output = signalled(&place, signals);
        assert_eq!(output.status.code(), Some(code), "{signals:?}: {}", said(&output));
        for part in ["stopping after this step", "everything so far is saved in maps"] {
            assert!(said(&output).contains(part), "{signals:?}: {}", said(&output));
        }
        assert_whole(&maps);
        let reached = reached(&maps.join("split-0/tmp/checkpoint.safetensors")).unwrap();
        epochs = (reached.epoch + 2).to_string();
        let output = resume(&place, &["--epochs", &epochs]);
        assert!(output.status.success(), "{signals:?}: {}", said(&output));
        fs::rename(&maps, &resumed).unwrap();
        let run = ["run", "script.rhai", "--", "--width", "3", "--epochs", &epochs];
        assert!(host(place.path()).args(run).output().unwrap().status.success());
        assert_same(&resumed, &learned(&maps), &format!("{signals:?}"));
        fs::remove_dir_all(&maps).unwrap();
        fs::rename(&resumed, &maps).unwrap();
    }
    let expected = learned(&maps);

    // What is given counts more than what is kept.
    let output = resume(&place, &["--dry-run"]);
    let lines: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "maps/scripts/script.rhai --width=3 would be loaded".to_owned(),
            format!("split 0 is finished after {epochs} epochs; with more --epochs it would go on")
        ]
    );
    let output = resume(&place, &["--dry-run", "--epochs", "100000", "--", "--width=4"]);
    let told = said(&output);
    assert!(told.contains("note: --width is 4, the experiment was run with 3"), "{told}");
    assert!(told.contains("script.rhai --width=4 would be loaded"), "{told}");
    let from = format!(
        "split 0 would go on to epoch 100000 from maps/split-0/last.safetensors, after {epochs} epochs"
    );
    assert!(told.contains(&from), "{told}");
    assert_same(&maps, &expected, "a dry run");

    let output = host(place.path()).args(["resume", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("it is no experiment folder"), "{}", said(&output));
    let output = host(place.path()).args(["import", "nowhere", "new"]).output().unwrap();
    assert!(said(&output).contains("it is no experiment folder"), "{}", said(&output));
}

/// A run under nohup does not end with the terminal it was started from, and one that a script started
/// with `&` does not end by Ctrl-C.
#[test]
fn what_whoever_starts_a_run_ignores_does_not_end_it() {
    let place = Place::new();
    place.script(&super::TRAIN.replace("epochs: 2", "epochs: 60, patience: 0"));
    let mut command = Command::new("sh");
    at_home(&mut command, place.path());
    command.args(["-c", "trap '' HUP INT; exec \"$0\" run script.rhai", PROGRAM]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let training = place.path().join("maps/split-0/training_logs/training.tsv");
    until(&mut child, || training.exists());
    send(child.id(), &["HUP", "INT"]);
    assert!(child.wait().unwrap().success());
    assert!(place.path().join("maps/split-0/last.safetensors").exists());
}
