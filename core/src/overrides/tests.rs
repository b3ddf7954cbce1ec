use serde_json::json;

use super::*;

fn words(path: &str) -> Vec<String> {
    path.split('.').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn argument(path: &[String]) -> Source {
    Source::Argument(format!("--set {}", path.join(".")))
}

/// Layers of tables on top of `script`, for the training `call`.
fn merged(layers: &[Value], call: Option<usize>, script: Value) -> (Value, Vec<Replaced>) {
    let mut overrides = Overrides::default();
    for layer in layers {
        overrides.layer();
        overrides.set(&[], layer.clone(), &argument).unwrap();
    }
    let mut options = map(script);
    let replaced = overrides.apply(call, &mut options);
    (options.into(), replaced)
}

#[test]
fn later_layers_win_and_paths_reach_into_maps_of_options_alone() {
    let script = json!({
        "epochs": 10, "data": { "caps": "a", "normalize": true },
        "options": { "width": 8, "depth": 2 }, "class_weights": { "AD": 2.0 },
    });
    let file = json!({ "train": { "epochs": 5, "class_weights": { "CN": 3.0 } },
                       "data": { "normalize": false }, "options": { "width": 4 } });
    let line = json!({ "epochs": 3, "train": { "options": { "depth": 1 } } });
    let (found, replaced) = merged(&[file, line], Some(0), script);
    let expected = json!({
        "epochs": 3, "data": { "caps": "a", "normalize": false },
        "options": { "width": 4, "depth": 1 }, "class_weights": { "CN": 3.0 },
    });
    assert_eq!(found, expected);
    let epochs: Vec<_> = replaced.iter().filter(|one| one.option == "epochs").collect();
    let [epochs] = &epochs[..] else { panic!("{epochs:?}") };
    assert_eq!((&epochs.value, &epochs.script), (&Some(json!(3)), &Some(json!(10))));
    assert_eq!(epochs.from, "--set epochs");
}

#[test]
fn a_number_after_train_names_one_training() {
    let layer =
        json!({ "train": { "epochs": 2, "1": { "epochs": 5, "data": { "nan": "replace" } } } });
    let (first, _) = merged(std::slice::from_ref(&layer), Some(0), json!({}));
    assert_eq!(first, json!({ "epochs": 2 }));
    let (second, _) = merged(std::slice::from_ref(&layer), Some(1), json!({}));
    assert_eq!(second, json!({ "epochs": 5, "data": { "nan": "replace" } }));
    let (other, _) = merged(&[layer], None, json!({}));
    assert_eq!(other, json!({ "epochs": 2 }));
}

#[test]
fn options_of_what_was_named_before_are_left_out() {
    let script = json!({ "architecture": "Small", "options": { "width": 8 },
                         "optimizer_options": { "amsgrad": true } });
    let layer = json!({ "options": { "dropout": 0.5 }, "architecture": "Conv5_FC3",
                        "optimizer": "Adam" });
    let (found, replaced) = merged(&[layer], Some(0), script);
    assert_eq!(found["options"], json!({ "dropout": 0.5 }));
    // The optimizer is the one that the script had by default.
    assert_eq!(found["optimizer_options"], json!({ "amsgrad": true }));
    let dropped: Vec<_> = replaced.iter().filter(|one| one.value.is_none()).collect();
    let [dropped] = &dropped[..] else { panic!("{dropped:?}") };
    assert_eq!((&*dropped.option, &dropped.script), ("options.width", &Some(json!(8))));
}

#[test]
fn what_does_not_exist_or_fit_is_refused_with_its_source() {
    for (path, value, code, part) in [
        ("train.epoch", json!(3), Code::UnknownOption, "did you mean \"epochs\""),
        ("epochs", json!("many"), Code::BadOption, "must be a whole number"),
        ("train.epochs", json!(0), Code::BadOption, "at least 1"),
        ("data.normalise", json!(true), Code::UnknownOption, "did you mean \"normalize\""),
        ("data.mode", json!("cube"), Code::BadOption, "one of image"),
        ("data", json!(3), Code::BadOption, "holds options"),
        ("epochs.x", json!(3), Code::BadOption, "holds no further options"),
        ("class_weights.AD", json!(2), Code::BadOption, "replaced as a whole"),
        ("vot.options.width", json!(2), Code::UnknownOption, "did you mean \"vote\""),
    ] {
        let error = Overrides::default().set(&words(path), value, &argument).unwrap_err();
        assert_eq!(error.code(), code, "{path}");
        let text = error.to_string();
        assert!(text.contains(part) && text.contains(&format!("--set {path}")), "{text}");
    }
    let both = json!({ "epoch": 3, "data": { "x": 1 } });
    let error = Overrides::default().set(&[], both, &argument).unwrap_err();
    assert_eq!(error.problems().len(), 2);
}

#[test]
fn what_sets_nothing_is_refused() {
    let mut overrides = Overrides::default();
    overrides.set(&words("train.2.epochs"), json!(3), &argument).unwrap();
    assert!(overrides.check_calls(3, false).is_ok());
    let error = overrides.check_calls(2, true).unwrap_err().to_string();
    assert!(
        error.contains("has no training 2: it has 2") && error.contains("train.2.epochs"),
        "{error}"
    );
    assert!(overrides.check_calls(0, false).is_err());
}

#[test]
fn an_option_is_set_however_its_path_is_written() {
    let mut overrides = Overrides::default();
    let layer = json!({ "train": { "0": { "epochs": 2 } }, "options": { "width": 3 } });
    overrides.set(&[], layer, &argument).unwrap();
    assert!(overrides.sets("epochs") && overrides.sets("options.width"));
    assert!(!overrides.sets("options") && !overrides.sets("width") && !overrides.sets("seed"));
}

#[test]
fn what_one_table_gives_twice_is_refused() {
    let twice = json!({ "epochs": 3, "train": { "epochs": 5, "0": { "epochs": 4 } } });
    let error = Overrides::default().set(&[], twice, &argument).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert!(error.to_string().contains("epochs is given twice"), "{error}");
}
