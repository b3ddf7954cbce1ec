//! Results that take the place of others.

use super::*;

fn trained() -> Bench {
    let bench = Bench::with_test(|options| options.n_splits = 2);
    bench.run("maps", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    bench.predict("maps", "test", json!({"participants": "test.tsv"})).unwrap();
    bench
}

/// The paths that a prediction says it will replace.
fn replaced(bench: &Bench, options: Value) -> Vec<String> {
    let told = Mutex::new(Vec::new());
    let maps = bench.path("maps");
    let tell = |event: &Event| {
        if let Event::Replacing { paths } = event {
            let shown = paths.iter().map(|path| {
                assert!(path.exists(), "it is there when it is told");
                path.strip_prefix(&maps).unwrap().display().to_string()
            });
            told.lock().unwrap().extend(shown);
        }
    };
    bench.predict_telling("maps", "test", options, &tell).unwrap();
    told.into_inner().unwrap()
}

/// New data take effect, and everything of the old group goes: what is said before is what happens.
#[test]
fn a_group_is_replaced_with_all_its_results() {
    let bench = trained();
    let maps = bench.path("maps");
    // Something that was made of the old results.
    std::fs::create_dir(maps.join("split-1/best-loss/test/interpret-x")).unwrap();
    std::fs::write(maps.join("split-1/best-loss/test/interpret-x/map"), "").unwrap();
    let first = cells(&bench.path("test.tsv"), "participant_id")[0].clone();
    bench.write_test("fewer.tsv", None, Some(&first));
    let before = super::files(&maps);
    let told =
        replaced(&bench, json!({"participants": "fewer.tsv", "overwrite": true, "split": [0]}));
    let after = super::files(&maps);
    assert!(told.contains(&"split-1/best-loss/test/interpret-x".to_owned()), "{told:?}");
    for (name, text) in &before {
        let gone = told.iter().any(|path| name == path || name.starts_with(&format!("{path}/")));
        if gone {
            assert!(
                after.get(name).is_none_or(|now| now != text)
                    || name.contains("description")
                    || name.ends_with("/models.tsv"),
                "{name} is as it was"
            );
        } else {
            assert!(after.get(name) == Some(text), "{name} was not to change");
        }
    }
    assert_eq!(cells(&maps.join("groups/test/data.tsv"), "participant_id").len(), 3);
    assert!(!maps.join("split-1/best-loss/test").exists());
    assert!(!maps.join("ensemble/best-loss/test").exists());
    let table = maps.join("split-0/best-loss/test/test_image_level_prediction.tsv");
    assert_eq!(cells(&table, "participant_id").len(), 3);
    assert!(!maps.join(".predict").exists());
}

/// The same group by the same networks is the same again, split by split.
#[test]
fn the_results_of_a_split_are_replaced_by_the_same() {
    let bench = trained();
    let before = super::files(&bench.path("maps"));
    let told = replaced(&bench, json!({"overwrite": true}));
    assert!(told.iter().all(|path| !path.starts_with("groups")), "{told:?}");
    assert!(super::files(&bench.path("maps")) == before);
    let told = replaced(&bench, json!({"overwrite": true, "split": [1]}));
    assert!(told.iter().all(|path| !path.starts_with("split-0")), "{told:?}");
    let after = super::files(&bench.path("maps"));
    let kept: Vec<_> = before.iter().filter(|(name, _)| !name.starts_with("ensemble")).collect();
    assert!(after.iter().collect::<Vec<_>>() == kept, "without all splits there is no ensemble");
}

/// What was interpreted is no prediction: it hinders none, and does not go with one, while the people are
/// the same.
#[test]
fn interpretations_stay_beside_predictions() {
    let bench = trained();
    let maps = bench.path("maps");
    let group = maps.join("split-0/best-loss/test");
    let map = group.join("interpret-x/map");
    std::fs::create_dir(map.parent().unwrap()).unwrap();
    std::fs::write(&map, "map").unwrap();
    let before = super::files(&maps);
    let told = replaced(&bench, json!({"overwrite": true}));
    assert!(!told.iter().any(|path| path.contains("interpret-")), "{told:?}");
    assert!(super::files(&maps) == before);
    // Where the map alone is there, nothing is replaced.
    for split in 0..2 {
        for name in
            crate::files::entries(&maps.join(format!("split-{split}/best-loss/test"))).unwrap()
        {
            if name != "interpret-x" {
                std::fs::remove_file(maps.join(format!("split-{split}/best-loss/test/{name}")))
                    .unwrap();
            }
        }
    }
    std::fs::remove_dir_all(maps.join("ensemble")).unwrap();
    assert_eq!(replaced(&bench, json!({})), Vec::<String>::new());
    assert!(super::files(&maps) == before);
}

/// Stopped or failing at any point before the end, it leaves everything as it was.
#[test]
fn what_is_stopped_or_fails_changes_nothing() {
    let bench = trained();
    let maps = bench.path("maps");
    let before = super::files(&maps);
    for last in 0..2 {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let events = |event: &Event| {
            if matches!(event, Event::Evaluating { .. })
                && seen.fetch_add(1, Ordering::Relaxed) == last
            {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
        let options =
            json!({"participants": bench.path("test.tsv"), "overwrite": true, "device": "cpu"});
        let ended = predict(&maps, "test", options.as_object().unwrap(), &session);
        assert_eq!(ended.unwrap_err().code(), Code::Interrupted);
        assert!(super::files(&maps) == before);
    }
    // The second split has no weights to read: it fails after the first was predicted.
    let weights = maps.join("split-1/best-loss/model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let error =
        bench.predict("maps", "test", json!({"participants": "test.tsv", "overwrite": true}));
    assert_eq!(error.unwrap_err().code(), Code::BadWeights);
    std::fs::write(&weights, &whole).unwrap();
    assert!(super::files(&maps) == before);
}

/// Two cannot write at once.
#[test]
fn a_second_writer_is_kept_out() {
    let bench = trained();
    let held = crate::files::Lock::acquire(&bench.path("maps/.lock")).unwrap();
    let again = || json!({"participants": "test.tsv", "overwrite": true});
    let error = bench.predict("maps", "test", again()).unwrap_err();
    assert_eq!(error.code(), Code::OutputLocked, "{error}");
    drop(held);
    bench.predict("maps", "test", again()).unwrap();
}
