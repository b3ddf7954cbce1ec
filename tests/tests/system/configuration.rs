//! Options in place of the script's, where they come from, and the schema of their files.

use std::path::Path;
use std::process::Command;

use neurhai_host::configuration::Configuration;
use serde_json::{Value, json};

use crate::{Place, host, python, root, said};

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

impl Place {
    /// The program with these words, and its exit code.
    fn host(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = host(self.path()).args(words).output().unwrap();
        (output.status.code(), said(&output))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }
}

#[test]
fn the_command_line_wins_over_files_and_files_over_the_script_and_it_is_recorded() {
    let place = Place::new();
    place.script("TRAIN");
    place.write("a.toml", "[train]\nepochs = 5\nbatch_size = 3\n\n[data]\nnormalize = false\n");
    place.write("b.json", r#"{ "batch_size": 2 }"#);
    let words = "run script.rhai --config a.toml --config b.json --set train.epochs=1";
    let (code, text) = place.host(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{text}");
    let maps = read(&place.path().join("maps/maps.json"));
    let found = &maps["neurhai"]["configuration"];
    assert_eq!(found["epochs"], 1);
    assert_eq!(found["batch_size"], 2);
    assert_eq!(found["data"]["normalize"], false);
    assert_eq!(found["learning_rate"], 1e-3);
    let replaced = json!([
        { "option": "data.normalize", "value": false, "script": null, "from": "a.toml:6" },
        { "option": "batch_size", "value": 2, "script": 4, "from": "b.json" },
        { "option": "epochs", "value": 1, "script": 2, "from": "--set train.epochs=1" },
    ]);
    assert_eq!(maps["neurhai"]["replaced"], replaced);
    let log = std::fs::read_to_string(place.path().join("maps/information.log")).unwrap();
    assert!(log.contains("epochs = 1, by --set train.epochs=1; in the script 2"), "{log}");

    // What goes on needs none of it said again.
    let (code, text) = place.host(&["resume", "maps", "--epochs", "2"]);
    assert_eq!(code, Some(0), "{text}");
    let maps = read(&place.path().join("maps/maps.json"));
    assert_eq!(maps["neurhai"]["configuration"]["batch_size"], 2);
    assert_eq!(maps["neurhai"]["replaced"], replaced);

    // An experiment is a configuration, too: the same again, into the folder that the script names.
    std::fs::rename(place.path().join("maps"), place.path().join("first")).unwrap();
    let (code, text) = place.host(&["run", "script.rhai", "--config", "first/maps.json"]);
    assert_eq!(code, Some(0), "{text}");
    let weights = |maps: &str| {
        std::fs::read(place.path().join(maps).join("split-0/best-loss/model.safetensors")).unwrap()
    };
    assert!(weights("first") == weights("maps"), "the same options, the same weights");
}

#[test]
fn what_is_wrong_is_told_with_its_source_before_anything_runs() {
    let place = Place::new();
    place.script("print(\"it runs\"); TRAIN");
    place.write("a.toml", "epochs = 3\n[data]\nnormalise = true\n");
    place.write("broken.toml", "epochs = 3\nbatch_size = = 4\n");
    place.write("theirs.json", r#"{ "network_task": "classification", "tsv_path": "x" }"#);
    place.write("theirs.toml", "[Optimization]\nepochs = 3\n");
    place.write("options.yaml", "epochs: 3\n");
    for (words, parts) in [
        ("--set epoch=3", &["E0103", "did you mean \"epochs\"", "--set epoch=3"][..]),
        ("--set train.epochs=few", &["E0104", "a whole number", "--set train.epochs=few"]),
        ("--set epochs", &["no value", "OPTION=VALUE"]),
        ("--config a.toml", &["E0103", "did you mean \"normalize\"", "a.toml:3"]),
        ("--config broken.toml", &["E0109", "not TOML", "broken.toml:2"]),
        ("--config theirs.json", &["E0109", "network_task is task", "tsv_path is splits"]),
        ("--config theirs.toml", &["E0103", "\"Optimization\"", "theirs.toml:1"]),
        ("--config options.yaml", &["E0109", ".toml or .json"]),
        ("--config none.toml", &["E0301", "none.toml"]),
    ] {
        let words: Vec<&str> = ["run", "script.rhai"].into_iter().chain(words.split(' ')).collect();
        let (code, text) = place.host(&words);
        assert_eq!(code, Some(2), "{words:?}\n{text}");
        assert!(!text.contains("it runs") && !text.contains("panicked"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
    for command in ["check", "find-learning-rate"] {
        let (code, text) = place.host(&[command, "script.rhai", "--set", "epoch=3"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--set epoch=3"), "{text}");
    }
    // What depends on the script is told when it trains, still with its source and before any work.
    for (words, part) in [
        ("--set architecture=Tinny", "did you mean \"Tiny\""),
        ("--set options.width=3", "has no option \"width\""),
        ("--set splits=nowhere", "--set splits=nowhere"),
        ("--set train.1.epochs=3", "has no training 1"),
    ] {
        let words: Vec<&str> =
            ["check", "script.rhai"].into_iter().chain(words.split(' ')).collect();
        let (code, text) = place.host(&words);
        assert_eq!(code, Some(1), "{words:?}\n{text}");
        assert!(text.contains(part) && text.contains(words[3]), "{text}");
        assert!(!place.path().join("maps").exists());
    }
}

#[test]
fn every_value_is_shown_with_its_source() {
    let place = Place::new();
    place.script(
        "let data = caps(\"data/caps\")\n    .patches(9, 9);\n\
         train(#{\n data: data, splits: \"data/splits\",\n output: \"a\", epochs: 2 });\n\
         train(#{ data: data, splits: \"data/splits\", output: \"b\" });",
    );
    place.write("a.toml", "[options]\ndropout = 0.5\n");
    let words = "check script.rhai --show config --json --config a.toml --set train.1.epochs=7";
    let output = host(place.path()).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let source = |training: usize, option: &str| -> (Value, String) {
        let all = found["trainings"][training]["options"].as_array().unwrap();
        let of = all.iter().find(|one| one[0]["option"] == option).unwrap();
        (of[0]["value"].clone(), of[1].as_str().unwrap().to_owned())
    };
    assert_eq!(source(0, "epochs"), (json!(2), "script.rhai:5".into()));
    assert_eq!(source(1, "epochs"), (json!(7), "--set train.1.epochs=7".into()));
    assert_eq!(source(0, "options.dropout"), (json!(0.5), "a.toml:2".into()));
    assert_eq!(source(0, "data.patch_size"), (json!(9), "script.rhai:2".into()));
    assert_eq!(source(1, "batch_size"), (json!(8), "default".into()));
    assert_eq!(source(1, "schedule"), (json!(null), "default".into()));
    assert!(!place.path().join("a").exists());

    let (code, text) = place.host(&["check", "script.rhai", "--show", "config"]);
    assert_eq!(code, Some(0), "{text}");
    let line = text.lines().find(|line| line.starts_with("vote ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["vote", "\"soft\"", "default"]);
}

/// The Python package `jsonschema` judges by the schema what the program wrote and would refuse.
#[test]
fn the_schema_agrees_with_the_program() {
    let Some(python) = python(&["jsonschema"]) else { return };
    let python = |script: &str, words: &[&str], folder: &Path| {
        Command::new(&python).arg("-c").arg(script).args(words).current_dir(folder).output()
    };
    let place = Place::new();
    for what in ["config", "train", "data"] {
        let output = host(place.path()).args(["schema", what]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        std::fs::write(place.path().join(format!("{what}.json")), output.stdout).unwrap();
    }
    // The configuration of each example as it is resolved, but for those that need what others write.
    let examples = crate::files(&root().join("scripts/examples"));
    let mut resolved = Vec::new();
    for file in examples.iter().filter(|file| file.extension().is_some_and(|e| e == "rhai")) {
        let script = file.display().to_string();
        let words = ["check", &script, "--show", "config", "--json"];
        let output = host(place.path()).args(words).output().unwrap();
        if !output.status.success() {
            assert!(said(&output).contains("needs the argument"), "{script}: {}", said(&output));
            continue;
        }
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        for training in found["trainings"].as_array().unwrap() {
            let mut options = json!({});
            for one in training["options"].as_array().unwrap() {
                let (path, value) = (one[0]["option"].as_str().unwrap(), &one[0]["value"]);
                match path.split_once('.') {
                    _ if value.is_null() => {}
                    Some((outer, name)) => options[outer][name] = value.clone(),
                    None => options[path] = value.clone(),
                }
            }
            resolved.push(options);
        }
    }
    assert!(resolved.len() >= 8, "{}", resolved.len());
    place.write("resolved.json", &json!(resolved).to_string());
    let (code, text) = place.host(&["run", "script.rhai"]);
    assert_eq!(code, Some(2), "{text}");
    place.script("TRAIN");
    assert_eq!(place.host(&["run", "script.rhai", "--set", "epochs=1"]).0, Some(0));
    let right = json!([
        {}, { "epochs": 3 }, { "train": { "epochs": 3, "1": { "batch_size": 2 } } },
        { "data": { "patch_size": [3, 4, 5] }, "freeze": "fc", "augmentation": ["Noise"] },
        { "search": { "learning_rate": { "exponent": [3, 5] },
                      "options": { "width": { "choice": [4, 8] } } } },
    ]);
    let wrong = json!([
        { "epoch": 3 }, { "epochs": 0 }, { "epochs": 1.5 }, { "epochs": "3" },
        { "train": { "epoch": 3 } }, { "train": { "1": { "epoch": 2 } } }, { "train": { "x": {} } },
        { "data": { "normalise": true } }, { "data": { "mode": "cube" } }, { "task": "guessing" },
        { "data": { "patch_size": 0 } }, { "augmentation": [{ "sigma": 1 }] }, { "seed": -1 },
        { "search": { "learning_rate": 3 } },
        { "search": { "learning_rate": { "exponent": [3, 5], "choice": [1] } } },
    ]);
    place.write("right.json", &right.to_string());
    place.write("wrong.json", &wrong.to_string());
    let script = r#"
import json
from jsonschema import Draft202012Validator as Validator
read = lambda name: json.load(open(name))
config, train, data = read("config.json"), read("train.json"), read("data.json")
for schema in (config, train, data): Validator.check_schema(schema)
config, train, data = Validator(config), Validator(train), Validator(data)
own = read("maps/maps.json")["neurhai"]["configuration"]
for options in read("resolved.json") + [own]:
    train.validate(options); config.validate(options); data.validate(options["data"])
for options in read("right.json"): config.validate(options)
for options in read("wrong.json"):
    assert not config.is_valid(options), options
assert not train.is_valid({k: v for k, v in own.items() if k != "output"})
"#;
    let output = python(script, &[], place.path()).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // The program takes and refuses the same; what is searched over is judged when a search begins.
    for (list, taken) in [(&right, true), (&wrong, false)] {
        for options in list.as_array().unwrap().iter().filter(|one| one.get("search").is_none()) {
            place.write("one.json", &options.to_string());
            let read = Configuration::read(&[place.path().join("one.json")], &[], None);
            assert_eq!(read.is_ok(), taken, "{options}: {read:?}");
        }
    }
}
