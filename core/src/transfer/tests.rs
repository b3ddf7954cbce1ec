//! Transfers between small networks, on files that were saved by this program and by PyTorch.

use std::path::{Path, PathBuf};

use serde_json::json;
use tch::{Device, Kind};

use super::*;
use crate::Code;
use crate::catalog::Catalog;
use crate::network::{LayerSpec, Network, NetworkSpec, PartSpec, Plan};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoint").join(name)
}

fn plan(architecture: &str, parts: serde_json::Value, input: &[i64]) -> Plan {
    let parts = parts.as_object().unwrap().iter();
    let parts = parts.map(|(name, layers)| PartSpec {
        name: name.clone(),
        layers: LayerSpec::list(layers).unwrap(),
    });
    let spec = NetworkSpec { architecture: architecture.into(), parts: parts.collect() };
    Plan::new(spec, input, &Catalog::built_in().unwrap()).unwrap()
}

fn conv(channels: i64) -> serde_json::Value {
    json!([{"kind": "conv", "out_channels": channels, "kernel_size": 3}, "batch_norm", "relu"])
}

fn undo() -> serde_json::Value {
    json!([{"kind": "conv_transpose", "out_channels": 1, "kernel_size": 3}])
}

fn head(outputs: i64) -> serde_json::Value {
    json!(["flatten", {"kind": "linear", "out_features": outputs}])
}

/// The network of tiny.pth.tar, with this many channels and outputs.
fn cnn(channels: i64, outputs: i64) -> Plan {
    plan("Tiny", json!({ "convolutions": conv(channels), "fc": head(outputs) }), &[1, 5, 5, 5])
}

fn ae() -> Plan {
    plan("AE_Tiny", json!({ "encoder": conv(2), "decoder": undo() }), &[1, 5, 5, 5])
}

/// An autoencoder with a part in its middle, as a VAE has it.
fn deep_ae() -> Plan {
    let middle = json!([{"kind": "conv", "out_channels": 2, "kernel_size": 1}]);
    let parts = json!({ "encoder": conv(2), "mu_layer": middle, "decoder": undo() });
    plan("VAE_Tiny", parts, &[1, 5, 5, 5])
}

fn tiny() -> Source {
    Source::open(&fixture("tiny.pth.tar"), &Choice::default()).unwrap()
}

/// Weights of a network, saved and opened again.
fn saved(plan: Plan, folder: &Path) -> Source {
    let network = Network::new(plan, 3, Device::Cpu).unwrap();
    let file = folder.join("model.safetensors");
    network.save(&file).unwrap();
    Source::open(&file, &Choice::default()).unwrap()
}

/// `from → to`, `from skipped`, `to fresh`.
fn words(transfer: &Transfer) -> Vec<String> {
    let name = |named: &Option<Named>| named.as_ref().map_or("", |n| &n.name).to_owned();
    let lines = transfer.lines.iter().map(|line| match &line.verdict {
        Verdict::Matched => format!("{} → {}", name(&line.source), name(&line.target)),
        Verdict::Skipped => format!("{} skipped", name(&line.source)),
        Verdict::Fresh => format!("{} fresh", name(&line.target)),
        Verdict::Mismatched(why) => format!("{} not: {why}", name(&line.target)),
    });
    lines.collect()
}

const LAYERS: [&str; 7] = [
    "0.weight",
    "0.bias",
    "1.weight",
    "1.bias",
    "1.running_mean",
    "1.running_var",
    "1.num_batches_tracked",
];

/// The lines of seven tensors that go from one part to another.
fn moving(from: &str, to: &str) -> Vec<String> {
    LAYERS.iter().map(|name| format!("{from}.{name} → {to}.{name}")).collect()
}

fn lines(matched: Vec<String>, others: &[&str]) -> Vec<String> {
    matched.into_iter().chain(others.iter().map(|line| (*line).to_owned())).collect()
}

#[test]
fn equal_networks_give_everything_and_values_arrive() {
    for file in ["tiny.pth.tar", "double.pth.tar"] {
        let source = Source::open(&fixture(file), &Choice::default()).unwrap();
        let transfer = fit(&source, &cnn(2, 2), true).unwrap();
        let fc = ["fc.1.weight → fc.1.weight", "fc.1.bias → fc.1.bias"];
        assert_eq!(words(&transfer), lines(moving("convolutions", "convolutions"), &fc));
        assert_eq!(transfer.values(), 54 + 2 * 5 + 1 + 108 + 2);

        let mut network = Network::new(cnn(2, 2), 1, Device::Cpu).unwrap();
        network.take(&transfer, &source).unwrap();
        for (i, (param, tensor)) in network.state().enumerate() {
            let counts = param.name.ends_with("num_batches_tracked");
            assert_eq!(tensor.kind(), if counts { Kind::Int64 } else { Kind::Float });
            assert_eq!(tensor.requires_grad(), param.trainable());
            let last = tensor.numel() as i64 - 1;
            let value = tensor.detach().reshape(-1).double_value(&[last]);
            assert_eq!(value, i as f64 + last as f64 / 64.0, "{}", param.name);
        }
    }
}

#[test]
fn encoders_and_convolutions_go_into_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let decoder = ["decoder.0.weight fresh", "decoder.0.bias fresh"];
    let heads = ["fc.1.weight skipped", "fc.1.bias skipped"];
    let transfer = fit(&tiny(), &ae(), true).unwrap();
    let others = [&decoder[..], &heads].concat();
    assert_eq!(words(&transfer), lines(moving("convolutions", "encoder"), &others));

    let source = saved(ae(), folder.path());
    let transfer = fit(&source, &cnn(2, 4), true).unwrap();
    let others = [
        "fc.1.weight fresh",
        "fc.1.bias fresh",
        "decoder.0.bias skipped",
        "decoder.0.weight skipped",
    ];
    assert_eq!(words(&transfer), lines(moving("encoder", "convolutions"), &others));

    let transfer = fit(&source, &deep_ae(), true).unwrap();
    let others = [
        "mu_layer.0.weight fresh",
        "mu_layer.0.bias fresh",
        "decoder.0.weight fresh",
        "decoder.0.bias fresh",
        "decoder.0.bias skipped",
        "decoder.0.weight skipped",
    ];
    assert_eq!(words(&transfer), lines(moving("encoder", "encoder"), &others));

    // What is not matched stays as it was drawn.
    let drawn = Network::new(cnn(2, 4), 9, Device::Cpu).unwrap();
    let mut network = Network::new(cnn(2, 4), 9, Device::Cpu).unwrap();
    network.take(&fit(&source, &cnn(2, 4), true).unwrap(), &source).unwrap();
    let pairs = network.state().zip(drawn.state());
    let same: Vec<bool> = pairs.map(|((_, a), (_, b))| a == b).collect();
    // Batch norms begin alike; the convolution and the linear layer do not.
    assert_eq!(same, [false, false, true, true, true, true, true, true, true]);
}

#[test]
fn what_does_not_fit_is_shown_side_by_side_or_left_out() {
    let error = fit(&tiny(), &cnn(2, 3), true).unwrap_err();
    assert_eq!(error.code(), Code::WeightsMismatch);
    let expected = "not all weights of Tiny fit Tiny:
    source             target
    fc.1.weight  2×54  fc.1.weight  3×54
    fc.1.bias  2       fc.1.bias  3";
    assert_eq!(error.problems()[0].message, expected);
    assert!(error.problems()[0].help.as_deref().unwrap().contains("strict: false"));
    let transfer = fit(&tiny(), &cnn(2, 3), false).unwrap();
    let others = ["fc.1.weight not: 2×54 there, 3×54 here", "fc.1.bias not: 2 there, 3 here"];
    assert_eq!(words(&transfer), lines(moving("convolutions", "convolutions"), &others));

    // A layer more on one side.
    let more = |layers: serde_json::Value| {
        let body = [conv(2).as_array().unwrap().clone(), layers.as_array().unwrap().clone()];
        plan("Long", json!({ "convolutions": body.concat(), "fc": head(2) }), &[1, 5, 5, 5])
    };
    let longer = more(json!([{"kind": "conv", "out_channels": 2, "kernel_size": 1}]));
    let error = fit(&tiny(), &longer, true).unwrap_err();
    assert!(error.to_string().contains("-       convolutions.3.weight  2×2×1×1×1"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let source = saved(longer, folder.path());
    let error = fit(&source, &cnn(2, 2), true).unwrap_err();
    assert!(error.to_string().contains("convolutions.3.weight  2×2×1×1×1  -"), "{error}");
    let transfer = fit(&source, &cnn(2, 2), false).unwrap();
    assert_eq!(transfer.matched().count(), 9);
    assert!(words(&transfer).contains(&"convolutions.3.bias skipped".to_owned()));

    // Nothing at all.
    let other = plan("Other", json!({ "body": conv(2) }), &[1, 5, 5, 5]);
    for strict in [true, false] {
        let error = fit(&tiny(), &other, strict).unwrap_err();
        assert_eq!(error.code(), Code::WeightsMismatch);
        assert!(error.to_string().contains("none of the weights of Tiny fit Other"), "{error}");
    }
}

/// An experiment folder with the weights of tiny.pth.tar in these places.
fn experiment(folder: &Path, files: &[&str]) {
    std::fs::write(
        folder.join("maps.json"),
        r#"{"model": "Tiny", "network_task": "classification"}"#,
    )
    .unwrap();
    for file in files {
        let split = file.split('/').next().unwrap();
        for (group, rows) in
            [("train", "sub-2\tses-1\nsub-1\tses-1\n"), ("validation", "sub-3\tses-1\n")]
        {
            let group = folder.join("groups").join(group).join(split);
            std::fs::create_dir_all(&group).unwrap();
            let table = format!("participant_id\tsession_id\n{rows}");
            std::fs::write(group.join("data.tsv"), table).unwrap();
        }
        let file = folder.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::copy(fixture("tiny.pth.tar"), file).unwrap();
    }
}

#[test]
fn models_of_experiments_are_found_by_split_metric_and_network() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = [
        "split-0/best-loss/model.pth.tar",
        "split-0/best-BA/model.pth.tar",
        "split-2/best-loss/model.pth.tar",
    ];
    experiment(root, &names);
    let choose = |split, metric: &str, network| Choice { split, metric: metric.into(), network };
    let source = Source::open(root, &choose(Some(2), "loss", Some(4))).unwrap();
    assert_eq!(source.file, root.join(names[2]));
    assert_eq!(
        (source.split, source.metric.as_deref(), source.network),
        (Some(2), Some("loss"), None)
    );
    assert_eq!((source.epoch, source.architecture.as_deref()), (Some(2), Some("Tiny")));
    assert!(source.participants().into_iter().eq(["sub-1", "sub-2", "sub-3"]));
    let hash = blake3::hash(&std::fs::read(fixture("tiny.pth.tar")).unwrap()).to_hex();
    assert_eq!(source.blake3, hash.to_string());

    let refused = |root: &Path, choice: Choice, words: &[&str]| {
        let error = Source::open(root, &choice).unwrap_err();
        assert_eq!(error.code(), Code::BadMaps, "{error}");
        words.iter().for_each(|words| assert!(error.to_string().contains(words), "{error}"));
    };
    refused(root, choose(None, "loss", None), &["the splits 0, 2"]);
    refused(root, choose(Some(1), "loss", None), &["no split 1", "its splits are 0, 2"]);
    refused(root, choose(Some(0), "AB", None), &["best by \"AB\"", "BA, loss"]);
    refused(root.join("groups").as_path(), choose(None, "loss", None), &["no maps.json"]);

    // One network per part, in the folders of older versions.
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names =
        ["fold-1/best-loss/network-0_model.pth.tar", "fold-1/best-loss/network-3_model.pth.tar"];
    experiment(root, &names);
    let source = Source::open(root, &choose(None, "loss", Some(3))).unwrap();
    assert_eq!((source.file, source.network), (root.join(names[1]), Some(3)));
    refused(root, choose(None, "loss", None), &["one network per part of the image: 0, 3"]);
    refused(root, choose(None, "loss", Some(1)), &["no network 1; the networks are 0, 3"]);
}

#[test]
fn a_model_of_clinicadl_is_a_source() {
    let Some(data) = crate::shared_data::shared_data() else { return };
    let maps = data.join("clinicadl_maps/patch_single");
    let source = Source::open(&maps, &Choice::default()).unwrap();
    assert_eq!(source.architecture.as_deref(), Some("Conv4_FC3"));
    assert_eq!((source.split, source.tensors.len()), (Some(0), 41));
    assert_eq!((source.sessions.len(), source.participants().len()), (32, 32));
    // Its first convolution and batch norm, as an autoencoder has them.
    let layers = json!([
        {"kind": "conv", "out_channels": 8, "kernel_size": 3, "padding": 1}, "batch_norm",
    ]);
    let target = plan("short", json!({ "encoder": layers }), &[1, 32, 32, 32]);
    let transfer = fit(&source, &target, false).unwrap();
    assert_eq!(transfer.matched().count(), 7);
    let mut network = Network::new(target, 1, Device::Cpu).unwrap();
    network.take(&transfer, &source).unwrap();
    let (_, weight) = network.state().next().unwrap();
    assert_eq!(*weight, source.tensors[0].1);
}

/// A safetensors file with this header and these bytes behind it.
fn safetensors(file: &Path, header: &str, data: &[u8]) {
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(file, [&length, header.as_bytes(), data].concat()).unwrap();
}

#[test]
fn hostile_safetensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.safetensors");
    let tensor = |shape: &str, from: usize, to: usize| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let one = tensor("[1]", 0, 4);
    for (header, words) in [
        ("no header".to_owned(), "holds no safetensors"),
        ("{}".into(), "holds no tensors"),
        (format!(r#"{{"a":{one},"a":{one},"b":{one}}}"#), "holds no safetensors"),
        (
            format!(r#"{{"a":{}}}"#, tensor("[9223372036854775808,0]", 0, 0)),
            "a size that nothing has",
        ),
        (format!(r#"{{"a":{}}}"#, tensor("[4611686018427387904,4]", 0, 4)), "holds no safetensors"),
        (format!(r#"{{"fc\u001b[31m":{one}}}"#), "is called \"fc\\u{1b}[31m\""),
        (format!(r#"{{"":{one}}}"#), "is called \"\""),
        (format!(r#"{{"a":{}}}"#, one.replace("F32", "I32")), "a holds I32, which is not read"),
    ] {
        let data = if header.contains("[0,4]") { &[0; 4][..] } else { &[] };
        safetensors(&file, &header, data);
        let error = Source::open(&file, &Choice::default()).unwrap_err();
        assert_eq!(error.code(), Code::BadWeights, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("help"), "{error}");
    }
    // Very many tensors take no longer than reading them.
    let many: Vec<String> =
        (0..20_000).map(|i| format!(r#""p{i}.w":{}"#, tensor("[0]", 0, 0))).collect();
    safetensors(&file, &format!("{{{}}}", many.join(",")), &[]);
    let source = Source::open(&file, &Choice::default()).unwrap();
    assert_eq!(fit(&source, &cnn(2, 2), true).unwrap_err().code(), Code::WeightsMismatch);
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    for (name, value) in [("fc.1.bias", f64::NAN), ("convolutions.1.running_var", 1e300)] {
        let mut source = tiny();
        let found = source.tensors.iter_mut().find(|(found, _)| found == name).unwrap();
        found.1 = found.1.to_kind(Kind::Double) * value;
        let error = fit(&source, &cnn(2, 2), true).unwrap_err();
        assert_eq!(error.code(), Code::BadWeights, "{error}");
        assert!(error.to_string().contains(&format!("{name} holds NaN or infinite")), "{error}");
    }
}
