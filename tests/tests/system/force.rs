//! Promises proved by force: killed while saving, a full disk, two writers.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Place, files, host, said};

/// A training of short epochs that saves all the time, and ends long after any test.
pub(crate) fn long() -> String {
    super::TRAIN.replace("epochs: 2", "epochs: 100000, patience: 0")
}

/// Everything in an experiment folder can be read whole: weights, checkpoint, tables, JSON.
#[track_caller]
pub(crate) fn assert_whole(maps: &Path) {
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
pub(crate) fn start(place: &Place) -> Child {
    let mut command = host(place.path());
    command.args(["run", "script.rhai"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Waits for something that a running program does, and which it does not end without.
#[track_caller]
pub(crate) fn wait(child: &mut Child, done: impl Fn() -> bool) {
    assert!(until(child, done), "it ended by itself");
}

/// Waits for something that a program does, or its end; whether it is still running.
#[track_caller]
pub(crate) fn until(child: &mut Child, done: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing after a minute");
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        sleep(Duration::from_millis(2));
    }
    true
}

/// Sends signals to a program that was started, one right after another.
#[track_caller]
pub(crate) fn send(process: u32, signals: &[&str]) {
    // A builtin: not every system has a program for it.
    let kill: String = signals.iter().map(|signal| format!("kill -{signal} {process};")).collect();
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
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
        wait(&mut child, || checkpoint.exists());
        // A moment that differs from trial to trial, within a few epochs.
        sleep(Duration::from_micros(trial * 7919 % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(checkpoint.exists(), "the previous checkpoint is there");
        assert_whole(&maps);
    }
}

#[test]
fn a_second_writer_is_kept_out() {
    let place = Place::new();
    place.script(&long());
    let mut first = start(&place);
    let checkpoint = place.path().join("maps/split-0/tmp/checkpoint.safetensors");
    wait(&mut first, || checkpoint.exists());
    let resume = ["resume", "maps", "--epochs", "1"];
    let second = host(place.path()).args(resume).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("E0602"), "{}", said(&second));
    assert_whole(&place.path().join("maps"));
}

/// A file system of so many megabytes in the folder `small`, as long as the value lives.
pub(crate) struct Small<'a>(&'a Place);

impl<'a> Small<'a> {
    /// None where that is not allowed: only root may mount.
    pub(crate) fn mount(place: &'a Place, megabytes: usize) -> Option<Self> {
        let folder = place.path().join("small");
        fs::create_dir(&folder).unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(place))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0.path().join("small")).status().unwrap();
    }
}

/// The run ends with an error that says so, and what was saved is whole.
#[test]
fn a_full_disk_is_told_and_leaves_whole_files() {
    let place = Place::new();
    let Some(_small) = Small::mount(&place, 3) else { return };
    let script = super::TRAIN
        .replace("output: \"maps\"", "output: \"small/maps\"")
        .replace("linear(p.outputs)", "linear(400), relu(), linear(p.outputs)");
    let output = place.run(&script);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("E0303"), "{}", said(&output));
    assert_whole(&place.path().join("small"));
}

/// Fills what is left to the last byte, and what becomes free, until the program has ended.
#[track_caller]
fn fill(file: &mut fs::File, child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        while file.write_all(&[0; 512]).is_ok() {}
        if let Some(ended) = child.try_wait().unwrap() {
            return ended;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it goes on without room");
    }
}

/// A checkpoint that finds no room leaves the one before it, and with room again training goes on.
#[test]
fn a_checkpoint_without_room_leaves_the_one_before() {
    let place = Place::new();
    let Some(_small) = Small::mount(&place, 4) else { return };
    let script = long()
        .replace("output: \"maps\"", "output: \"small/maps\", checkpoint_minutes: 1e-9")
        .replace("linear(p.outputs)", "linear(64), relu(), linear(p.outputs)");
    place.script(&script);
    let maps = place.path().join("small/maps");
    let checkpoint = maps.join("split-0/tmp/checkpoint.safetensors");
    let mut child = start(&place);
    wait(&mut child, || checkpoint.exists());
    let rest = place.path().join("small/rest");
    let mut file = fs::File::create(&rest).unwrap();
    let ended = fill(&mut file, &mut child);
    assert_eq!(ended.code(), Some(1));
    assert_whole(&maps);
    let reached = neurhai_core::train::reached(&checkpoint).unwrap();
    drop(file);
    fs::remove_file(&rest).unwrap();
    let epochs = (reached.epoch + 2).to_string();
    let output =
        host(place.path()).args(["resume", "small/maps", "--epochs", &epochs]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("split 0 goes on after"), "{}", said(&output));
}
