//! Every mistake a person makes: the message names it, and nothing is left behind.

use std::fs;

use crate::{Place, said};

/// The training of `TRAIN` with one thing changed.
fn with(change: (&str, &str)) -> String {
    assert!(super::TRAIN.contains(change.0), "{change:?}");
    super::TRAIN.replace(change.0, change.1)
}

#[test]
fn mistakes_in_a_script_are_shown_where_they_are() {
    let place = Place::new();
    place.refused(
        &with(("epochs: 2", "epoch: 2")),
        &["E0103", "script.rhai:5:", "\"epoch\"", "did you mean \"epochs\"", "^"],
    );
    place.refused(
        &with(("epochs: 2", "epochs: \"two\"")),
        &["E0104", "script.rhai:5:", "a whole number"],
    );
    place.refused(&with(("epochs: 2", "epochs: 0")), &["E0104", "at least 1"]);
    place.refused(&with(("output: \"maps\"", "output: \"\"")), &["E0104", "has no name"]);
    assert!(!place.path().join("maps.json").exists() && !place.path().join(".lock").exists());
    place.refused(
        &with(("linear(p.outputs)", "liner(p.outputs)")),
        &["liner", "linear", "script.rhai:3:"],
    );
    place.refused(&with(("batch_norm()", "batch_norm(#{ epz: 1 })")), &["E0103", "epz", "eps"]);
    place.refused(&with(("conv(4, 3,", "conv(4, 30,")), &["E0202", "convolutions.0", "20×22×18"]);
    place.refused(&with(("device: \"cpu\"", "label: \"diagnosys\"")), &["E0402", "diagnosis"]);
    place.refused(&with(("data/caps", "data/cap")), &["E0301", "data/cap"]);
    place.refused(&with(("data/splits", "data")), &["E0406", "splits"]);
    place.refused(&with(("architecture: \"Tiny\"", "architecture: \"Tinny\"")), &["E0106", "Tiny"]);
    place.refused("let x = ;", &["script.rhai:1:", "^"]);
    place.refused("fn f(n) { n / 0 }\nf(2);", &["zero", "script.rhai:1:", "script.rhai:2:"]);
}

#[test]
fn a_missing_script_is_a_plain_error() {
    let place = Place::new();
    let output = crate::host(place.path()).args(["run", "nothing.rhai"]).output().unwrap();
    assert!(said(&output).contains("nothing.rhai"), "{}", said(&output));
    assert!(matches!(output.status.code(), Some(1 | 2)));
    let output = crate::host(place.path()).args(["rum", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("run"));
}

#[test]
fn the_sandbox_ends_what_would_not_end() {
    let place = Place::new();
    place.refused("let x = 0; loop { x += 1; }", &["E0102", "script.rhai:1:"]);
    place.refused("let s = \"x\"; loop { s += s; }", &["E0102"]);
    place.refused("let a = []; loop { a.push([1, 2, 3]); }", &["E0102"]);
    place.refused("let a = [1]; loop { a = [a, a]; }", &["E0102"]);
    place.refused("fn f(n) { f(n + 1) }\nf(0);", &["E0102", "script.rhai:2:"]);
    place.refused("import \"../../etc/passwd\" as x;", &["etc/passwd"]);
    place.refused("eval(\"1 + 1\")", &["eval"]);
}

#[test]
fn mistakes_in_tables_name_row_and_column() {
    let place = Place::new();
    let train = place.table("train.tsv");
    let text = fs::read_to_string(&train).unwrap();
    let restore = || fs::write(&train, &text).unwrap();
    let refused = |changed: String, parts: &[&str]| {
        fs::write(&train, changed).unwrap();
        place.refused("TRAIN", parts);
        restore();
    };
    refused(
        text.replace("participant_id", "participant"),
        &["E0402", "participant_id", "train.tsv"],
    );
    let second = text.lines().nth(1).unwrap();
    refused(format!("{text}{second}\n"), &["E0403", "row 2", "train.tsv"]);
    refused(text.replacen("\talpha", "\t", 1), &["E0404", "diagnosis"]);
    refused(format!("{text}sub-X\n"), &["E0401", "train.tsv"]);
    refused(
        text.lines().filter(|line| !line.contains("\talpha")).collect::<Vec<_>>().join("\n"),
        &["E0407", "alpha"],
    );
    let other = fs::read_to_string(place.table("validation_baseline.tsv")).unwrap();
    let leaked = other.lines().nth(1).unwrap();
    let participant = leaked.split('\t').next().unwrap();
    refused(format!("{text}{leaked}\n"), &["E0405", participant]);
    fs::write(&train, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let output = place.run("TRAIN");
    assert!(output.status.success(), "CRLF and BOM are read: {}", said(&output));
}

#[test]
fn bad_images_are_all_listed_before_training() {
    let place = Place::new();
    let images = place.images();
    let whole = fs::read(&images[0]).unwrap();
    fs::write(&images[0], &whole[..whole.len() * 2 / 3]).unwrap();
    fs::write(&images[1], "no image\n").unwrap();
    let other = neurhai_core::volume::read(&images[2]).unwrap();
    let voxels: Vec<f32> = (0..1000).map(|i| i as f32).collect();
    neurhai_core::volume::write(&images[2], [10, 10, 10], &voxels, &other.affine).unwrap();
    place.refused("TRAIN", &["E0304", "E0310", "10×10×10", "20×22×18", "3 problems"]);
    fs::remove_file(&images[2]).unwrap();
    place.refused("TRAIN", &["E0306"]);
}

#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let place = Place::new();
    let folder = place.images()[0].parent().unwrap().to_path_buf();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "a file where a folder should be").unwrap();
    place.refused("TRAIN", &["E030"]);
}

#[test]
fn an_output_in_use_is_left_alone() {
    let place = Place::new();
    assert!(place.run("TRAIN").status.success());
    let maps = place.path().join("maps");
    let before: Vec<_> = crate::files(&maps).iter().map(|file| fs::read(file).unwrap()).collect();
    let output = place.run("TRAIN");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("E0601"), "{}", said(&output));
    let after: Vec<_> = crate::files(&maps).iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(before == after);
}

#[test]
fn functions_that_training_calls_cannot_train() {
    let place = Place::new();
    let nested = r#"
        metric("M", #{ direction: "higher" }, |truth, scores| { train(#{ data: caps("data/caps"), splits: "data/splits",
            architecture: "Tiny", output: "inner" }); 1.0 });
    "#;
    place.refused(&format!("{nested}{}", super::TRAIN), &["cannot train", "script.rhai:2:", "M"]);
    assert!(!place.path().join("inner").exists());
}

#[test]
fn an_argument_that_the_script_does_not_ask_for_is_refused() {
    let place = Place::new();
    place.script("print(arg(\"width\", 3));");
    for command in ["run", "check", "inspect"] {
        let output =
            crate::host(place.path()).args([command, "script.rhai", "--", "--widht", "4"]).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {}", said(&output));
        assert!(said(&output).contains("did you mean \"width\""), "{}", said(&output));
    }
}
