//! `host predict`: a group predicted, replaced, and left whole by force.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::{Place, files, host, said};

/// Two splits by a network of the script's own, and four people who are in none of them.
fn trained() -> Place {
    let place = Place::new();
    let output = place.run(
        r#"
        let heads = phantoms("heads", #{ participants_per_class: 6, test_per_class: 2, n_splits: 2,
                                         image_size: [20, 22, 18] });
        architecture("Tiny", #{}, |p| [ conv(4, 3, #{ stride: 2 }), custom("gate_it"), flatten(), linear(p.outputs) ]);
        layer("gate_it", #{}, |l, x| x * sigmoid(x));
        train(#{ data: caps(heads.caps), splits: heads.splits, architecture: "Tiny", epochs: 1,
                 batch_size: 4, learning_rate: 1e-3, device: "cpu", output: "maps" });
        "#,
    );
    assert!(output.status.success(), "{}", said(&output));
    place
}

const TEST: &str = "heads/splits/test_baseline.tsv";

fn predict(place: &Place, words: &str) -> Output {
    host(place.path()).arg("predict").args(words.split_whitespace()).output().unwrap()
}

#[track_caller]
fn done(place: &Place, words: &str) -> String {
    let output = predict(place, words);
    assert!(output.status.success(), "{words}: {}", said(&output));
    said(&output)
}

#[track_caller]
fn refused(place: &Place, words: &str, code: i32, parts: &[&str]) {
    let output = predict(place, words);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{words}: {said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

/// All files with what is in them, but for the lock.
fn whole(maps: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |file: &Path| file.strip_prefix(maps).unwrap().display().to_string();
    let files = files(maps).into_iter().filter(|file| !file.ends_with(".lock"));
    files.map(|file| (name(&file), std::fs::read(file).unwrap())).collect()
}

/// The script that is kept with the experiment registers its layer; tables and JSON tell the same.
#[test]
fn a_group_is_predicted_by_all_splits() {
    let place = trained();
    let text = done(&place, &format!("maps test --participants {TEST}"));
    for part in [
        "group test: 4 images of 4 participants, labels in the column \"diagnosis\"",
        "split  best by  test",
        "mean   loss     per image",
        "all    loss     per image",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let words = format!("maps again --participants {TEST} --json --threads 1 --batch-size 1");
    let output = predict(&place, &words);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["results"].as_array().unwrap().len(), 2);
    assert_eq!(json["ensemble"][0]["splits"], serde_json::json!([0, 1]));
    // Both groups are the same people; batches of one and another number of threads round otherwise.
    let near = |group: &str| {
        let file = format!("maps/ensemble/best-loss/{group}/{group}_image_level_prediction.tsv");
        let table = neurhai_core::data::table::Table::read(&place.path().join(file)).unwrap();
        let column = table.column("proba0").unwrap();
        (0..4).map(|row| table.needed_number(row, column).unwrap()).collect::<Vec<f64>>()
    };
    for (a, b) in near("test").iter().zip(near("again")) {
        assert!((a - b).abs() < 1e-5);
    }
    // The table of one of them has more than what is asked for.
    let some = done(&place, &format!("maps alpha --participants {TEST} --classes alpha"));
    assert!(some.contains("2 images") && some.contains("2 sessions of its table are left out"));
}

#[test]
fn what_cannot_be_predicted_is_told_with_what_to_do() {
    let place = trained();
    let known = "maps/groups/train/split-0/data.tsv";
    refused(&place, &format!("maps x --participants {known}"), 1, &["E0405", "allow"]);
    refused(&place, &format!("maps ../x --participants {TEST}"), 1, &["E0104", "letters"]);
    refused(&place, "maps x", 1, &["E0105", "participant_id and session_id"]);
    refused(&place, "absent x", 2, &["E0301", "no experiment folder"]);
    refused(&place, "heads x", 1, &["E0301"]);
    assert!(!place.path().join("heads/.lock").exists(), "what is no experiment is not written to");
    refused(&place, &format!("maps x --participants {TEST} --select diagnosis"), 2, &["--select"]);
    refused(&place, "maps validation --overwrite", 1, &["is not replaced"]);
    done(&place, &format!("maps x --participants {TEST} --no-labels"));
    refused(&place, "maps x", 1, &["E0605", "split-0/best-loss/x, split-1/best-loss/x"]);
    let told = done(&place, &format!("maps x --participants {TEST} --overwrite"));
    assert!(told.contains("they replace\n  maps/ensemble/best-loss/x/description.log"), "{told}");
}

/// Trained on, an experiment tells which of its predictions are by earlier weights, until they are made
/// again.
#[test]
fn predictions_by_weights_that_were_replaced_are_told() {
    let place = trained();
    done(&place, &format!("maps test --participants {TEST}"));
    let run = |words: &[&str]| {
        let output = host(place.path()).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    };
    const TOLD: &str = "by weights that training has replaced since";
    assert!(!run(&["describe", "maps"]).contains(TOLD));
    let resumed = run(&["resume", "maps", "--epochs", "8"]);
    assert!(resumed.contains("ensemble/best-loss/test"), "{resumed}");
    let described = run(&["describe", "maps"]);
    assert!(described.contains(&format!("ensemble/best-loss/test: {TOLD}")), "{described}");
    refused(&place, "maps test", 1, &["E0605", "(by earlier weights)", "overwrite"]);
    done(&place, "maps test --overwrite");
    assert!(!run(&["describe", "maps"]).contains(TOLD));
}

#[test]
fn scripts_predict_what_they_have_trained() {
    let place = Place::new();
    let train = super::TRAIN.replace("    train(", "    let run = train(");
    let script = format!(
        r#"{train}
        let people = #{{ participants: "data/splits/validation_baseline.tsv", allow_leakage: true }};
        let found = predict(run.maps, "again", people);
        print(found.results[0].scores == run.results[1].scores);
        try {{ predict(run.maps, "again", people) }} catch (e) {{ print(e.code) }}
        print(found.table());
    "#
    );
    let output = place.run(&script);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("true\nE0605\nsplit  best by  again"), "{text}");
    // Where nothing is trained, nothing is predicted.
    std::fs::remove_dir_all(place.path().join("maps")).unwrap();
    let output = host(place.path()).args(["check", "script.rhai"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(!place.path().join("maps").exists());
}

/// Killed at any moment while it replaces results, the old ones are whole or the new ones are, at
/// the latest when the folder is written to again.
#[test]
fn killed_while_it_replaces_results_the_old_or_the_new_are_whole() {
    let place = trained();
    let maps = place.path().join("maps");
    let table = std::fs::read_to_string(place.path().join(TEST)).unwrap();
    let fewer: Vec<&str> = table.lines().take(4).collect();
    std::fs::write(place.path().join("fewer.tsv"), fewer.join("\n") + "\n").unwrap();
    let first = format!("maps test --participants {TEST} --save-tensors --overwrite");
    let second = "maps test --participants fewer.tsv --save-tensors --overwrite";
    done(&place, second);
    let new = whole(&maps);
    done(&place, &first);
    let old = whole(&maps);
    assert!(old != new);
    let staged = maps.join(".predict");
    let plan = staged.join("plan.json");
    // Another group is predicted to see what is made of it; what belongs to that does not count.
    let whole = || {
        let mut files = whole(&maps);
        files.retain(|name, _| !name.split('/').any(|part| [".predict", "other"].contains(&part)));
        files
    };
    let mut stopped = 0;
    // While the new results are computed, then while they take the place of the old ones.
    let moments = [(&staged, 0), (&staged, 50)].into_iter();
    for (begun, wait) in moments.chain((0..8).map(|trial| (&plan, 7 * trial))) {
        let mut command = host(place.path());
        command.arg("predict").args(second.split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !begun.exists() && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_micros(200));
        }
        sleep(Duration::from_millis(wait));
        // One that has ended cannot be killed.
        let _ = child.kill();
        child.wait().unwrap();
        let (left, planned) = (whole(), plan.exists());
        stopped += usize::from(planned);
        assert!(planned || left == old || left == new, "half of it is there, after {wait} ms");
        // The next to write finishes what was complete, and removes what was not.
        done(&place, "maps other --participants fewer.tsv --overwrite");
        let expected = if planned || left == new { &new } else { &old };
        assert!(whole() == *expected, "it is not finished, after {wait} ms");
        assert!(!staged.exists());
        done(&place, &first);
        assert!(whole() == old);
    }
    assert!(stopped > 0, "it was never killed while it replaced results");
}
