//! Functions of a plugin that panic, fail or compute what they should not.

use neurhai_core::catalog::{ArchitectureRequest, Catalog};
use neurhai_core::metric::{Confusion, Rows};
use neurhai_core::network::{LayerSpec, Mode, Network, NetworkSpec, PartSpec, Plan};
use neurhai_core::options::Options;
use neurhai_core::plugin::{Policy, load};
use neurhai_core::transpose::transpose;
use neurhai_core::vote::Ballot;
use neurhai_core::{Code, Result};
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::{Folder, shipped_libraries};
use crate::{Place, host, said};

fn catalog() -> Catalog {
    let file = shipped_libraries().join("libneurhai_misbehaving.so");
    let mut catalog = Catalog::built_in().unwrap();
    load(&mut catalog, &file, Policy::default()).unwrap();
    catalog
}

fn how(word: &str) -> Map<String, Value> {
    json!({ "how": word }).as_object().unwrap().clone()
}

#[track_caller]
fn failed<T>(result: Result<T>, parts: &[&str]) {
    let error = result.err().expect("a refusal");
    let text = error.to_string();
    assert_eq!(error.code(), Code::PluginFailed, "{text}");
    for part in parts.iter().chain(&["misbehaving 0.1.0"]) {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(text.len() < 4000, "{} bytes", text.len());
}

const PANICKED: &[&str] = &["panicked", "it panicked as it was told to", "misbehaving/src/lib.rs:"];

#[test]
fn a_panic_in_any_function_is_an_error_that_names_the_plugin() {
    let catalog = catalog();
    let recipe = catalog.architectures.get("BadNet").unwrap();
    let build = |word: &str| {
        let (input, options) = (vec![1, 8, 8, 8], how(word));
        recipe.architecture.build(&ArchitectureRequest { input, outputs: 2, options }, &catalog)
    };
    failed(build("panic"), PANICKED);
    failed(build("error"), &["it failed as it was told to", "architecture \"BadNet\""]);
    failed(build("long"), &["xxxx", "1048576 bytes in all"]);

    failed(transpose(&catalog, &LayerSpec::new("bad_layer"), &[4, 5, 6]), PANICKED);

    let vote = catalog.votes.get("bad_vote").unwrap();
    let ballot =
        Ballot { parts: 2, outputs: 2, values: &[0.5; 8], weights: &[0.5; 2], fitted: &[1.0] };
    let options = |word: &str| vote.options(&how(word)).unwrap();
    failed(vote.scores(&ballot, &options("panic")), PANICKED);
    failed(vote.scores(&ballot, &options("error")), &["vote \"bad_vote\""]);
    failed(vote.vote.fit(&ballot, &[0, 1], &options("panic_in_fit")), PANICKED);
    let error = vote.scores(&ballot, &options("nothing")).unwrap_err();
    assert!(error.to_string().contains("gives NaN"), "a vote that writes nothing: {error}");

    let metric = catalog.metrics.get("bad_metric").unwrap();
    let (truth, scores) = ([0, 1], [0.9, 0.1, 0.2, 0.8]);
    let rows = Rows { classes: 2, truth: &truth, predicted: &truth, scores: &scores };
    failed(metric.value(&rows, &Confusion::new(&truth, &truth, 2).unwrap()), PANICKED);

    let loss = catalog.losses.get("bad_loss").unwrap();
    let output = Tensor::zeros([3, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let target = Tensor::zeros([3], (Kind::Int64, Device::Cpu));
    let run = |word: &str| {
        let options = loss.options(&how(word)).unwrap();
        loss.of_samples(&output, &target, &[], &options)
    };
    failed(run("panic"), PANICKED);
    failed(run("error"), &["loss \"bad_loss\""]);
    failed(run("panic_without_gradients"), PANICKED);
    assert!((&output + 1.0).requires_grad(), "gradients are recorded as before");
    let error = run("one_number").unwrap_err();
    assert!(error.to_string().contains("for a batch of 3"), "{error}");
}

fn network(catalog: &Catalog, word: &str) -> Result<Network> {
    let layers = vec![LayerSpec::new("bad_layer").with("how", word)];
    let parts = vec![PartSpec { name: "net".into(), layers }];
    let spec = NetworkSpec { architecture: "test".into(), parts };
    Network::new(Plan::new(spec, &[4, 5, 6], catalog)?, 0, Device::Cpu)
}

#[test]
fn a_layer_that_misbehaves_is_told_by_its_path() {
    let catalog = catalog();
    let x = || Tensor::ones([2, 4, 5, 6], (Kind::Float, Device::Cpu));
    failed(network(&catalog, "panic_in_create"), PANICKED);
    for (word, parts) in [
        ("panic_in_forward", PANICKED),
        ("panic_without_gradients", PANICKED),
        ("error", &["it failed as it was told to", "layer \"bad_layer\""]),
        ("wrong_shape", &["2×120", "batch of 2", "4×5×6"]),
    ] {
        let network = network(&catalog, word).unwrap();
        let result = network.forward(&x(), Mode::Training { seed: 1 });
        failed(result, &[parts, &["at layer net.0"]].concat());
        let weight = network.trainable().next().unwrap().1.shallow_clone();
        assert!((weight * 2.0).requires_grad(), "{word}: gradients are recorded as before");
    }
    let error = network(&catalog, "huge_parameter").err().unwrap();
    assert_eq!(error.code(), Code::ShapeMismatch);
    assert!(error.to_string().contains("net.0"), "{error}");
    assert!(network(&catalog, "nothing").unwrap().forward(&x(), Mode::Evaluation).is_ok());
}

#[test]
fn freeing_what_is_a_plugins_changes_nothing_of_libtorch() {
    let catalog = catalog();
    let records = || {
        let x = Tensor::ones([1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        (x * 2.0).requires_grad()
    };
    drop(network(&catalog, "nothing").unwrap());
    assert!(records(), "gradients are recorded after an instance was destroyed");
    drop(catalog);
    assert!(records(), "gradients are recorded after entries were dropped");
}

#[test]
fn null_and_borrowed_tensors_are_refused() {
    for (case, part) in [
        ("LAYER_NULL", "null pointer"),
        ("LAYER_BORROWED", "only borrowed"),
        ("LAYER_NO_SHAPE", "does not say its output's shape"),
        ("LAYER_BAD_INIT", "is no initialisation"),
    ] {
        let folder = Folder::new();
        folder.hostile("x", case);
        let (catalog, found) = folder.load();
        assert_eq!(found.plugins.len(), 1, "{:?}", found.refused);
        let parts =
            vec![PartSpec { name: "net".into(), layers: vec![LayerSpec::new("good_layer")] }];
        let spec = NetworkSpec { architecture: "test".into(), parts };
        let x = Tensor::ones([1, 4, 5, 6, 7], (Kind::Float, Device::Cpu));
        let error = Plan::new(spec, &[4, 5, 6, 7], &catalog)
            .and_then(|plan| Network::new(plan, 0, Device::Cpu))
            .and_then(|network| network.forward(&x, Mode::Evaluation))
            .expect_err("a refusal");
        assert!(error.to_string().contains(part), "{case}: {error}");
        assert_eq!(x.sum(Kind::Double).double_value(&[]), 840.0, "the input is whole");
    }
}

#[test]
fn an_unknown_word_for_an_option_of_a_plugin_is_refused() {
    let catalog = catalog();
    let error = network(&catalog, "nothin").err().unwrap();
    assert!(error.to_string().contains("one of nothing, panic_in_create"), "{error}");
    let vote = catalog.votes.get("bad_vote").unwrap();
    let given = json!({ "hov": "panic" }).as_object().unwrap().clone();
    let error = vote.options(&given).unwrap_err();
    assert!(error.to_string().contains("did you mean \"how\""), "{error}");
    assert!(Options::check(&vote.info.options, &how("panic"), "vote").is_ok());
}

/// The program goes on to its own end: exit code 1, the reason and the script's line, no trace.
#[test]
fn the_program_ends_with_an_error_and_not_with_the_plugin() {
    let place = Place::new();
    let folder = Folder::new();
    let file = "libneurhai_misbehaving.so";
    std::fs::copy(shipped_libraries().join(file), folder.file(file)).unwrap();
    let run = |script: &str| {
        place.script(script);
        let mut command = host(place.path());
        command.args(["run", "script.rhai", "--plugins"]).arg(folder.path());
        let output = command.output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!text.contains("RUST_BACKTRACE") && !text.contains("stack backtrace"), "{text}");
        text
    };
    let text = run("inspect(\"BadNet\", [1, 8, 8, 8]);");
    assert!(text.contains("E0803") && text.contains("script.rhai:1:"), "{text}");
    assert!(text.contains("it panicked as it was told to"), "{text}");
    let text = run(
        "architecture(\"a\", #{}, |p| [ flatten(), bad_layer(\"not_a_number\"), linear(p.outputs) ]);
         train(#{ data: caps(\"data/caps\"), splits: \"data/splits\", architecture: \"a\",
            epochs: 1, batch_size: 4, device: \"cpu\", output: \"maps\" });",
    );
    assert!(text.contains("E0501") && text.contains("fc.1"), "{text}");
    let text = run(
        "architecture(\"a\", #{}, |p| [ flatten(),\n bad_layer(\"panic_in_forward\"), linear(p.outputs) ]);
         train(#{ data: caps(\"data/caps\"), splits: \"data/splits\", architecture: \"a\",
            epochs: 1, batch_size: 4, device: \"cpu\", output: \"maps-2\" });",
    );
    assert!(text.contains("E0803") && text.contains("it panicked as it was told to"), "{text}");
}
