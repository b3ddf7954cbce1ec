//! What all splits say together, and when they do not.

use super::*;

fn trained(n_splits: usize, change: Value) -> Bench {
    let bench = Bench::with_test(|options| options.n_splits = n_splits);
    let mut options = json!({"epochs": 1});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bench.run("maps", options).unwrap();
    bench
}

/// All splits are those that were asked for, not those that happen to be there.
#[test]
fn splits_that_are_missing_are_no_reason_for_a_mean_of_fewer() {
    let bench = trained(3, json!({"selection_metrics": ["loss"]}));
    let maps = bench.path("maps");
    std::fs::create_dir(maps.join("split-1/tmp")).unwrap();
    std::fs::rename(maps.join("split-2"), bench.path("away")).unwrap();
    let found = bench.predict("maps", "test", test()).unwrap();
    assert_eq!(found.results.len(), 2);
    let why = found.no_ensemble.unwrap();
    assert!(why.contains("all 3 splits") && why.contains("not finished: 1, 2"), "{why}");
    assert!(!maps.join("ensemble/best-loss/test").exists());
    // A mean of fewer that is there, as of an older program, does not stay beside new results.
    std::fs::remove_dir(maps.join("split-1/tmp")).unwrap();
    std::fs::rename(bench.path("away"), maps.join("split-2")).unwrap();
    let old = maps.join("ensemble/best-loss/test");
    std::fs::create_dir_all(&old).unwrap();
    std::fs::write(old.join("test_image_level_prediction.tsv"), "").unwrap();
    let rest = json!({"split": [2]});
    bench.refuses("test", rest, Code::GroupInUse, &["ensemble/best-loss/test"]);
    let found = bench.predict("maps", "test", json!({"split": [2], "overwrite": true})).unwrap();
    assert!(found.no_ensemble.unwrap().contains("all 3 splits at once"));
    assert!(!old.exists());
}

#[test]
fn a_metric_that_a_split_lacks_is_named() {
    let bench = trained(2, json!({"selection_metrics": ["loss", "BA"]}));
    std::fs::remove_dir_all(bench.path("maps/split-1/best-BA")).unwrap();
    let found = bench.predict("maps", "test", test()).unwrap();
    let metrics = found.ensemble.iter().map(|one| one.selection_metric.as_str());
    assert_eq!(metrics.collect::<Vec<_>>(), ["loss"]);
    assert_eq!(found.no_ensemble.unwrap(), "no best model by BA in these splits: 1");
}

/// Where a split lacks the network of a part, the parts of the splits are not the same, but the images
/// are.
#[test]
fn splits_without_the_same_parts_speak_together_of_images() {
    let more = json!({"data": patches(), "multi_network": true, "missing_parts": "renormalise",
        "selection_metrics": ["loss"]});
    let bench = trained(2, more);
    let model = "maps/split-1/best-loss/network-3_model.safetensors";
    std::fs::remove_file(bench.path(model)).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| {
        if let Event::Warning { text } = event {
            told.lock().unwrap().push(text.clone());
        }
    };
    let found = bench.predict_telling("maps", "test", test(), &tell).unwrap();
    let levels = found.ensemble.iter().map(|one| one.level.as_str());
    assert_eq!(levels.collect::<Vec<_>>(), ["image"]);
    let told = told.into_inner().unwrap();
    assert!(told.iter().any(|text| text.contains("not of each patch")), "{told:?}");
    let table = |folder: &str| {
        let file = format!("maps/{folder}/best-loss/test/test_image_level_prediction.tsv");
        numbers(&bench.path(&file), "proba0")
    };
    let (first, second, both) = (table("split-0"), table("split-1"), table("ensemble"));
    for ((a, b), mean) in first.iter().zip(&second).zip(&both) {
        assert!((mean - (a + b) / 2.0).abs() < 1e-12);
    }
    assert_eq!(both.len(), 4);
}

/// How parts vote is known at the end of training.
#[test]
fn parts_of_an_unfinished_split_do_not_vote() {
    let bench = trained(2, json!({"data": patches(), "selection_metrics": ["loss"]}));
    std::fs::create_dir(bench.path("maps/split-1/tmp")).unwrap();
    let words = ["split 1 is not finished", "host resume"];
    bench.refuses("test", test(), Code::BadMaps, &words);
    let finished = json!({"participants": "test.tsv", "split": [0]});
    bench.predict("maps", "test", finished).unwrap();
    // A table that is missing is told before anything is predicted, too.
    std::fs::remove_dir(bench.path("maps/split-1/tmp")).unwrap();
    std::fs::remove_file(bench.path("maps/split-1/best-loss/vote_weights.tsv")).unwrap();
    std::fs::remove_dir_all(bench.path("maps/split-1/best-loss/validation")).unwrap();
    let predicting = AtomicBool::new(false);
    let tell = |event: &Event| {
        if matches!(event, Event::Predicting { .. }) {
            predicting.store(true, Ordering::Relaxed);
        }
    };
    bench.predict_telling("maps", "other", test(), &tell).unwrap_err();
    assert!(!predicting.load(Ordering::Relaxed));
}
