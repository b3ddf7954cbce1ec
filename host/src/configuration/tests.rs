use serde_json::json;

use super::*;

#[test]
fn values_are_those_of_toml_and_plain_words_texts() {
    for (text, value) in [
        ("3", json!(3)),
        ("1e-3", json!(1e-3)),
        ("1_000", json!(1000)),
        ("0x10", json!(16)),
        ("true", json!(true)),
        ("[\"loss\", \"BA\"]", json!(["loss", "BA"])),
        ("{ AD = 2.0 }", json!({ "AD": 2.0 })),
        ("\"3\"", json!("3")),
        ("SGD", json!("SGD")),
        ("5_fold", json!("5_fold")),
        ("1.2.3", json!("1.2.3")),
        ("-7", json!(-7)),
        ("99999999999999999999", json!("99999999999999999999")),
        ("maps/run 3", json!("maps/run 3")),
        ("cuda:0", json!("cuda:0")),
        ("2024-01-01", json!("2024-01-01")),
        ("True", json!("True")),
    ] {
        assert_eq!(of_text(text).unwrap(), value, "{text}");
    }
    for text in ["[loss, BA]", "\"open", "inf", "a\nb", "3\nx = 4"] {
        assert!(of_text(text).is_err(), "{text}");
    }
}

#[test]
fn paths_are_dotted_keys() {
    let words = |text: &str| assignment(text).unwrap().0.join("|");
    assert_eq!(words("train.epochs=3"), "train|epochs");
    assert_eq!(words(" options . \"a.b=c\" = 3"), "options|a.b=c");
    assert_eq!(words("train.1.epochs = 3"), "train|1|epochs");
    for text in ["epochs", "=3", "a b=3", "epochs=", "a = 1\nb=3", "a={x=1}=3"] {
        assert!(assignment(text).is_err(), "{text}");
    }
}

#[test]
fn a_trial_wins_over_all_and_keeps_what_is_set_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: Value| {
        let file = folder.path().join(name);
        std::fs::write(&file, value.to_string()).unwrap();
        file
    };
    let file = write("a.json", json!({ "train": { "0": { "learning_rate": 1.0 } } }));
    let drawn = json!({ "learning_rate": 0.1, "architecture": "Mine", "output": "trial" });
    let trial = write("b.json", drawn);
    let set = ["train.0.learning_rate=2", "options.width=3", "train.0.output=x"];
    let read = Configuration::read(&[file], &set.map(str::to_owned), Some(&trial)).unwrap();
    let mut options = json!({ "options": { "depth": 1 } }).as_object().unwrap().clone();
    read.overrides.apply(Some(0), &mut options);
    let expected = json!({
        "learning_rate": 0.1, "architecture": "Mine", "output": "trial",
        "options": { "width": 3 },
    });
    assert_eq!(Value::from(options), expected);
}

#[test]
fn a_file_may_be_marked_as_utf_8_and_gives_each_option_once() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        Configuration::read(&[file], &[], None).map(drop)
    };
    read("a.json", "\u{feff}{ \"epochs\": 3 }").unwrap();
    read("a.toml", "\u{feff}epochs = 3\n").unwrap();
    let error = read("a.json", "{ \"epochs\": 3,\n\"epochs\": 4 }").unwrap_err().to_string();
    assert!(error.contains("a.json:2") && error.contains("stands twice"), "{error}");
    let error = read("a.toml", "epochs = 3\n[train]\nepochs = 4\n").unwrap_err().to_string();
    assert!(error.contains("a.toml:3") && error.contains("given twice"), "{error}");
}

#[test]
fn a_file_tells_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "batch_size = 4\n\n[train]\nepoch = 3\n").unwrap();
    let error = Configuration::read(&[file], &[], None).unwrap_err().to_string();
    assert!(error.contains("a.toml:4") && error.contains("\"epochs\""), "{error}");
}
