//! What a plugin does wrong while it is used.

use std::fs;

use neurhai_core::Code;
use neurhai_core::catalog::ArchitectureRequest;
use neurhai_core::metric::{Confusion, Rows};
use neurhai_core::network::Plan;
use neurhai_core::options::Options;
use neurhai_core::vote::Ballot;
use serde_json::Map;

use super::Folder;
use crate::{Place, said};

fn request() -> ArchitectureRequest {
    ArchitectureRequest { input: vec![1, 8, 8, 8], outputs: 2, options: Map::new() }
}

#[test]
fn wrong_answers_are_errors_that_name_the_plugin() {
    for (case, parts) in [
        ("BAD_JSON", &["no JSON", "{\\\"layers\\\": ["][..]),
        ("NO_ANSWER", &["no JSON"]),
        ("NULL_ANSWER", &["null pointer, or too long"]),
        ("ENDLESS_ANSWER", &["null pointer, or too long"]),
        ("NOT_UTF8", &["no UTF-8"]),
        ("ODD_STATUS", &["unknown status 77"]),
        ("LONG_MESSAGE", &["xxxx", "1048576 bytes in all"]),
    ] {
        let folder = Folder::new();
        folder.hostile("x", case);
        let (catalog, found) = folder.load();
        assert_eq!(found.plugins.len(), 1, "{case}: {:?}", found.refused);
        let entry = catalog.architectures.get("GoodNet").unwrap();
        let error = entry.architecture.build(&request(), &catalog).expect_err("a refusal");
        let text = error.to_string();
        assert_eq!(error.code(), Code::PluginFailed, "{text}");
        for part in parts.iter().chain(&["architecture \"GoodNet\"", "hostile 0.1.0"]) {
            assert!(text.contains(part), "{case}: {part:?} is not in {text}");
        }
        assert!(text.len() < 4000);
    }
    // Layers that do not fit are told like those of a script.
    let folder = Folder::new();
    folder.hostile("x", "BAD_LAYERS");
    let (catalog, _) = folder.load();
    let spec =
        catalog.architectures.get("GoodNet").unwrap().architecture.build(&request(), &catalog);
    let error = Plan::new(spec.unwrap(), &[1, 8, 8, 8], &catalog).err().unwrap();
    assert!(error.to_string().contains("out_channels"), "{error}");
}

#[test]
fn votes_that_give_no_numbers_are_errors() {
    for (case, part) in [("VOTE_NAN", "NaN"), ("VOTE_NOTHING", "NaN"), ("FIT_NAN", "infinite")] {
        let folder = Folder::new();
        folder.hostile("x", case);
        let (catalog, _) = folder.load();
        let entry = catalog.votes.get("good_vote").unwrap();
        let options = Options::check(&[], &Map::new(), "vote").unwrap();
        let ballot =
            Ballot { parts: 2, outputs: 2, values: &[0.5; 8], weights: &[0.5, 0.5], fitted: &[] };
        let error = match case {
            "FIT_NAN" => entry.vote.fit(&ballot, &[0, 1], &options).unwrap_err(),
            _ => entry.scores(&ballot, &options).unwrap_err(),
        };
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("hostile"), "{error}");
    }
}

#[test]
fn a_metric_without_a_value_is_undefined() {
    let folder = Folder::new();
    folder.hostile("x", "METRIC_NAN");
    let (catalog, _) = folder.load();
    let entry = catalog.metrics.get("good_metric").unwrap();
    let (truth, scores) = ([0, 1], [0.9, 0.1, 0.2, 0.8]);
    let rows = Rows { classes: 2, truth: &truth, predicted: &truth, scores: &scores };
    let confusion = Confusion::new(&truth, &truth, 2).unwrap();
    assert_eq!(entry.value(&rows, &confusion).unwrap(), None);
}

/// Data of an entry that was registered are dropped with the catalog; those of a refused plugin, too.
#[test]
fn data_are_dropped_once() {
    let folder = Folder::new();
    folder.hostile("x", "COUNTS_DROPS");
    let drops = |catalog: &neurhai_core::catalog::Catalog| {
        let options = Options::check(&[], &Map::new(), "vote").unwrap();
        let ballot = Ballot { parts: 1, outputs: 1, values: &[0.5], weights: &[1.0], fitted: &[] };
        catalog.votes.get("good_vote").unwrap().scores(&ballot, &options).unwrap()[0]
    };
    let (first, _) = folder.load();
    assert_eq!(drops(&first), 0.0);
    drop(first);
    let (second, _) = folder.load();
    assert_eq!(drops(&second), 3.0, "architecture, metric and vote of the first catalog");
}

/// A layer in C over libtorch's stable functions: it computes on the host's tensors, its parameter is
/// the host's, gradients flow, and any newer libtorch will do.
#[test]
fn a_layer_in_plain_c_keeps_its_contract() {
    let folder = Folder::new();
    folder.compile_source("stable.c", "x", &[]);
    let (catalog, found) = folder.load();
    assert_eq!(found.plugins.len(), 1, "{:?}", found.refused);
    let findings = neurhai_core::contract::check(&catalog, "layer", "c_scaled_relu");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let folder = Folder::new();
    folder.compile_source("stable.c", "x", &["-DLEAST=\"3.1.0\""]);
    folder.refused(&["at least 3.1.0", "this program has 2.13.0"]);
}

/// What was loaded stays usable when its file is gone.
#[test]
fn a_library_removed_from_disk_stays_in_use() {
    let folder = Folder::new();
    let file = folder.hostile("x", "GOOD");
    let (catalog, _) = folder.load();
    fs::remove_file(&file).unwrap();
    let spec =
        catalog.architectures.get("GoodNet").unwrap().architecture.build(&request(), &catalog);
    assert_eq!(spec.unwrap().parts.len(), 1);
    // A shorter file in the same place must not hurt either: it is a new file.
    fs::write(&file, "gone").unwrap();
    let spec =
        catalog.architectures.get("GoodNet").unwrap().architecture.build(&request(), &catalog);
    assert!(spec.is_ok());
}

/// The system would give the first build's code for the second file, and a run would record the
/// second one's hash.
#[test]
fn a_library_that_was_replaced_needs_a_new_program() {
    let folder = Folder::new();
    folder.hostile("x", "GOOD");
    let (catalog, found) = folder.load();
    let first = &found.plugins[0].blake3;
    folder.compile("x", &["-DCASE=GOOD", "-DVOTE=\"second_vote\""]);
    let text = folder.refused(&["an older build of this library is loaded", "restart the program"]);
    assert!(text.contains("x.so"), "{text}");
    assert!(catalog.votes.get("good_vote").is_ok(), "what was loaded stays");
    let copy = Folder::new();
    fs::copy(folder.file("x.so"), copy.file("x.so")).unwrap();
    let (catalog, found) = copy.load();
    assert!(catalog.votes.get("second_vote").is_ok(), "another path is another library");
    assert_ne!(&found.plugins[0].blake3, first);
    folder.hostile("x", "GOOD");
    assert_eq!(&folder.load().1.plugins[0].blake3, first, "the first build fits again");
}

/// The layers of a script are needed to rebuild a network; the folder's own copy will do.
#[test]
fn an_experiment_with_layers_of_a_script_is_read_with_that_script() {
    let place = Place::new();
    let output = place.run(
        "layer(\"twice\", #{}, |l, x| 2 * x);
         architecture(\"Own\", #{}, |p| [flatten(), custom(\"twice\"), linear(p.outputs)]);
         train(#{ data: caps(\"data/caps\"), splits: \"data/splits\", architecture: \"Own\", epochs: 1,
            device: \"cpu\", output: \"maps\" });",
    );
    assert!(output.status.success(), "{}", said(&output));
    let inspect = |arguments: &[&str]| {
        let mut command = crate::host(place.path());
        let output = command.args(["inspect", "maps"]).args(arguments).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, text) = inspect(&[]);
    assert_eq!(code, Some(1), "{text}");
    for part in ["E0804", "the layer \"twice\"", "script.rhai, line 1", "--script", "maps/scripts"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let (code, text) = inspect(&["--script", "maps/scripts/script.rhai"]);
    assert!(code == Some(0) && text.contains("twice"), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

/// A whole run with a plugin's network, vote and metric; then the folder without the plugin.
#[test]
fn a_run_records_its_plugins_and_misses_them_later() {
    let place = Place::new();
    let folder = Folder::new();
    folder.hostile("x", "GOOD");
    place.script(
        "train(#{ data: caps(\"data/caps\").patches(9, 9), splits: \"data/splits\",
            architecture: \"GoodNet\", vote: \"good_vote\", epochs: 1, batch_size: 16,
            device: \"cpu\", output: \"maps\" });",
    );
    let run = |arguments: &[&str]| {
        let mut command = crate::host(place.path());
        let output = command.args(arguments).output().unwrap();
        (output.status.code(), said(&output))
    };
    let plugins = folder.path().to_string_lossy().into_owned();
    let (code, text) = run(&["run", "script.rhai", "--plugins", &plugins]);
    assert_eq!(code, Some(0), "{text}");
    let maps = fs::read_to_string(place.path().join("maps/maps.json")).unwrap();
    let maps: serde_json::Value = serde_json::from_str(&maps).unwrap();
    let used = maps["neurhai"]["entries"].as_array().unwrap();
    let names: Vec<_> = used.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let of_plugin: Vec<_> =
        names.iter().filter(|name| name.to_lowercase().starts_with("good")).collect();
    assert_eq!(of_plugin, [&"GoodNet", &"good_vote", &"good_metric"]);
    assert!(names.contains(&"linear") && names.contains(&"CrossEntropyLoss"), "{names:?}");
    assert_eq!(used[0]["version"], "0.1.0");
    assert_eq!(used[0]["blake3"].as_str().unwrap().len(), 64);
    let metrics = "maps/split-0/best-loss/validation/validation_image_level_metrics.tsv";
    let metrics = fs::read_to_string(place.path().join(metrics)).unwrap();
    assert!(metrics.contains("good_metric"), "{metrics}");

    let (code, text) = run(&["inspect", "maps", "--plugins", &plugins]);
    assert!(code == Some(0) && !text.contains("warning"), "{text}");
    // The network's layers are all built in; what else is missing is told.
    let (code, text) = run(&["inspect", "maps"]);
    assert!(code == Some(0) && text.contains("linear"), "{text}");
    for part in ["GoodNet", "good_vote", "good_metric", "hostile 0.1.0", "x.so", "not loaded"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    folder.compile("x", &["-DCASE=GOOD", "-O1"]);
    let (code, text) = run(&["inspect", "maps", "--plugins", &plugins]);
    assert!(code == Some(0) && text.contains("another build"), "{text}");
}
