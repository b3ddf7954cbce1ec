//! A run that was killed or asked to stop ends, once it went on, as one that ran through.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Instant;

use neurhai_core::data::phantom::{PhantomOptions, generate};
use neurhai_core::random::Random;

use crate::force::{assert_whole, start, wait};
use crate::{Place, files, host, said};

/// Everything that says what was learned, not when or where.
fn learned(maps: &Path) -> Vec<(String, Vec<u8>)> {
    let apart = ["information.log", ".lock", "maps.json"];
    let name = |file: &PathBuf| file.strip_prefix(maps).unwrap().display().to_string();
    let mut all: Vec<(String, Vec<u8>)> = files(maps)
        .iter()
        .filter(|file| !apart.contains(&name(file).as_str()))
        .map(|file| (name(file), fs::read(file).unwrap()))
        .collect();
    all.sort();
    all
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

/// Killed at twenty moments between its first step and its last table, and gone on with, a run ends
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
    let mut kills = [0; 3];
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
        // Until the first step, and from there to the end.
        let mut child = start(&place);
        wait(&mut child, || maps.join("split-0/tmp").is_dir());
        let begun = Instant::now();
        assert!(child.wait().unwrap().success());
        let duration = begun.elapsed();
        let expected = learned(&maps);
        for trial in 0..(if kind == 0 { 8 } else { 6 }) {
            fs::remove_dir_all(&maps).unwrap();
            let mut child = start(&place);
            wait(&mut child, || maps.join("split-0/tmp").is_dir());
            let moment = duration.mul_f64(random.unit());
            sleep(moment);
            let ended = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            kills[kind] += usize::from(!ended);
            let output = resume(&place, &[]);
            let what = format!("kind {kind}, trial {trial}, after {moment:?}: {}", said(&output));
            assert!(output.status.success(), "{what}");
            assert_same(&maps, &expected, &what);
        }
        fs::remove_dir_all(&maps).unwrap();
    }
    assert!(kills.iter().all(|kills| *kills >= 2), "{kills:?} were killed before the end");
}

/// A script whose network depends on an argument.
fn with_argument() -> String {
    super::TRAIN
        .replace("conv(4", "conv(arg(\"width\")")
        .replace("epochs: 2", "epochs: 40, patience: 0, checkpoint_minutes: 0")
}

/// Sends a signal to the run of the script once it trains.
fn signalled(place: &Place, signal: &str) -> Output {
    let mut child = host(place.path())
        .args(["run", "script.rhai", "--", "--width", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let training = place.path().join("maps/split-0/training_logs/training.tsv");
    wait(&mut child, || training.exists());
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

/// What asks a run to stop saves where it stands; it goes on without being told its arguments again.
#[test]
fn signals_save_and_end_and_nothing_is_lost() {
    let place = Place::new();
    place.script(&with_argument());
    let run = ["run", "script.rhai", "--", "--width", "3"];
    assert!(host(place.path()).args(run).output().unwrap().status.success());
    let maps = place.path().join("maps");
    let expected = learned(&maps);
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-USR1", 138), ("-HUP", 129)] {
        fs::remove_dir_all(&maps).unwrap();
        let output = signalled(&place, signal);
        assert_eq!(output.status.code(), Some(code), "{signal}: {}", said(&output));
        for part in ["stopping after this step", "everything so far is saved in maps"] {
            assert!(said(&output).contains(part), "{signal}: {}", said(&output));
        }
        assert!(maps.join("split-0/tmp/checkpoint.safetensors").exists());
        assert_whole(&maps);
        let output = resume(&place, &[]);
        assert!(output.status.success(), "{signal}: {}", said(&output));
        assert_same(&maps, &expected, signal);
    }

    // What is given counts more than what is kept.
    let output = resume(&place, &["--dry-run"]);
    let lines: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "maps/scripts/script.rhai --width=3 would be loaded",
            "split 0 is finished after 40 epochs; with more --epochs it would go on"
        ]
    );
    let output = resume(&place, &["--dry-run", "--epochs", "41", "--", "--width=4"]);
    let told = said(&output);
    assert!(told.contains("note: --width is 4, the experiment was run with 3"), "{told}");
    assert!(told.contains("script.rhai --width=4 would be loaded"), "{told}");
    let from =
        "split 0 would go on to epoch 41 from maps/split-0/last.safetensors, after 40 epochs";
    assert!(told.contains(from), "{told}");
    assert_same(&maps, &expected, "a dry run");

    let output = host(place.path()).args(["resume", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("it is no experiment folder"), "{}", said(&output));
    let output = host(place.path()).args(["import", "nowhere", "new"]).output().unwrap();
    assert!(said(&output).contains("it is no experiment folder"), "{}", said(&output));
}

/// A run under nohup does not end with the terminal it was started from.
#[test]
fn the_end_of_the_session_ends_no_run_under_nohup() {
    let place = Place::new();
    place.script(&super::TRAIN.replace("epochs: 2", "epochs: 10"));
    let program = host(place.path()).get_program().to_owned();
    let mut command = Command::new("nohup");
    command.arg(program).args(["run", "script.rhai"]).current_dir(place.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let training = place.path().join("maps/split-0/training_logs/training.tsv");
    wait(&mut child, || training.exists());
    assert!(
        Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success()
    );
    assert!(child.wait().unwrap().success());
    assert!(place.path().join("maps/split-0/last.safetensors").exists());
}
