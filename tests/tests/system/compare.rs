//! `host compare`: exit codes as those of diff, and what is told.

use serde_json::Value;

use crate::{Place, host, said};

#[test]
fn experiments_are_compared() {
    let place = Place::new();
    let script = |output: &str, seed: u32| {
        format!(
            "train(#{{ data: caps(\"data/caps\"), splits: \"data/splits\", epochs: 2, batch_size: 4, \
             architecture: \"small\", device: \"cpu\", seed: {seed}, output: \"{output}\" }});\n"
        )
    };
    let small = "architecture(\"small\", #{}, |p| [ conv(2, 3, #{ stride: 3 }), relu(), flatten(), \
                 linear(p.outputs) ]);\n";
    for (output, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        let output = place.run(&format!("{small}{}", script(output, seed)));
        assert!(output.status.success(), "{}", said(&output));
    }
    let compare = |words: &[&str]| {
        let output = host(place.path()).arg("compare").args(words).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    let (code, text) = compare(&["a", "b"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("the same in all 2 epochs") && text.contains("both did the same"),
        "{text}"
    );
    let (code, text) = compare(&["a", "c"]);
    assert_eq!(code, 1, "{text}");
    let parts =
        ["seed", "they part in epoch 1: the weights it begins with, the order", "script.rhai"];
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let (code, text) = compare(&["a", "c", "--json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["courses"][0]["parting"]["epoch"]), (1, &Value::from(0)));
    assert_eq!(json["options"][0]["name"], "seed");
    // Nothing but a page is written over.
    for (words, folder) in
        [(["a", "b", "--html", "a/maps.json"], "a"), (["a", "b", "--html", "b"], "b")]
    {
        let (code, text) = compare(&words);
        assert!(code == 2 && place.path().join(folder).join("maps.json").is_file(), "{text}");
    }
    let before = std::fs::read(place.path().join("a/maps.json")).unwrap();
    let words = ["report", "a", "--output", "a/maps.json"];
    let output = host(place.path()).args(words).output().unwrap();
    assert!(
        output.status.code() == Some(2) && said(&output).contains("E0601"),
        "{}",
        said(&output)
    );
    assert!(std::fs::read(place.path().join("a/maps.json")).unwrap() == before);
    // Any JSON of this name makes no experiment.
    std::fs::create_dir(place.path().join("other")).unwrap();
    std::fs::write(place.path().join("other/maps.json"), "{}").unwrap();
    let (code, text) = compare(&["a", "other"]);
    assert!(code == 2 && text.contains("names no task"), "{code} {text}");
    let (code, text) = compare(&["a", "data"]);
    assert!(code == 2 && text.contains("no experiment"), "{code} {text}");
}
