use serde_json::json;

use super::*;

fn judge(metric: &str, direction: Direction) -> Judge {
    Judge {
        selection_metric: "loss".into(),
        selection: Direction::Lower,
        metric: metric.into(),
        direction,
    }
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// An experiment of two splits; the second is finished only where that is said.
fn experiment(maps: &Path, finished: bool) {
    write(&maps.join("maps.json"), r#"{ "split": [0, 1], "neurhai": {} }"#);
    for (split, accuracy) in [(0, 0.5), (1, 0.75)] {
        let folder = maps.join(format!("split-{split}"));
        let validation = folder.join("best-loss/validation");
        let metrics = format!("\taccuracy\tBA\nValues\t{accuracy}\tn/a\n");
        write(&validation.join("validation_image_level_metrics.tsv"), &metrics);
        let parts = "\taccuracy\tloss\nValues\t0.1\t0.3\n";
        write(&validation.join("validation_patch_level_metrics.tsv"), parts);
        // The better value within epoch 1 does not count: models are judged at its end.
        let log = "epoch\titeration\tloss_valid\n0\t4\t0.9\n1\t2\t0.1\n1\t4\t0.6\n2\t4\t0.7\n";
        write(&folder.join("training_logs/training.tsv"), log);
    }
    if !finished {
        std::fs::create_dir(maps.join("split-1/tmp")).unwrap();
    }
}

#[test]
fn the_folder_tells_how_far_a_trial_is() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("search");
    let trials = Trials::open(&root, &json!({ "seed": 0 })).unwrap();
    assert_eq!(trials.state("a").unwrap(), State::Waiting);
    experiment(&trials.maps("a"), false);
    assert_eq!(trials.state("a").unwrap(), State::Begun);
    std::fs::remove_dir(trials.maps("a").join("split-1/tmp")).unwrap();
    assert_eq!(trials.state("a").unwrap(), State::Finished);
    trials.fail("b", "error[E0201] it\nis wrong").unwrap();
    assert_eq!(trials.state("b").unwrap(), State::Failed);
    let judge = judge("accuracy", Direction::Higher);
    let failed = ranking::Trial::read(&trials, "b", vec![], &judge).unwrap();
    assert_eq!(failed.error.as_deref(), Some("error[E0201] it"));

    // What was stopped before it began is cleared away, what began never is.
    write(&trials.maps("c").join("groups/train.tsv"), "x");
    trials.prepare("c", &Map::new()).unwrap();
    assert!(!trials.maps("c").exists());
    trials.prepare("a", &Map::new()).unwrap();
    assert!(trials.maps("a").join("maps.json").exists());
}

#[test]
fn trainings_are_counted_by_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::open(&folder.path().join("search"), &json!({})).unwrap();
    assert_eq!(trials.numbered("trial-").unwrap(), 0);
    for name in ["trial-000", "trial-011", "other-020"] {
        trials.prepare(name, &Map::new()).unwrap();
    }
    assert_eq!(trials.numbered("trial-").unwrap(), 12);
}

/// Tables of splits that were written anew at the same place would part the trainings in silence.
#[test]
fn trainings_go_on_with_the_tables_that_they_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::open(&folder.path().join("search"), &json!({})).unwrap();
    let table = folder.path().join("train.tsv");
    write(&table, "x");
    let hash = files::hash(&table, "read it").unwrap();
    let list = format!("what\tfile\tblake3\ntable\t{}\t{hash}\n", table.display());
    write(&trials.maps("a").join("groups/sources.tsv"), &list);
    let names = ["a".to_owned(), "b".to_owned()];
    trials.check_tables(&names).unwrap();
    write(&table, "y");
    let error = trials.check_tables(&names).unwrap_err();
    assert_eq!(error.code(), Code::OutputInUse);
    assert!(error.to_string().contains("train.tsv"), "{error}");
    std::fs::remove_file(&table).unwrap();
    assert_eq!(trials.check_tables(&names).unwrap_err().code(), Code::OutputInUse);
}

#[test]
fn scores_are_those_of_images_where_these_have_them() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::open(&folder.path().join("search"), &json!({})).unwrap();
    experiment(&trials.maps("a"), true);
    let score = trials.score("a", &judge("accuracy", Direction::Higher)).unwrap();
    assert_eq!((score.values, score.mean), (vec![0.5, 0.75], Some(0.625)));
    // √((0.125² + 0.125²) / 1)
    assert!((score.standard_deviation.unwrap() - 0.125 * 2f64.sqrt()).abs() < 1e-12);
    assert_eq!((score.splits, score.best_epochs), (vec![0, 1], vec![1, 1]));
    let loss = trials.score("a", &judge("loss", Direction::Lower)).unwrap();
    assert_eq!((loss.mean, loss.standard_deviation), (Some(0.3), Some(0.0)));
    let none = trials.score("a", &judge("BA", Direction::Higher)).unwrap();
    assert_eq!((none.mean, none.splits, none.undefined), (None, vec![], vec![0, 1]));
}

/// A mean over one split is no match for one over two.
#[test]
fn what_has_no_value_in_a_split_has_no_mean_and_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::open(&folder.path().join("search"), &json!({})).unwrap();
    for name in ["a", "b"] {
        experiment(&trials.maps(name), true);
    }
    let validation = trials.maps("b").join("split-1/best-loss/validation");
    write(&validation.join("validation_image_level_metrics.tsv"), "\taccuracy\nValues\tn/a\n");
    let judge = judge("accuracy", Direction::Lower);
    let read = |name| ranking::Trial::read(&trials, name, vec![], &judge).unwrap();
    let mut all = [read("b"), read("a")];
    let score = all[0].score.clone().unwrap();
    assert_eq!((score.values, score.mean, score.standard_deviation), (vec![0.5], None, None));
    assert_eq!(all[0].error.as_deref(), Some("accuracy is n/a in split 1"));
    ranking::rank(&mut all, &judge);
    assert_eq!(all[0].name, "a");
    let run = |name: &str| curve::Run { name: name.into(), fraction: 0.5, seed: 0 };
    for name in ["a", "b"] {
        for split in [0, 1] {
            let list = trials.maps(name).join(format!("groups/train/split-{split}/data.tsv"));
            write(&list, "participant_id\tsession_id\nA\tM0\n");
        }
    }
    let points = curve::points(&trials, &[run("a"), run("b")], &judge).unwrap();
    assert_eq!((points[0].values.len(), points[0].missing), (3, 1));
}

#[test]
fn another_search_does_not_go_on_in_the_same_folder_and_nobody_else_writes_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("search");
    let trials = Trials::open(&root, &json!({ "seed": 0, "space": { "epochs": 1 } })).unwrap();
    let same = json!({ "seed": 0, "space": { "epochs": 1 } });
    assert_eq!(Trials::open(&root, &same).err().unwrap().code(), Code::OutputLocked);
    drop(trials);
    assert!(Trials::open(&root, &same).is_ok());
    let error = Trials::open(&root, &json!({ "seed": 1, "more": 2 })).err().unwrap();
    assert_eq!(error.code(), Code::OutputInUse);
    let differs = "differ in seed (0 before, 1 now), more, space";
    assert!(error.to_string().contains(differs), "{error}");
    assert_eq!(Trials::defined(&root).unwrap(), Some(same.clone()));
    assert_eq!(Trials::defined(folder.path()).unwrap(), None);
    // Stopped before the definition was there, it begins again.
    std::fs::remove_file(root.join(DEFINITION)).unwrap();
    write(&root.join(".neurhai-1-2.tmp"), "{");
    assert!(Trials::open(&root, &json!({ "seed": 1 })).is_ok());
    write(&folder.path().join("other/x"), "x");
    let error = Trials::open(&folder.path().join("other"), &same).err().unwrap();
    assert_eq!(error.code(), Code::OutputInUse);
}

#[test]
fn the_best_comes_first_and_what_has_no_score_last() {
    let trial = |name: &str, mean: Option<f64>| ranking::Trial {
        name: name.into(),
        state: State::Finished,
        drawn: vec![],
        score: mean.map(|mean| Score { mean: Some(mean), ..Score::default() }),
        error: None,
    };
    for (direction, order) in [
        (Direction::Higher, ["c", "999", "1000", "b"]),
        (Direction::Lower, ["999", "1000", "c", "b"]),
    ] {
        // Of equals the one that was drawn first comes first, whatever their names.
        let mut all = [("999", Some(0.5)), ("b", None), ("c", Some(0.7)), ("1000", Some(0.5))]
            .map(|(name, mean)| trial(name, mean));
        ranking::rank(&mut all, &judge("accuracy", direction));
        assert_eq!(all.each_ref().map(|trial| trial.name.as_str()), order);
    }
}

#[test]
fn values_of_an_option_are_told_apart_by_what_was_reached_with_them() {
    let trial = |value: serde_json::Value, mean: Option<f64>| ranking::Trial {
        name: "t".into(),
        state: State::Finished,
        drawn: vec![("epochs".into(), json!(1)), ("optimizer".into(), value)],
        score: mean.map(|mean| Score { mean: Some(mean), ..Score::default() }),
        error: None,
    };
    let all = [
        trial(json!("SGD"), Some(0.25)),
        trial(json!("Adam"), Some(0.5)),
        trial(json!("SGD"), Some(0.75)),
        trial(json!("SGD"), None),
        trial(json!(null), None),
    ];
    let of = |value: &str, mean, range| ranking::OfValue { value: value.into(), mean, range };
    let expected = [of("Adam", 0.5, [0.5, 0.5]), of("SGD", 0.5, [0.25, 0.75])];
    assert_eq!(ranking::by_value(&all, 1), expected);
    assert!(ranking::by_value(&all, 2).is_empty());
}
