use std::sync::Arc;

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::super::{Derived, Transpose};
use super::*;
use crate::catalog::{
    Architecture, ArchitectureEntry, ArchitectureRequest, Origin, TransposeEntry,
};
use crate::network::{Mode, Network};

fn network(layers: &Value) -> NetworkSpec {
    NetworkSpec::from_layers("Net", LayerSpec::list(layers).unwrap())
}

fn derived(layers: &Value, input: &[i64]) -> Result<NetworkSpec> {
    autoencoder(&Catalog::built_in().unwrap(), &network(layers), input, &[])
}

fn decoder(layers: Value, input: &[i64]) -> Value {
    serde_json::to_value(&derived(&layers, input).unwrap().parts[1].layers).unwrap()
}

fn kinds(layers: &[LayerSpec]) -> Vec<&str> {
    layers.iter().map(|layer| layer.kind.as_str()).collect()
}

#[track_caller]
fn refused(layers: Value, input: &[i64], parts: &[&str]) {
    let text = derived(&layers, input).expect_err("a refusal").to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

fn conv5() -> Value {
    let mut layers = Vec::new();
    for channels in [8, 16, 32, 64, 128] {
        layers.extend([
            json!({"kind": "conv", "out_channels": channels, "kernel_size": 3, "padding": 1}),
            json!("batch_norm"),
            json!("relu"),
            json!({"kind": "pad_max_pool", "kernel_size": 2}),
        ]);
    }
    layers.extend([json!("flatten"), json!({"kind": "linear", "out_features": 2})]);
    layers.into()
}

/// ClinicaDL's order for 3D (clinicadl 1.6.1, AE_Conv5_FC3), for slices as well.
#[test]
fn blocks_are_undone_in_reverse_with_what_follows_them_behind() {
    for input in [&[1, 69, 83, 72][..], &[1, 69, 83]] {
        let spec = derived(&conv5(), input).unwrap();
        assert!(spec.is_autoencoder() && spec.architecture == "AE_Net");
        assert_eq!(
            kinds(&spec.parts[0].layers),
            ["conv", "batch_norm", "relu", "pad_max_pool"].repeat(5)
        );
        let pools = spec.parts[0].layers.iter().filter(|layer| layer.kind == "pad_max_pool");
        assert!(
            pools.clone().count() == 5
                && pools.into_iter().all(|l| l.options["return_indices"] == true)
        );
        let decoder = &spec.parts[1].layers;
        assert_eq!(
            kinds(decoder),
            ["crop_max_unpool", "conv_transpose", "batch_norm", "relu"].repeat(5)
        );
        let channels: Vec<_> =
            decoder.iter().filter_map(|l| l.options.get("out_channels")?.as_i64()).collect();
        assert_eq!(channels, [64, 32, 16, 8, 1]);
        let plan = Plan::new(spec, input, &Catalog::built_in().unwrap()).unwrap();
        assert_eq!(plan.output, input);
        let last = plan.params.iter().find(|param| param.name == "decoder.18.weight").unwrap();
        assert_eq!(last.shape, [1], "a norm has the size of what it follows");
    }
}

#[test]
fn followers_fit_where_they_come_to_stand() {
    let layers = json!([
        "batch_norm",
        {"kind": "conv", "name": "first", "out_channels": 12, "kernel_size": 3, "stride": 2},
        {"kind": "group_norm", "num_groups": 6},
        {"kind": "leaky_relu", "negative_slope": 0.25, "name": "act"},
        {"kind": "softmax", "dim": 1}
    ]);
    let found = decoder(layers.clone(), &[4, 8, 9]);
    assert_eq!(
        found,
        json!([
            {"kind": "conv_transpose", "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 0,
             "dilation": 1, "groups": 1, "bias": true, "output_padding": [1, 0]},
            {"kind": "group_norm", "num_groups": 2, "eps": 1e-5, "affine": true},
            {"kind": "leaky_relu", "negative_slope": 4.0},
            {"kind": "softmax", "dim": 1},
            {"kind": "batch_norm", "eps": 1e-5, "momentum": 0.1, "affine": true}
        ])
    );
    let spec = derived(&layers, &[4, 8, 9]).unwrap();
    assert_eq!(spec.parts[0].layers[1].name.as_deref(), Some("first"));
}

#[test]
fn poolings_of_means_are_repeated_and_inner_layers_undone() {
    let conv = json!({"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1});
    let found = decoder(
        json!([
            {"kind": "avg_pool", "kernel_size": 2},
            {"kind": "adaptive_avg_pool", "output_size": 3},
            {"kind": "upsample", "scale_factor": 2},
            {"kind": "sequential", "layers": [conv, "relu"]},
            {"kind": "residual", "body": [conv, "batch_norm"]},
            {"kind": "gate", "body": ["sigmoid"]},
            "global_avg_pool"
        ]),
        &[2, 9, 11],
    );
    let kinds = |list: &Value| -> Vec<String> {
        let kind = |layer: &Value| layer["kind"].as_str().unwrap().to_owned();
        list.as_array().unwrap().iter().map(kind).collect()
    };
    assert_eq!(
        kinds(&found),
        [
            "reshape",
            "upsample",
            "gate",
            "residual",
            "sequential",
            "adaptive_avg_pool",
            "upsample",
            "upsample"
        ]
    );
    assert_eq!(found[0]["shape"], json!([4, 1, 1]));
    assert_eq!(kinds(&found[3]["body"]), ["conv_transpose", "batch_norm"]);
    assert_eq!(found[3]["shortcut"], json!([]));
    assert_eq!(kinds(&found[4]["layers"]), ["conv_transpose", "relu"]);
    assert_eq!(found[5]["output_size"], json!([3, 3]));
    assert_eq!(found[7]["size"], json!([9, 11]));
}

#[test]
fn other_parts_may_be_named() {
    let catalog = Catalog::built_in().unwrap();
    let spec = network(&conv5());
    let parts = ["convolutions".to_owned(), "fc".to_owned()];
    let both = autoencoder(&catalog, &spec, &[1, 33, 40, 37], &parts).unwrap();
    assert_eq!(both.parts[0].layers.len(), 22);
    assert_eq!(kinds(&both.parts[1].layers)[..3], ["linear", "reshape", "crop_max_unpool"]);

    let error = autoencoder(&catalog, &spec, &[1, 33, 40], &["convolution".to_owned()]);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("did you mean \"convolutions\"") && text.contains("\"fc\""), "{text}");
    let stem = vec![PartSpec { name: "stem".into(), layers: vec![LayerSpec::new("relu")] }];
    let spec = NetworkSpec { architecture: "Own".into(), parts: stem };
    let text = autoencoder(&catalog, &spec, &[1, 8, 8], &[]).unwrap_err().to_string();
    for part in ["\"Own\" has no part \"convolutions\"", "its parts are \"stem\"", "option parts"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_cannot_be_undone_is_named_by_its_path() {
    let conv = json!({"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1});
    let concat = json!({"kind": "concat", "branches": [["relu"], ["relu"]]});
    refused(
        json!(["relu", concat]),
        &[2, 8, 8],
        &["layer convolutions.1", "2×8×8 to 4×8×8", "transpose(\"concat\", |l|"],
    );
    refused(
        json!([conv, {"kind": "skip", "inner": ["relu"], "name": "long"}]),
        &[2, 8, 8],
        &["layer convolutions.long", "nothing says", "\"skip\""],
    );
    let inner = json!({"kind": "residual", "body": [conv, concat, conv], "shortcut": [conv]});
    refused(json!([conv, inner]), &[4, 8, 8], &["layer convolutions.1.body.1", "\"concat\""]);
    refused(
        json!([conv, {"kind": "leaky_relu", "negative_slope": 0}]),
        &[4, 8, 8],
        &["layer convolutions.1", "cannot be undone"],
    );
    // It keeps the shape in the encoder, but not where its counterpart comes to stand.
    let narrow = json!({"kind": "conv", "out_channels": 2, "kernel_size": 3, "padding": 1});
    let keeping = json!({"kind": "concat", "branches": [[narrow], [narrow]]});
    refused(
        json!([conv, keeping]),
        &[1, 8, 8],
        &["layer convolutions.1", "4×8×8 in place of 1×8×8", "transpose(\"concat\""],
    );
}

/// A rule of a plugin or script.
struct Rule(Value);

impl Transpose for Rule {
    fn transpose(&self, _: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        LayerSpec::list(&self.0)
    }
}

#[test]
fn rules_that_stand_in_for_others_count_within_layers_too() {
    let mut catalog = Catalog::built_in().unwrap();
    let mut rule = |layer: &str, decoder: Value| {
        let (layer, help, origin) = (layer.into(), "A rule.".into(), Origin::BuiltIn);
        let rule = Box::new(Rule(decoder));
        catalog.transposes.replace(TransposeEntry { layer, help, origin, rule }).unwrap();
    };
    rule("max_pool", json!([{"kind": "upsample", "scale_factor": 2}]));
    rule("concat", json!([{"kind": "conv", "out_channels": 1, "kernel_size": 1}]));
    let pool = json!({"kind": "max_pool", "kernel_size": 2});
    let spec = network(&json!([
        {"kind": "concat", "branches": [["relu"], ["relu"]]},
        {"kind": "sequential", "layers": [pool, "relu"]}
    ]));
    let found = autoencoder(&catalog, &spec, &[1, 8, 8], &[]).unwrap();
    assert_eq!(found.parts[0].layers[1].options["layers"][0]["return_indices"], false);
    assert_eq!(found.parts[1].layers[0].options["layers"][0]["kind"], "upsample");
    assert_eq!(found.parts[1].layers[1].kind, "conv");
    let odd = autoencoder(&catalog, &spec, &[1, 9, 8], &[]).unwrap_err().to_string();
    for part in ["layer convolutions.1.layers.0", "2×4×4 to 2×8×8 in place of 2×9×8"] {
        assert!(odd.contains(part), "{odd}");
    }
}

/// Networks of a kernel, stride and padding, whether or not they fit an input.
fn networks(kernel: i64, stride: i64, padding: i64) -> Vec<Value> {
    let conv = |channels: i64| {
        json!({"kind": "conv", "out_channels": channels, "kernel_size": kernel,
        "stride": stride, "padding": padding})
    };
    let same = json!({"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1});
    let pool = |kind: &str| {
        json!({"kind": kind, "kernel_size": kernel, "stride": stride,
        "padding": padding.min(kernel / 2)})
    };
    let padded = json!({"kind": "pad_max_pool", "kernel_size": kernel, "stride": stride});
    let leaky = json!({"kind": "leaky_relu", "negative_slope": 0.1});
    vec![
        json!([conv(4), "batch_norm", "relu", conv(6), leaky]),
        json!([same, "instance_norm", "relu", pool("max_pool"), conv(2), {"kind": "group_norm", "num_groups": 2}]),
        json!([same, "batch_norm", leaky, padded, same, "relu", padded]),
        json!([pool("avg_pool"), conv(3), "elu", pool("avg_pool")]),
        json!([{"kind": "residual", "body": [conv(4), "batch_norm", "relu", same, "batch_norm"],
            "shortcut": [conv(4)]}, "relu", {"kind": "residual", "body": [same, "relu"]}]),
        json!([same, {"kind": "residual", "body": [same, padded, leaky],
            "shortcut": [padded, same]}, pool("max_pool")]),
    ]
}

/// Every kernel from 2 to 5, stride to 3 and padding to 2 at every size from 8 to 40.
#[test]
fn whatever_fits_is_restored() {
    let catalog = Catalog::built_in().unwrap();
    let (mut restored, mut refused) = (0, 0);
    for (kernel, stride, padding) in
        (2..=5).flat_map(|k| (1..=3).flat_map(move |s| (0..=2).map(move |p| (k, s, p))))
    {
        for (i, layers) in networks(kernel, stride, padding).iter().enumerate() {
            let spec = network(layers);
            // The networks share the sizes among them.
            let slices = (8..=40).skip(i % 2).step_by(2).map(|size| vec![1, size, 11]);
            let volumes = (8..=40).skip(i).step_by(6).map(|size| vec![1, 14, size, 11]);
            for input in slices.chain(volumes) {
                if Plan::new(spec.clone(), &input, &catalog).is_err() {
                    refused += 1;
                    continue;
                }
                let found = autoencoder(&catalog, &spec, &input, &[])
                    .unwrap_or_else(|error| panic!("{layers} {input:?}: {error}"));
                let plan = Plan::new(found, &input, &catalog).unwrap();
                assert_eq!(plan.output, input, "{layers}");
                restored += 1;
            }
        }
    }
    assert!(restored > 3500 && refused < 1000, "{restored} {refused}");
}

#[test]
fn autoencoders_compute_and_learn() {
    tch::manual_seed(0);
    let catalog = Catalog::built_in().unwrap();
    for (kernel, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 3, 1)] {
        for layers in networks(kernel, stride, padding) {
            for input in [vec![1, 29, 28], vec![1, 28, 29, 31]] {
                let spec = autoencoder(&catalog, &network(&layers), &input, &[]).unwrap();
                let plan = Plan::new(spec, &input, &catalog).unwrap();
                let network = Network::new(plan, 0, Device::Cpu).unwrap();
                let mut size = vec![2];
                size.extend(&input);
                let x = Tensor::randn(&size, (Kind::Float, Device::Cpu));
                let x = crate::network::channels_last(&x).unwrap();
                let y = network.forward(&x, Mode::Training { seed: 1 }).unwrap();
                assert_eq!(y.size(), size, "{layers}");
                (y - x).square().sum(Kind::Float).backward();
                for (param, tensor) in network.trainable() {
                    let grad = tensor.grad();
                    assert!(
                        grad.defined() && bool::try_from(grad.isfinite().all()).unwrap(),
                        "{}",
                        param.name
                    );
                }
            }
        }
    }
}

/// A recipe with an option.
struct Recipe;

impl Architecture for Recipe {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        let width = request.options.get("width").cloned().unwrap_or(json!(4));
        Ok(network(&json!([{"kind": "conv", "out_channels": width, "kernel_size": 3}, "flatten",
            {"kind": "linear", "out_features": request.outputs}])))
    }
}

#[test]
fn a_registered_architecture_has_an_autoencoder_with_its_options() {
    let mut catalog = Catalog::built_in().unwrap();
    let (help, source, origin) = (String::new(), "doi".to_owned(), Origin::BuiltIn);
    let (name, architecture) = ("Net".to_owned(), Box::new(Recipe));
    let base = ArchitectureEntry { name, help, source, options: vec![], origin, architecture };
    catalog.architectures.register(base).unwrap();
    let base = Arc::clone(catalog.architectures.get("Net").unwrap());
    let parts = ["convolutions".to_owned(), "fc".to_owned()];
    for (name, parts, layers) in [(None, &[][..], 1), (Some("Own"), &parts, 3)] {
        let entry = Derived::entry(&base, name, parts, Origin::BuiltIn);
        assert_eq!(entry.name, name.unwrap_or("AE_Net"));
        let (from, of) = entry.architecture.base().unwrap();
        assert!(Arc::ptr_eq(from, &base) && of.len() == parts.len().max(1));
        let options = Map::from_iter([("width".to_owned(), json!(6))]);
        let request = ArchitectureRequest { input: vec![1, 9, 8], outputs: 1, options };
        let spec = entry.architecture.build(&request, &catalog).unwrap();
        assert_eq!(spec.architecture, entry.name);
        assert_eq!(spec.parts[0].layers.len(), layers);
        assert_eq!(spec.parts[0].layers[0].options["out_channels"], 6);
    }
}
