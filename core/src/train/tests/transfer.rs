//! Networks that begin with the weights of others, and layers that stay as they are.

use std::collections::BTreeSet;

use tch::Tensor;

use super::*;
use crate::network::Network;
use crate::train::prepare::prepare;

/// What the network of each split would begin with.
fn begins(bench: &Bench, change: Value) -> Vec<Network> {
    let (catalog, stop) = (with_fixture(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let config = Config::read(&bench.options("none", change)).unwrap();
    let prepared = prepare(config, &session).unwrap();
    prepared.splits.iter().map(|sides| prepared.network(sides, None, &session).unwrap()).collect()
}

/// The test catalog with the network of tests/fixtures/checkpoint/tiny.pth.tar.
fn with_fixture() -> Catalog {
    struct Fixture;
    impl Architecture for Fixture {
        fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> crate::Result<NetworkSpec> {
            let layers = json!([{"kind": "conv", "out_channels": 2, "kernel_size": 3}, "batch_norm",
                "relu", "flatten", {"kind": "linear", "out_features": request.outputs}]);
            Ok(NetworkSpec::from_layers("Tiny", LayerSpec::list(&layers)?))
        }
    }
    let mut catalog = catalog();
    let entry = ArchitectureEntry {
        name: "fixture".into(),
        help: String::new(),
        source: String::new(),
        options: vec![],
        origin: Origin::BuiltIn,
        architecture: Box::new(Fixture),
    };
    catalog.architectures.register(entry).unwrap();
    catalog
}

type Tensors = Vec<(String, Tensor)>;

fn saved(bench: &Bench, model: &str) -> Tensors {
    Tensor::read_safetensors(bench.path(model)).unwrap()
}

fn find<'a>(tensors: &'a Tensors, name: &str) -> &'a Tensor {
    &tensors.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name}")).1
}

/// Every tensor in the part `to` is that of the same name in the part `from` of `source`, running
/// statistics included; every other learned one is as drawn.
#[track_caller]
fn assert_taken(network: &Network, source: &Tensors, parts: &[(&str, &str)]) {
    let drawn = {
        let spec = network.plan.spec.clone();
        let plan = crate::network::Plan::new(spec, &network.plan.input, &catalog()).unwrap();
        Network::new(plan, 1, tch::Device::Cpu).unwrap()
    };
    let mut taken = 0;
    for ((param, tensor), (_, drawn)) in network.state().zip(drawn.state()) {
        let (part, rest) = param.name.split_once('.').unwrap();
        let expected = match parts.iter().find(|(_, to)| *to == part) {
            Some((from, _)) => {
                taken += 1;
                find(source, &format!("{from}.{rest}"))
            }
            None => drawn,
        };
        assert!(tensor.equal(expected), "{}", param.name);
    }
    assert!(taken >= 2, "{taken} tensors were taken");
}

fn autoencoder(change: Value) -> Value {
    let mut options = json!({"task": "reconstruction", "architecture": "AE_tiny", "epochs": 1,
        "learning_rate": 1e-2, "selection_metrics": ["loss"]});
    for (key, value) in change.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

#[test]
fn networks_begin_with_what_others_learned() {
    let bench = Bench::new();
    let model = "split-0/best-loss/model.safetensors";
    bench.run("ae", autoencoder(json!({}))).unwrap();
    bench.run("cnn", json!({"epochs": 1, "learning_rate": 1e-2})).unwrap();
    let vae = json!({"architecture": "tiny_vae", "loss": "VAEGaussianLoss"});
    bench.run("vae", autoencoder(vae)).unwrap();
    let [ae, cnn, vae] = ["ae", "cnn", "vae"].map(|run| saved(&bench, &format!("{run}/{model}")));
    // That the source learned something can be seen in its running statistics.
    assert!(find(&ae, "encoder.1.running_mean").abs().max().double_value(&[]) > 0.0);

    let from = |run: &str| json!({"transfer": bench.path(run)});
    let begin = |change: Value| begins(&bench, change).remove(0);
    assert_taken(&begin(from("ae")), &ae, &[("encoder", "convolutions")]);
    assert_taken(&begin(autoencoder(from("cnn"))), &cnn, &[("convolutions", "encoder")]);
    assert_taken(
        &begin(autoencoder(from("ae"))),
        &ae,
        &[("encoder", "encoder"), ("decoder", "decoder")],
    );
    let whole = [("convolutions", "convolutions"), ("fc", "fc")];
    assert_taken(&begin(from("cnn")), &cnn, &whole);
    let file = from(&format!("cnn/{model}"));
    assert_taken(&begin(file), &cnn, &whole);
    let mut plain = from("vae");
    plain["options"] = json!({"plain": true});
    assert_taken(&begin(plain), &vae, &[("encoder", "convolutions")]);
    let mut best = from("cnn");
    best["transfer_metric"] = json!("BA");
    assert_taken(&begin(best), &saved(&bench, "cnn/split-0/best-BA/model.safetensors"), &whole);
}

/// PyTorch saved i + n/64 as the n-th number of the i-th tensor.
#[test]
fn a_network_begins_with_a_file_of_pytorch() {
    let bench = Bench::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = file.join("../tests/fixtures/checkpoint/tiny.pth.tar");
    let patches = json!({"mode": "patch", "patch_size": 5, "stride_size": 5});
    let change = json!({"transfer": file, "architecture": "fixture", "data": patches});
    for (i, (param, tensor)) in begins(&bench, change).remove(0).state().enumerate() {
        let last = tensor.numel() as i64 - 1;
        let value = tensor.detach().reshape(-1).double_value(&[last]);
        assert_eq!(value, i as f64 + last as f64 / 64.0, "{}", param.name);
    }
}

#[test]
fn a_transfer_is_told_and_recorded() {
    let bench = Bench::new();
    bench.run("ae", autoencoder(json!({}))).unwrap();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let told = std::sync::Mutex::new(Vec::new());
    let events = |event: &Event| {
        if let Event::Transferred { split, from, transfer } = event {
            told.lock().unwrap().push((*split, from.clone(), transfer.matched().count()));
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let change = json!({"transfer": bench.path("ae"), "select": {"sex": "F"}, "task": "regression",
        "selection_metrics": ["loss"]});
    run(&bench.options("cnn", change), &session).unwrap();
    let file = bench.path("ae/split-0/best-loss/model.safetensors");
    assert_eq!(told.into_inner().unwrap(), [(0, file.clone(), 7)]);

    let text = std::fs::read_to_string(bench.path("cnn/split-0/transfer.json")).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["path"], json!(bench.path("ae")));
    assert_eq!(record["file"], json!(file));
    let hash = blake3::hash(&std::fs::read(&file).unwrap()).to_hex();
    assert_eq!(record["blake3"], json!(hash.to_string()));
    let keys = ["split", "metric", "network", "architecture"];
    let expected = [json!(0), json!("loss"), json!(null), json!("AE_tiny")];
    assert_eq!(keys.map(|key| record[key].clone()), expected);
    let names = |side: &str| -> Vec<Value> {
        let lines = record["tensors"].as_array().unwrap().iter();
        lines
            .filter(|line| line["verdict"] == "matched")
            .map(|line| line[side]["name"].clone())
            .collect()
    };
    assert_eq!(names("source")[0], "encoder.0.weight");
    assert_eq!(names("target")[0], "convolutions.0.weight");
    assert!(names("target").contains(&json!("convolutions.1.running_mean")));

    // Whom the weights have seen is in the list of all, though half of them did not take part here.
    let people = |file: &str| -> BTreeSet<String> {
        let table = bench.table(file);
        (0..table.len()).map(|row| table.text(row, 0).unwrap().to_owned()).collect()
    };
    let everybody = people("data/labels.tsv");
    assert_eq!(people("cnn/groups/train+validation.tsv"), everybody);
    let own = &people("cnn/groups/train/split-0/data.tsv")
        | &people("cnn/groups/validation/split-0/data.tsv");
    assert!(own.len() < everybody.len());
    let learned: BTreeSet<String> = record["learned"]
        .as_array()
        .unwrap()
        .iter()
        .map(|visit| visit[0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(learned, people("ae/groups/train/split-0/data.tsv"));
    let text = std::fs::read_to_string(bench.path("cnn/maps.json")).unwrap();
    let maps: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(maps["transfer_path"], json!(bench.path("ae")));
}

/// Folds are disjoint: a model of another fold has learned from everybody whom this one validates on.
#[test]
fn each_split_begins_with_its_own_and_leakage_is_refused() {
    let bench = Bench::with(|options| options.n_splits = 3);
    bench.run("folds", autoencoder(json!({}))).unwrap();
    let networks = begins(&bench, json!({"transfer": bench.path("folds")}));
    assert_eq!(networks.len(), 3);
    for (split, network) in networks.iter().enumerate() {
        let model = saved(&bench, &format!("folds/split-{split}/best-loss/model.safetensors"));
        assert_taken(network, &model, &[("encoder", "convolutions")]);
    }
    assert!(bench.table("folds/groups/train+validation.tsv").len() == 12);

    // One split serves all where that leaks nothing, or leaking is allowed.
    bench.run("one", autoencoder(json!({"split": [0]}))).unwrap();
    let from = |run: &str, split: usize, allowed: bool| {
        json!({"transfer": bench.path(run), "split": [split], "allow_leakage": allowed, "epochs": 1,
            "selection_metrics": ["loss"]})
    };
    bench.run("same", from("one", 0, false)).unwrap();
    assert!(!bench.path("same/groups/validation/split-0/leaked.tsv").exists());
    let validated = bench.table("folds/groups/validation/split-1/data.tsv");
    let first = validated.text(0, 0).unwrap();
    bench.refused(from("one", 1, false), &[(Code::Leakage, first)]);
    bench.run("leaky", from("one", 1, true)).unwrap();
    let leaked = bench.table("leaky/groups/validation/split-1/leaked.tsv");
    let cells = |table: &Table, column| -> BTreeSet<String> {
        (0..table.len()).map(|row| table.text(row, column).unwrap().to_owned()).collect()
    };
    assert_eq!(cells(&leaked, 0), cells(&validated, 0));
    assert_eq!(cells(&leaked, 1), BTreeSet::from(["transfer".to_owned()]));

    // What leaked stays known: its own train group is in order, but not whom it began with.
    bench.refused(from("leaky", 1, false), &[(Code::Leakage, first)]);
    // A split of an experiment with several can be asked for.
    let mut other = from("folds", 1, true);
    other["transfer_split"] = json!(2);
    let model = saved(&bench, "folds/split-2/best-loss/model.safetensors");
    assert_taken(&begins(&bench, other).remove(0), &model, &[("encoder", "convolutions")]);
}

#[test]
fn what_cannot_be_transferred_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    bench.run("cnn", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let from = |change: Value| {
        let mut options = json!({"transfer": bench.path("cnn")});
        for (key, value) in change.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    // Without the batch norm: names side by side.
    let plain = json!({"options": {"plain": true}});
    let error = bench.refused(
        from(plain.clone()),
        &[(Code::WeightsMismatch, "not all weights of tiny fit tiny")],
    );
    assert!(
        error.to_string().contains("convolutions.1.running_mean  4                         -"),
        "{error}"
    );
    let mut loose = from(plain);
    loose["transfer_strict"] = json!(false);
    let network = begins(&bench, loose).remove(0);
    let source = saved(&bench, "cnn/split-0/best-loss/model.safetensors");
    let (_, weight) = network.state().next().unwrap();
    assert!(weight.equal(find(&source, "convolutions.0.weight")));

    let metric = json!({"transfer_metric": "los"});
    let error = bench.refused(from(metric), &[(Code::BadMaps, "did you mean \"loss\"")]);
    assert!(error.to_string().contains("the metrics that it has are: loss"), "{error}");
    let error = bench.refused(from(json!({"transfer_split": 3})), &[(Code::BadMaps, "no split 3")]);
    assert!(error.problems()[0].help.as_deref().unwrap().contains("transfer_split"), "{error}");
    let none = json!({"transfer": bench.path("none")});
    let error = bench.refused(none, &[(Code::FileNotFound, "none")]);
    assert!(error.problems()[0].help.as_deref().unwrap().contains(".pth.tar"), "{error}");
    for network in [0, 3] {
        let change = from(json!({"transfer_network": network}));
        bench.refused(change, &[(Code::BadOption, "has one network: there is no choice")]);
    }
    bench.refused(json!({"transfer": bench.path("data")}), &[(Code::BadMaps, "no maps.json")]);
    // A file has no splits to choose from; told with what else is wrong.
    let file = bench.path("cnn/split-0/best-loss/model.safetensors");
    bench.refused(
        json!({"transfer": file, "transfer_split": 0, "device": "tpu"}),
        &[(Code::BadOption, "no device"), (Code::BadOption, "transfer_split")],
    );
    let words = "did you mean \"convolutions\"";
    bench.refused(json!({"freeze": ["convolution"]}), &[(Code::UnknownName, words)]);
    let error = bench.refused(json!({"freeze_all_but": 3}), &[(Code::BadOption, "only 3 layers")]);
    let place = error.problems()[0].place.clone();
    assert_eq!(place, Some(crate::error::Place::Option("freeze_all_but".into())));
}

#[test]
fn a_file_that_does_not_tell_whom_it_learned_from_is_warned_of() {
    let bench = Bench::new();
    bench.run("cnn", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let report = |transfer: &str| {
        let options = bench.options("none", json!({"transfer": bench.path(transfer)}));
        check(&options, &session).unwrap()
    };
    let of_file = report("cnn/split-0/best-loss/model.safetensors");
    let [warning] = &of_file.warnings[..] else { panic!("{:?}", of_file.warnings) };
    assert!(warning.contains("does not tell whom its weights were learned from"), "{warning}");
    let of_folder = report("cnn");
    assert!(of_folder.warnings.is_empty(), "{:?}", of_folder.warnings);
    assert_eq!(of_folder.transfer.unwrap().matched().count(), 9);
}

/// What was read to see whether it fits is what a network begins with, whatever becomes of the file.
#[test]
fn weights_are_read_once() {
    let bench = Bench::new();
    bench.run("cnn", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let model = "cnn/split-0/best-loss/model.safetensors";
    let expected = saved(&bench, model);
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let options = bench.options("none", json!({"transfer": bench.path(model)}));
    let prepared = prepare(Config::read(&options).unwrap(), &session).unwrap();
    std::fs::remove_file(bench.path(model)).unwrap();
    let network = prepared.network(&prepared.splits[0], None, &session).unwrap();
    for (param, tensor) in network.state() {
        assert!(tensor.equal(find(&expected, &param.name)), "{}", param.name);
    }
}

#[test]
fn frozen_layers_stay_to_the_byte_and_others_move() {
    let bench = Bench::new();
    bench.run("ae", autoencoder(json!({}))).unwrap();
    let check = |name: &str, freeze: Value, moved: &[&str]| {
        let mut change = json!({"transfer": bench.path("ae"), "epochs": 1, "learning_rate": 1e-2,
            "selection_metrics": ["loss"]});
        for (key, value) in freeze.as_object().unwrap() {
            change[key] = value.clone();
        }
        let before = begins(&bench, change.clone()).remove(0);
        bench.run(name, change).unwrap();
        let after = saved(&bench, &format!("{name}/split-0/best-loss/model.safetensors"));
        let found: Vec<&str> = before
            .state()
            .filter(|(param, tensor)| !tensor.equal(find(&after, &param.name)))
            .map(|(param, _)| param.name.as_str())
            .collect();
        assert_eq!(found, moved, "{name}");
    };
    let fc = ["fc.1.weight", "fc.1.bias"];
    check("named", json!({"freeze": ["convolutions"]}), &fc);
    let norm: Vec<&str> = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
        .map(|name| &*format!("convolutions.1.{name}").leak())
        .to_vec();
    check("one", json!({"freeze": "convolutions.0"}), &[&norm[..], &fc].concat());
    check("last", json!({"freeze_all_but": 1}), &fc);
    check("two", json!({"freeze_all_but": 2}), &[&norm[..], &fc].concat());
}
