//! What a run records: the same in every form, known by name, and checked by its hashes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use neurhai_core::data::table::Table;
use neurhai_core::records::Meanings;
use serde_json::Value;

use crate::{Place, TRAIN, copy, files, host, python, root, said, shared_data};

/// What a Python script prints as JSON.
#[track_caller]
pub(crate) fn printed(python: &Path, script: &str, arguments: &[&str]) -> Value {
    let output = Command::new(python).args(["-c", script]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The lines of a file of JSON lines.
pub(crate) fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
pub(crate) fn succeeds(place: &Place, arguments: &[&str]) -> String {
    let output = host(place.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

const LOGS: &str = "maps/split-0/training_logs";

#[test]
fn tensorboard_reads_every_evaluation_once_also_after_a_resume() {
    let Some(python) = python(&["tensorboard"]) else { return };
    let place = Place::new();
    let output = place.run(&TRAIN.replace("epochs: 2", "epochs: 2, evaluation_steps: 1"));
    assert!(output.status.success(), "{}", said(&output));
    let logs = place.path().join(LOGS);
    // As if the program had been killed while it wrote.
    let events = logs.join("tensorboard/train/events.out.tfevents.neurhai");
    let mut torn = fs::read(&events).unwrap();
    torn.truncate(torn.len() - 7);
    fs::write(&events, torn).unwrap();
    succeeds(&place, &["resume", "maps", "--epochs", "4"]);
    let script = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = []
for group in ("train", "validation"):
    events = EventAccumulator(f"{sys.argv[1]}/tensorboard/{group}", size_guidance={"scalars": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        found += [[group, tag, e.step, e.value, e.wall_time] for e in events.Scalars(tag)]
print(json.dumps(found))"#;
    let found = printed(&python, script, &[logs.to_str().unwrap()]);
    let found = found.as_array().unwrap();
    let mut expected = Vec::new();
    for line in lines(&logs.join("metrics.jsonl")) {
        let key = |tag: &str| format!("{} {tag} {}", line["group"].as_str().unwrap(), line["step"]);
        let scores = line["metrics"].as_object().unwrap().iter();
        let scores = scores.filter_map(|(tag, value)| Some((key(tag), value.as_f64()? as f32)));
        expected.extend(scores);
        if line["group"] == "train" {
            expected.push((key("learning_rate"), line["learning_rate"].as_f64().unwrap() as f32));
        }
    }
    let mut read: Vec<(String, f32)> = (found.iter())
        .map(|one| {
            let key =
                format!("{} {} {}", one[0].as_str().unwrap(), one[1].as_str().unwrap(), one[2]);
            (key, one[3].as_f64().unwrap() as f32)
        })
        .collect();
    read.sort_by(|a, b| a.0.cmp(&b.0));
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(read, expected);
    assert!(read.len() > 100, "{}", read.len());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!(found.iter().all(|one| (now - one[4].as_f64().unwrap()).abs() < 600.0));
}

/// The lines for programs, the table for people and the times tell of the same evaluations.
#[test]
fn every_log_has_every_evaluation() {
    let place = Place::new();
    let output = place.run(&TRAIN.replace("epochs: 2", "epochs: 3, evaluation_steps: 1"));
    assert!(output.status.success(), "{}", said(&output));
    let logs = place.path().join(LOGS);
    let table = |name: &str| Table::read(&logs.join(name)).unwrap();
    let (training, times) = (table("training.tsv"), table("times.tsv"));
    let number = |table: &Table, row: usize, column: &str| {
        table.number(row, table.column(column).unwrap()).unwrap()
    };
    let lines = lines(&logs.join("metrics.jsonl"));
    // Two weight updates in an epoch: one evaluation within it, one at its end.
    assert_eq!((training.len(), times.len(), lines.len()), (6, 6, 12));
    for (i, line) in lines.iter().enumerate() {
        let (row, set) = (i / 2, ["train", "valid"][i % 2]);
        assert_eq!(line["group"], ["train", "validation"][i % 2]);
        let steps = [line["epoch"].as_u64(), line["iteration"].as_u64(), line["step"].as_u64()];
        let [epoch, iteration, step] = steps.map(|count| count.map(|count| count as f64));
        assert_eq!(
            (epoch, iteration),
            (number(&training, row, "epoch"), number(&training, row, "iteration"))
        );
        assert_eq!(step, Some(row as f64 + 1.0), "a batch for each");
        assert_eq!(step, number(&times, row, "step"));
        let rate = number(&training, row, "learning_rate");
        assert_eq!((line["split"].as_u64(), line["learning_rate"].as_f64()), (Some(0), rate));
        for (name, value) in line["metrics"].as_object().unwrap() {
            assert_eq!(value.as_f64(), number(&training, row, &format!("{name}_{set}")), "{name}");
        }
    }
    let done: Vec<&str> =
        (0..6).map(|row| times.text(row, times.column("done").unwrap()).unwrap()).collect();
    assert!(done.is_sorted() && done[0].ends_with('Z'), "{done:?}");
}

#[test]
fn the_manifest_knows_what_was_read_and_written() {
    let place = Place::new();
    let output = place.run(TRAIN);
    assert!(output.status.success(), "{}", said(&output));
    let maps = place.path().join("maps");
    let manifest: Value =
        serde_json::from_slice(&fs::read(maps.join("manifest.json")).unwrap()).unwrap();
    // By another program: what is hashed is what is there.
    let same = manifest["reproducible"]["files"].as_object().unwrap();
    let apart = manifest["circumstances"]["files"].as_object().unwrap();
    let mut listed: Vec<&str> = same.keys().chain(apart.keys()).map(String::as_str).collect();
    listed.sort_unstable();
    let there = files(&maps)
        .into_iter()
        .map(|file| file.strip_prefix(&maps).unwrap().display().to_string());
    let own = [".lock", "manifest.json"];
    let mut there: Vec<String> = there.filter(|name| !own.contains(&name.as_str())).collect();
    there.sort_unstable();
    assert_eq!(listed, there);
    for group in ["train", "validation"] {
        let file = format!("split-0/best-loss/{group}/{group}_image_level_prediction.tsv");
        assert_eq!(same[&file]["bytes"], fs::metadata(maps.join(&file)).unwrap().len());
    }
    assert!(
        apart.contains_key("split-0/training_logs/times.tsv") && apart.contains_key("maps.json")
    );
    let count = |of: &str| manifest["reproducible"][of].as_array().unwrap().len();
    assert_eq!((count("images"), count("sources")), (12, 2));

    let verify = |code: i32, words: &[&str]| {
        let output = host(place.path()).args(["describe", "maps", "--verify"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "{word:?} is not in:\n{}", said(&output));
        }
    };
    let files = listed.len();
    let whole =
        format!("{files} of {files} files are as they were written, 14 of 14 that were read");
    verify(0, &[&whole]);
    // What came later changes nothing that was.
    fs::write(maps.join("notes.txt"), "x").unwrap();
    verify(0, &["added  notes.txt\n", &whole]);
    let table = maps.join("split-0/best-loss/train/train_image_level_metrics.tsv");
    let kept = fs::read(&table).unwrap();
    fs::write(&table, [&kept[..], b" "].concat()).unwrap();
    verify(1, &["changed  split-0/best-loss/train/train_image_level_metrics.tsv\n"]);
    fs::remove_file(&table).unwrap();
    verify(1, &["missing  split-0/best-loss/train/train_image_level_metrics.tsv\n"]);
    fs::write(&table, kept).unwrap();
    let image = &place.images()[0];
    let kept = fs::read(image).unwrap();
    fs::write(image, [&kept[..], b" "].concat()).unwrap();
    verify(1, &["sub-PHAN000", "(was read)", "13 of 14 that were read"]);
    fs::remove_file(image).unwrap();
    verify(1, &["missing", "13 of 14 that were read", "; 1 input is not where it was"]);
    fs::write(image, kept).unwrap();
    // From another folder everything is found as well.
    let output = host(&place.path().join("data"))
        .arg("describe")
        .arg(&maps)
        .arg("--verify")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    fs::remove_file(maps.join("notes.txt")).unwrap();
    // Predictions tell their hashes themselves: made again they are whole, and the manifest is as it was.
    let manifest = fs::read(maps.join("manifest.json")).unwrap();
    let predict =
        "predict maps test --participants data/splits/validation_baseline.tsv --allow-leakage";
    for words in [predict.to_owned(), format!("{predict} --overwrite")] {
        succeeds(&place, &words.split(' ').collect::<Vec<_>>());
        verify(0, &["files are as they were written, 14 of 14 that were read"]);
    }
    succeeds(&place, &["report", "maps"]);
    let predicted = maps.join("split-0/best-loss/test/test_image_level_prediction.tsv");
    let kept = fs::read(&predicted).unwrap();
    fs::write(&predicted, [&kept[..], b" "].concat()).unwrap();
    verify(1, &["changed  split-0/best-loss/test/test_image_level_prediction.tsv\n"]);
    fs::write(&predicted, kept).unwrap();
    // Nor does it know them when the run was made longer.
    succeeds(&place, &["resume", "maps", "--epochs", "3"]);
    succeeds(&place, &[&predict.split(' ').collect::<Vec<_>>()[..], &["--overwrite"]].concat());
    verify(0, &["files are as they were written"]);
    assert_ne!(manifest, fs::read(maps.join("manifest.json")).unwrap());
    fs::write(maps.join("manifest.json"), "{").unwrap();
    verify(1, &["E0603", "damaged"]);
}

/// Of two runs of a script all that is not when and where is the same, in the manifest, too.
#[test]
fn the_same_again_has_the_same_manifest() {
    let place = Place::new();
    let reproducible = |name: &str, change: &str| {
        let output = place.run(&TRAIN.replace("output: \"maps\"", change));
        assert!(output.status.success(), "{}", said(&output));
        let file = place.path().join(name).join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        // The text of the script is one of its inputs.
        manifest["reproducible"]["files"]
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !name.ends_with("rhai"));
        manifest["reproducible"].take()
    };
    let first = reproducible("a", "output: \"a\"");
    assert_eq!(first, reproducible("b", "loader_threads: 0, output: \"b\""));
    let other = reproducible("c", "seed: 1, output: \"c\"");
    assert_ne!(first["options"], other["options"]);
    assert_eq!(first["images"], other["images"]);
}

#[test]
fn a_folder_is_described_with_what_everything_in_it_is() {
    let place = Place::new();
    let script = TRAIN.replace("epochs: 2", "epochs: 3, selection_metrics: [\"loss\", \"BA\"]");
    assert!(place.run(&script).status.success());
    let maps = place.path().join("maps");
    let told: Value =
        serde_json::from_str(&succeeds(&place, &["describe", "maps", "--json"])).unwrap();
    assert_eq!((&told["task"], &told["label"]), (&"classification".into(), &"diagnosis".into()));
    let split = &told["splits"][0];
    assert_eq!(
        (&split["state"], &split["epochs"], &split["of"]),
        (&"finished".into(), &3.into(), &3.into())
    );
    let training = Table::read(&maps.join("split-0/training_logs/training.tsv")).unwrap();
    for best in split["best"].as_array().unwrap() {
        let metric = best["metric"].as_str().unwrap();
        let column = training.column(&format!("{metric}_valid")).unwrap();
        let epoch = best["epoch"].as_u64().unwrap() as usize;
        assert_eq!(training.number(epoch, column).unwrap(), best["score"].as_f64(), "{metric}");
    }
    let sizes: u64 = files(&maps).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert_eq!(told["tree"]["bytes"], sizes);
    fs::write(maps.join("split-0/notes.txt"), "x").unwrap();
    let text = succeeds(&place, &["describe", "maps"]);
    for words in [
        "maps: classification of diagnosis (alpha, beta) with Tiny on whole images, by Neurhai",
        "split 0: finished, 3 of 3 epochs\n  best by BA: epoch ",
        "all metrics on both sets, at every evaluation",
        "  notes.txt ",
        "not a part of an experiment",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    fs::remove_file(maps.join("split-0/notes.txt")).unwrap();
    let output = host(place.path()).args(["describe", "data"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("E0603"), "{}", said(&output));
}

#[test]
fn an_experiment_of_clinicadl_is_described_as_well() {
    let Some(data) = shared_data() else { return };
    let place = Place::new();
    copy(&data.join("clinicadl_maps/patch_single"), &place.path().join("old"));
    let text = succeeds(&place, &["describe", "old"]);
    for words in [
        "old: classification of diagnosis (AD, CN) with Conv4_FC3 on patches, by ClinicaDL",
        "split 0: finished",
        "best by loss: epoch 3 1.8776 in validation",
        "its weights, as ClinicaDL keeps them",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    assert!(!text.contains("not a part"), "{text}");
}

/// README's table of what a run leaves names files that the one table of meanings knows.
#[test]
fn readme_names_files_that_are_known() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("## What a run leaves").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let meanings = Meanings::new();
    let mut named = 0;
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split(" | ").next().unwrap();
        for name in cell.split('`').skip(1).step_by(2) {
            let path = name.replace('…', "split-0/best-loss/validation/x");
            let path = path.replace("validation/split-0/best-loss/validation/x", "validation/x");
            assert!(meanings.of(&path).is_some(), "README names {name}, which nothing else knows");
            named += 1;
        }
    }
    assert!(named > 15, "{named}");
}

/// All that lies in the experiment folders below `folder` has a meaning.
#[track_caller]
pub(crate) fn assert_known(folder: &Path) {
    let meanings = Meanings::new();
    let mut unknown: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    let all = files(folder);
    let experiments = all.iter().filter(|file| file.ends_with("network.json"));
    for maps in
        experiments.filter_map(|file| file.parent()).filter(|maps| maps.join("maps.json").is_file())
    {
        for file in all.iter().filter_map(|file| file.strip_prefix(maps).ok()) {
            let name = file.display().to_string();
            if meanings.of(&name).is_none() {
                unknown.entry(maps.into()).or_default().push(name);
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "core/src/records/meaning.rs does not say what these are: {unknown:#?}"
    );
}
