//! Who may be in a group, and what is known of them.

use super::*;

const TABLE: &str = "split-0/best-loss/test/test_image_level_prediction.tsv";
const METRICS: &str = "split-0/best-loss/test/test_image_level_metrics.tsv";

#[test]
fn a_group_is_written_with_who_is_in_it_and_where_they_come_from() {
    let bench = trained(json!({}));
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| {
        if let Event::Group { sessions, label, .. } = event {
            told.lock().unwrap().push((*sessions, label.clone()));
        }
    };
    let options = json!({"participants": "test.tsv"});
    let found = bench.predict_telling("maps", "test", options, &tell).unwrap();
    assert_eq!(told.into_inner().unwrap(), [(4, Some("diagnosis".to_owned()))]);
    assert_eq!(found.label.as_deref(), Some("diagnosis"));
    let maps = bench.path("maps");
    let data = maps.join("groups/test/data.tsv");
    assert_eq!(cells(&data, "participant_id"), cells(&bench.path("test.tsv"), "participant_id"));
    assert_eq!(cells(&data, "diagnosis"), cells(&bench.path("test.tsv"), "diagnosis"));
    assert_eq!(cells(&data, "cohort"), ["single"; 4]);
    let about = crate::experiment::read(&maps.join("groups/test/maps.json")).unwrap();
    assert_eq!(about["caps_directory"], json!(bench.caps));
    assert_eq!(about["multi_cohort"], json!(false));
    assert_eq!(about["neurhai"]["allow_leakage"], json!(false));
    // Every file that was read is known again: four images and the table.
    assert_eq!(cells(&maps.join("groups/test/inputs.tsv"), "blake3").len(), 5);
    let truth: Vec<String> = cells(&data, "diagnosis")
        .iter()
        .map(|name| if name == "alpha" { "0".into() } else { "1".into() })
        .collect();
    assert_eq!(cells(&maps.join(TABLE), "true_label"), truth);
    // It is known from now on.
    bench.refuses("test", json!({}), Code::GroupInUse, &["there already", "overwrite"]);
    let caps = json!({"caps": "data/caps"});
    bench.refuses("test", caps, Code::GroupInUse, &["there already", "overwrite"]);
    std::fs::remove_dir_all(maps.join("split-0/best-loss/test")).unwrap();
    bench.predict("maps", "test", json!({})).unwrap();
    assert_eq!(cells(&maps.join(TABLE), "true_label"), truth);
}

#[test]
fn without_labels_there_are_predictions_but_no_metrics() {
    let bench = trained(json!({"data": patches()}));
    bench.predict("maps", "test", json!({"participants": "test.tsv"})).unwrap();
    let of = |group: &str, column: &str| {
        let file = format!("maps/split-0/best-loss/{group}/{group}_patch_level_prediction.tsv");
        cells(&bench.path(&file), column)
    };
    bench.write_test("bare.tsv", Some("diagnosis"), None);
    for (group, options) in [
        ("asked", json!({"participants": "test.tsv", "labels": false})),
        ("bare", json!({"participants": "bare.tsv"})),
    ] {
        let found = bench.predict("maps", group, options).unwrap();
        assert_eq!((found.label, found.results.len()), (None, 0));
        assert_eq!(of(group, "true_label"), vec!["n/a"; 32]);
        assert_eq!(of(group, "proba1"), of("test", "proba1"));
        let folder = bench.path(&format!("maps/split-0/best-loss/{group}"));
        let names: Vec<String> = super::told(&folder).into_keys().collect();
        let table = |level| format!("{group}_{level}_level_prediction.tsv");
        let mut expected = [table("image"), table("patch"), "description.log".into()];
        expected.sort();
        assert_eq!(names, expected);
    }
    bench.refuses(
        "other",
        json!({"participants": "bare.tsv", "label": "diagnosis"}),
        Code::MissingColumn,
        &["there is no column \"diagnosis\"", "predict without labels"],
    );
}

#[test]
fn sessions_of_other_classes_are_left_out_only_where_that_is_asked_for() {
    let bench = trained(json!({}));
    let text = std::fs::read_to_string(bench.path("test.tsv")).unwrap();
    std::fs::write(bench.path("three.tsv"), text.replacen("beta", "gamma", 1)).unwrap();
    let three = json!({"participants": "three.tsv"});
    bench.refuses("test", three, Code::UnknownClass, &["gamma (1)", "it knows alpha, beta"]);
    let with = |more: Value| {
        let mut options = json!({"participants": "three.tsv"});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let wrong = with(json!({"classes": ["alpha", "gamma"]}));
    bench.refuses("test", wrong, Code::UnknownClass, &["does not know the class \"gamma\""]);
    bench.predict("maps", "test", with(json!({"classes": ["alpha", "beta"]}))).unwrap();
    assert_eq!(cells(&bench.path("maps").join(TABLE), "true_label").len(), 3);
    let selected = with(json!({"select": {"diagnosis": ["gamma"]}, "labels": false}));
    bench.predict("maps", "gamma", selected).unwrap();
    let file = bench.path("maps/split-0/best-loss/gamma/gamma_image_level_prediction.tsv");
    assert_eq!(cells(&file, "true_label"), ["n/a"]);
    // A column of one's own.
    let renamed = text.replacen("diagnosis", "course", 1);
    std::fs::write(bench.path("course.tsv"), renamed).unwrap();
    let course = json!({"participants": "course.tsv", "label": "course"});
    assert_eq!(bench.predict("maps", "course", course).unwrap().label.unwrap(), "course");
    let about = bench.path("maps/groups/course/data.tsv");
    assert_eq!(cells(&about, "course").len(), 4);
    let file = bench.path("maps/split-0/best-loss/course");
    std::fs::remove_dir_all(&file).unwrap();
    assert_eq!(bench.predict("maps", "course", json!({})).unwrap().label.unwrap(), "course");
}

#[test]
fn who_was_learned_from_is_named_and_an_override_is_recorded() {
    let bench = trained(json!({}));
    let table = "maps/groups/train/split-0/data.tsv";
    let someone = cells(&bench.path(table), "participant_id")[0].clone();
    let seen = json!({"participants": table});
    bench.refuses("seen", seen, Code::Leakage, &[&someone, "train+validation.tsv"]);
    let allowed = json!({"participants": table, "allow_leakage": true});
    bench.predict("maps", "seen", allowed).unwrap();
    let about = crate::experiment::read(&bench.path("maps/groups/seen/maps.json")).unwrap();
    assert_eq!(about["neurhai"]["allow_leakage"], json!(true));
    assert_eq!(about["neurhai"]["leaked"][0], json!(someone));
    // Those whom the weights that training began with have seen count, too.
    let begun = json!({"transfer": bench.path("maps"), "transfer_split": 0, "epochs": 1, "allow_leakage": true});
    let small: String = std::fs::read_to_string(bench.splits.join("train.tsv")).unwrap();
    let half: Vec<&str> = small
        .lines()
        .enumerate()
        .filter(|(i, _)| *i == 0 || *i % 2 == 1)
        .map(|(_, line)| line)
        .collect();
    let splits = bench.path("half");
    std::fs::create_dir(&splits).unwrap();
    std::fs::write(splits.join("train.tsv"), half.join("\n") + "\n").unwrap();
    std::fs::copy(
        bench.splits.join("validation_baseline.tsv"),
        splits.join("validation_baseline.tsv"),
    )
    .unwrap();
    let mut begun = begun;
    begun["splits"] = json!(splits);
    bench.run("begun", begun).unwrap();
    let other = cells(&bench.path(table), "participant_id")
        .into_iter()
        .find(|one| !half.iter().any(|line| line.contains(one.as_str())))
        .unwrap();
    let line = small.lines().find(|line| line.contains(&other)).unwrap();
    let text = format!("{}\n{line}\n", small.lines().next().unwrap());
    std::fs::write(bench.path("one.tsv"), text).unwrap();
    let error = bench.predict("begun", "one", json!({"participants": "one.tsv"})).unwrap_err();
    assert_eq!(error.code(), Code::Leakage, "{error}");
    assert!(error.to_string().contains(&other), "{error}");
}

#[test]
fn names_that_lead_elsewhere_and_options_that_contradict_are_refused() {
    let bench = trained(json!({}));
    for name in ["", "../x", "a/b", "x.tsv", ".hidden", "a b", "a\u{1b}[31m"] {
        let test = json!({"participants": "test.tsv"});
        bench.refuses(name, test, Code::BadOption, &["cannot be the name of a group"]);
    }
    let bad = Code::BadOption;
    bench.refuses("train", json!({"overwrite": true}), bad, &["is not replaced"]);
    let table = json!({"participants": "test.tsv"});
    bench.refuses("validation", table, bad, &["training says who is in the group"]);
    bench.refuses("validation", json!({}), Code::GroupInUse, &["training wrote its tables"]);
    bench.refuses("new", json!({}), Code::MissingOption, &["who is in it?", "train, validation"]);
    let both = json!({"participants": "test.tsv", "labels": false, "label": "diagnosis"});
    bench.refuses("new", both, bad, &["labels are not to be looked at"]);
    let split = json!({"participants": "test.tsv", "split": [3]});
    bench.refuses("new", split, bad, &["no split 3", "its splits are 0"]);
    let metric = json!({"participants": "test.tsv", "selection_metrics": ["los"]});
    bench.refuses("new", metric, Code::UnknownName, &["did you mean \"loss\""]);
    let folder = json!({"participants": "data/splits"});
    bench.refuses(
        "new",
        folder,
        Code::BadTable,
        &["this is a folder with", "train.tsv", "name the table itself"],
    );
    let nifti = json!({"participants": "test.tsv", "save_nifti": true});
    bench.refuses("new", nifti, bad, &["a classification gives no image"]);
    let unknown = json!({"participants": "test.tsv", "save_tensor": true});
    bench.refuses("new", unknown, Code::UnknownOption, &["did you mean \"save_tensors\""]);
}

#[test]
fn what_is_missing_or_was_changed_is_told_before_anything_is_predicted() {
    let bench = trained(json!({"data": patches()}));
    let maps = bench.path("maps");
    let test = || json!({"participants": "test.tsv"});
    let hidden = |file: &str, code: Code, words: &[&str]| {
        let (file, away) = (maps.join(file), bench.path("away"));
        std::fs::rename(&file, &away).unwrap();
        bench.refuses("test", test(), code, words);
        std::fs::rename(&away, &file).unwrap();
    };
    let weights = "split-0/best-loss/model.safetensors";
    hidden(weights, Code::BadMaps, &["does not hold the weights"]);
    hidden("groups/train+validation.tsv", Code::FileNotFound, &["whom the networks have seen"]);
    let changed = |file: &str, from: &str, to: &str, code: Code, words: &[&str]| {
        let file = maps.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        bench.refuses("test", test(), code, words);
        std::fs::write(&file, text).unwrap();
    };
    let classes = "\"alpha\": 0,\n        \"beta\": 1";
    changed(
        "maps.json",
        classes,
        "\"alpha\": 0,\n        \"beta\": 2",
        Code::BadMaps,
        &["\"beta\" the code 2"],
    );
    let three = "\"alpha\": 0,\n        \"beta\": 1,\n        \"gamma\": 2";
    changed(
        "maps.json",
        classes,
        three,
        Code::ShapeMismatch,
        &["3 classes need 3 outputs", "network.json"],
    );
    changed(
        "maps.json",
        "\"num_networks\": 8",
        "\"num_networks\": 4",
        Code::ImageShape,
        &["4 patch parts, these have 8"],
    );
    let table = "split-0/best-loss/vote_weights.tsv";
    let text = std::fs::read_to_string(maps.join(table)).unwrap();
    let last = text.lines().last().unwrap();
    changed(table, last, "", Code::BadMaps, &["not those of 8 parts"]);
    std::fs::write(maps.join(weights), "no weights").unwrap();
    bench.refuses("test", test(), Code::BadWeights, &["model.safetensors"]);

    // Images of another size, and images that changed since the group was made.
    let other = Bench::with(|options| {
        options.image_size = [32, 24, 24];
        options.test_per_class = 2;
    });
    let caps = json!({"participants": "test.tsv", "caps": other.caps});
    bench.refuses("test", caps, Code::ImageShape, &["8 patch parts, these have"]);
}

#[test]
fn an_image_that_changed_since_is_told() {
    let bench = trained(json!({}));
    bench.predict("maps", "test", json!({"participants": "test.tsv"})).unwrap();
    std::fs::remove_dir_all(bench.path("maps/split-0/best-loss/test")).unwrap();
    let inputs = bench.path("maps/groups/test/inputs.tsv");
    let files = cells(&inputs, "file");
    std::fs::copy(&files[0], &files[1]).unwrap();
    let words = ["not the one that the group began with", "sub-"];
    bench.refuses("test", json!({}), Code::BadMaps, &words);
}

#[test]
fn cohorts_are_told_apart() {
    let bench = Bench::with(|options| {
        options.cohorts = vec!["north".to_owned(), "south".to_owned()];
        options.participants_per_class = 4;
        options.test_per_class = 1;
    });
    bench.run("maps", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let mut one = String::new();
    let mut several = String::from("cohort\tpath\n");
    for cohort in ["north", "south"] {
        let own = bench.path("data").join(cohort).join("splits/test_baseline.tsv");
        let text = std::fs::read_to_string(&own).unwrap();
        std::fs::write(bench.path(&format!("{cohort}.tsv")), &text).unwrap();
        several += &format!("{cohort}\t{cohort}.tsv\n");
        for line in text.lines().skip(usize::from(!one.is_empty())) {
            one += &format!("{line}\t{}\n", if one.is_empty() { "cohort" } else { cohort });
        }
    }
    std::fs::write(bench.path("one.tsv"), one).unwrap();
    std::fs::write(bench.path("several.tsv"), several).unwrap();
    bench.predict("maps", "one", json!({"participants": "one.tsv"})).unwrap();
    bench.predict("maps", "several", json!({"participants": "several.tsv"})).unwrap();
    let table = |group: &str, what: &str| {
        let name = format!("maps/split-0/best-loss/{group}/{group}_image_level_{what}.tsv");
        std::fs::read_to_string(bench.path(&name)).unwrap()
    };
    for what in ["prediction", "metrics", "metrics_per_cohort"] {
        assert_eq!(table("one", what), table("several", what), "{what}");
    }
    assert!(table("one", "prediction").contains("\tnorth\n"));
    // One of both alone is of people of its own.
    let north = json!({"participants": "north.tsv", "caps": "data/north"});
    let found = bench.predict("maps", "north", north).unwrap();
    assert_eq!(found.results.len(), 1);
    let single = json!({"participants": "several.tsv", "caps": "data/north"});
    bench.refuses("x", single, Code::BadOption, &["there is one CAPS"]);
    let bare = json!({"participants": "north.tsv"});
    bench.refuses("x", bare, Code::MissingColumn, &["\"cohort\"", "several CAPS"]);
}

#[test]
fn metrics_of_a_group_are_those_of_its_table() {
    let bench = trained(json!({}));
    bench.predict("maps", "test", json!({"participants": "test.tsv"})).unwrap();
    let maps = bench.path("maps");
    let (truth, said) =
        (cells(&maps.join(TABLE), "true_label"), cells(&maps.join(TABLE), "predicted_label"));
    let right = truth.iter().zip(&said).filter(|(a, b)| a == b).count();
    assert_eq!(numbers(&maps.join(METRICS), "accuracy")[0], right as f64 / 4.0);
    // The mean of −log p of the true class, by hand.
    let p = |row: usize| numbers(&maps.join(TABLE), &format!("proba{}", truth[row]))[row];
    let loss = (0..4).map(|row| -p(row).ln()).sum::<f64>() / 4.0;
    assert!((numbers_or_none(&maps.join(METRICS), "loss")[0].unwrap() - loss).abs() < 1e-6);
}

fn numbers_or_none(file: &Path, column: &str) -> Vec<Option<f64>> {
    cells(file, column).iter().map(|cell| cell.parse().ok()).collect()
}
