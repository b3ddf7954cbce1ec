//! Every layer against PyTorch's numbers (tests/fixtures/make_layers.py).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor, no_grad};

use super::Init;
use crate::catalog::Catalog;
use crate::error::{Code, Result};
use crate::network::{LayerSpec, Mode, Network, NetworkSpec, PartSpec, Plan, State};
use crate::shape::show;

mod modes;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures")).join(name)
}

fn json_fixture(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

fn spec(layers: &Value) -> NetworkSpec {
    let layers = LayerSpec::list(layers).unwrap();
    let parts = vec![PartSpec { name: "net".into(), layers }];
    NetworkSpec { architecture: "test".into(), parts }
}

fn plan(layers: &Value, input: &[i64]) -> Result<Plan> {
    Plan::new(spec(layers), input, &Catalog::built_in().unwrap())
}

fn mode(training: bool) -> Mode {
    if training { Mode::Training { seed: 1 } } else { Mode::Evaluation }
}

fn ints(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

#[track_caller]
fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size(), "{what}");
    if found.numel() == 0 {
        return;
    }
    let difference = (found - expected).abs().max().double_value(&[]);
    let scale = expected.abs().max().double_value(&[]).max(1.0);
    assert!(difference <= 2e-5 * scale, "{what}: off by {difference} at scale {scale}");
}

#[test]
fn outputs_and_gradients_are_pytorchs() {
    let tensors: BTreeMap<String, Tensor> =
        Tensor::read_safetensors(fixture("layers/cases.safetensors"))
            .unwrap()
            .into_iter()
            .collect();
    let cases = json_fixture("layers/cases.json");
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let get = |what: &str| tensors.get(&format!("{name}/{what}"));
        let input = ints(&case["input_shape"]);
        let plan =
            plan(&json!([case["layer"]]), &input[1..]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let planned_output = plan.output.clone();
        let network = Network::new(plan, 0, Device::Cpu).unwrap();
        for (param, tensor) in network.state() {
            let inner = param.name.strip_prefix("net.0.").unwrap();
            let value = get(&format!("param/{inner}")).unwrap_or_else(|| panic!("{name}: {inner}"));
            no_grad(|| tensor.shallow_clone().copy_(value));
        }
        let x = get("input").unwrap().copy().set_requires_grad(true);
        let y = network.forward(&x, mode(case["training"].as_bool().unwrap())).unwrap();
        assert_eq!(y.size()[1..], planned_output, "{name}: planned shape");
        assert_close(&format!("{name}: output"), &y, get("output").unwrap());
        (&y * get("weight_of_loss").unwrap()).sum(Kind::Float).backward();
        assert_close(&format!("{name}: grad_input"), &x.grad(), get("grad_input").unwrap());
        for (param, tensor) in network.state() {
            let inner = param.name.strip_prefix("net.0.").unwrap();
            if param.trainable() {
                let expected = get(&format!("grad/{inner}")).unwrap();
                assert_close(&format!("{name}: gradient of {inner}"), &tensor.grad(), expected);
            }
            if let Some(after) = get(&format!("after/{inner}")) {
                assert_close(
                    &format!("{name}: {inner} after"),
                    &tensor.to_kind(Kind::Float),
                    after,
                );
            }
        }
    }
}

/// Channels-last is another order in memory, not another result.
#[test]
fn memory_layout_does_not_change_results() {
    let layers = json!([
        {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"kind": "batch_norm"},
        {"kind": "relu"}, {"kind": "pad_max_pool", "kernel_size": 2}, {"kind": "flatten"},
        {"kind": "linear", "out_features": 2}
    ]);
    let network = Network::new(plan(&layers, &[1, 7, 6, 5]).unwrap(), 1, Device::Cpu).unwrap();
    tch::manual_seed(0);
    let x = Tensor::randn([2, 1, 7, 6, 5], (Kind::Float, Device::Cpu));
    let last = crate::network::channels_last(&x).unwrap();
    assert_eq!(last.stride()[1], 1);
    assert_close(
        "layout",
        &network.forward(&last, mode(true)).unwrap(),
        &network.forward(&x, mode(true)).unwrap(),
    );
}

/// A rectifier before a maximum is computed after it; observing a network shows the order written.
/// Both must agree to the bit, values and gradients, with ties, negative maps and padding.
#[test]
fn the_order_of_rectifier_and_maximum_does_not_show() {
    tch::manual_seed(2);
    for rectifier in [json!({"kind": "relu"}), json!({"kind": "leaky_relu", "negative_slope": 0.2})]
    {
        for pool in [
            json!({"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1}),
            json!({"kind": "pad_max_pool", "kernel_size": 2}),
            json!({"kind": "pad_max_pool", "kernel_size": 2, "pad": "-inf"}),
        ] {
            let layers = json!([rectifier, pool]);
            let network =
                Network::new(plan(&layers, &[3, 5, 6, 7]).unwrap(), 0, Device::Cpu).unwrap();
            // Whole numbers make ties; the offset makes maps that are mostly negative.
            let x = Tensor::randint_low(-4, 3, [2, 3, 5, 6, 7], (Kind::Float, Device::Cpu)) - 0.5;
            let x = Tensor::cat(&[&x, &(&x + 0.5)], 0);
            let weight = Tensor::randn(
                network.forward(&x, mode(true)).unwrap().size(),
                (Kind::Float, Device::Cpu),
            );
            let run = |observed: bool| {
                let x = x.copy().set_requires_grad(true);
                let y = match observed {
                    true => network.forward_observed(&x, mode(true), |_, _| ()).unwrap(),
                    false => network.forward(&x, mode(true)).unwrap(),
                };
                (&y * &weight).sum(Kind::Float).backward();
                (y.detach(), x.grad())
            };
            let ((a, grad_a), (b, grad_b)) = (run(false), run(true));
            assert!(a.equal(&b), "{layers}");
            assert!(grad_a.equal(&grad_b), "{layers}");
        }
    }
}

#[test]
fn initialisation_is_pytorchs() {
    for case in json_fixture("layers/init.json").as_array().unwrap() {
        let input = ints(&case["input_shape"]);
        let plan = plan(&json!([case["layer"]]), &input[1..]).unwrap();
        let expected = case["parameters"].as_object().unwrap();
        for param in &plan.params {
            let State::Trainable(init) = param.state else { continue };
            let expected = &expected[param.name.strip_prefix("net.0.").unwrap()];
            assert_eq!(param.shape, ints(&expected["shape"]), "{case}");
            match (init, expected.get("bound"), expected.get("constant").or(expected.get("value")))
            {
                (Init::Uniform(bound), Some(b), _) => {
                    assert!((bound - b.as_f64().unwrap()).abs() < 1e-12, "{case}");
                }
                (Init::Constant(value), _, Some(v)) => assert_eq!(value, v.as_f64().unwrap()),
                other => panic!("{other:?} for {case}"),
            }
        }
    }
}

#[test]
fn fresh_weights_fill_their_bound_and_follow_the_seed() {
    let layers = json!([{"kind": "linear", "out_features": 64}]);
    let weights = |seed| {
        let network = Network::new(plan(&layers, &[400]).unwrap(), seed, Device::Cpu).unwrap();
        network.state().next().unwrap().1.copy()
    };
    let (a, b) = (weights(1), weights(2));
    assert!(a.equal(&weights(1)) && !a.equal(&b));
    let (low, high) = (a.min().double_value(&[]), a.max().double_value(&[]));
    assert!((-0.05..-0.0499).contains(&low) && (0.0499..=0.05).contains(&high), "{low} {high}");
}

#[test]
fn endless_networks_are_refused_at_once() {
    let layers: Vec<Value> = vec![json!({"kind": "relu"}); 30_000];
    refused(Value::from(layers), &[4], Code::BadNetwork, &["at most 20000 layers"]);
}

#[test]
fn weights_that_memory_cannot_hold_are_an_error() {
    let layers = json!([{"kind": "linear", "out_features": 1_i64 << 46}]);
    let error = Network::new(plan(&layers, &[400]).unwrap(), 0, Device::Cpu).err().unwrap();
    assert_eq!(error.code(), Code::OutOfMemory);
    assert!(error.to_string().contains("net.0.weight"), "{error}");
}

/// kernel = stride of 2 and 3 over every shape from 2 to 9 per axis: the pair restores the shape,
/// puts every maximum back where it was, and drops nothing.
#[test]
fn crop_max_unpool_undoes_pad_max_pool() {
    tch::manual_seed(0);
    for kernel in [2, 3] {
        let layers = json!([
            {"kind": "pad_max_pool", "kernel_size": kernel, "return_indices": true},
            {"kind": "crop_max_unpool"}
        ]);
        let mut shapes: Vec<Vec<i64>> = Vec::new();
        for a in 2..=9 {
            for b in 2..=9 {
                shapes.push(vec![2, a, b]);
                shapes.extend((2..=9).map(|c| vec![2, a, b, c]));
            }
        }
        for shape in shapes {
            let plan = plan(&layers, &shape).unwrap();
            assert_eq!(plan.output, shape);
            let pooled: Vec<i64> = shape[1..].iter().map(|n| (n + kernel - 1) / kernel).collect();
            assert_eq!(plan.rows[0].output[1..], pooled);
            let network = Network::new(plan, 0, Device::Cpu).unwrap();
            let mut size = vec![1];
            size.extend(&shape);
            // Positive values, so that a padded zero is never the maximum.
            let x = Tensor::rand(&size, (Kind::Float, Device::Cpu)) + 0.5;
            let y = network.forward(&x, mode(false)).unwrap();
            assert_eq!(y.size(), size);
            let kept = y.not_equal(0.0);
            assert_eq!(kept.sum(Kind::Int64).int64_value(&[]), 2 * pooled.iter().product::<i64>());
            let back = x.where_self(&kept, &y);
            assert!(back.equal(&y), "{}", show(&shape));
        }
    }
}

#[test]
fn dropout_keeps_the_mean_and_follows_the_seed_alone() {
    let network = |p: f64| {
        let layers = json!([{"kind": "dropout", "p": p}, {"kind": "dropout", "p": p}]);
        Network::new(plan(&layers, &[40_000]).unwrap(), 0, Device::Cpu).unwrap()
    };
    let x = Tensor::ones([1, 40_000], (Kind::Float, Device::Cpu));
    let run = |p: f64, seed| network(p).forward(&x, Mode::Training { seed }).unwrap();
    let y = run(0.5, 7);
    // Two independent halvings: a quarter is left, four times as large.
    assert!((y.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 0.05);
    assert_eq!(y.max().double_value(&[]), 4.0);
    tch::manual_seed(99);
    assert!(y.equal(&run(0.5, 7)) && !y.equal(&run(0.5, 8)));
    assert_eq!(run(1.0, 7).abs().sum(Kind::Double).double_value(&[]), 0.0);
    assert!(network(0.5).forward(&x, Mode::Evaluation).unwrap().equal(&x));
}

#[test]
fn every_layer_says_where_its_formula_comes_from() {
    for entry in Catalog::built_in().unwrap().layers.iter() {
        let info = &entry.info;
        assert!(info.help.ends_with('.') && info.source.contains("http"), "{}", info.name);
        assert!(info.options.iter().all(|option| option.help.len() > 3), "{}", info.name);
    }
}

#[track_caller]
fn refused(layers: Value, input: &[i64], code: Code, parts: &[&str]) {
    let error = plan(&layers, input).err().expect("a refusal");
    let text = error.to_string();
    assert_eq!(error.code(), code, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_path_shapes_and_remedy() {
    let conv = |k: i64| json!({"kind": "conv", "out_channels": 2, "kernel_size": k});
    refused(
        json!([conv(3), conv(9)]),
        &[1, 8, 8, 8],
        Code::KernelTooLarge,
        &["layer net.1", "reaches over 9 voxels", "6×6×6", "smaller kernel_size"],
    );
    refused(
        json!([conv(3), {"kind": "linear", "out_features": 2}]),
        &[1, 8, 8],
        Code::ShapeMismatch,
        &["layer net.1", "2×6×6", "flatten()"],
    );
    refused(
        json!([{"kind": "convv"}]),
        &[1, 8, 8],
        Code::UnknownName,
        &["net.0", "did you mean \"conv\""],
    );
    refused(
        json!([{"kind": "conv", "out_chanels": 2, "kernel_size": 3}]),
        &[1, 8, 8],
        Code::UnknownOption,
        &["layer net.0 (conv)", "did you mean \"out_channels\""],
    );
    refused(
        json!([{"kind": "conv", "out_channels": 3, "kernel_size": 1, "groups": 2}]),
        &[2, 4, 4],
        Code::ShapeMismatch,
        &["groups = 2"],
    );
    refused(
        json!([{"kind": "residual", "body": [conv(3)]}]),
        &[2, 5, 5],
        Code::ShapeMismatch,
        &["2×3×3", "2×5×5", "shortcut"],
    );
    refused(
        json!([{"kind": "crop_max_unpool"}]),
        &[2, 5, 5],
        Code::ShapeMismatch,
        &["return_indices"],
    );
    refused(
        json!([{"kind": "max_pool", "kernel_size": 2, "return_indices": true}, conv(1),
        {"kind": "conv", "out_channels": 5, "kernel_size": 1}, {"kind": "max_unpool"}]),
        &[2, 4, 4],
        Code::ShapeMismatch,
        &["net.3", "net.0", "2×2×2", "5×2×2"],
    );
    refused(
        json!([{"kind": "reshape", "shape": [3, -1]}]),
        &[10],
        Code::ShapeMismatch,
        &["10 values"],
    );
    refused(
        json!([{"kind": "linear", "out_features": i64::MAX}]),
        &[10],
        Code::ShapeMismatch,
        &["weight"],
    );
    refused(
        json!([{"kind": "upsample", "scale_factor": i64::MAX}]),
        &[1, 4, 4],
        Code::ShapeMismatch,
        &["shape"],
    );
    let mut nested = conv(1);
    for _ in 0..200 {
        nested = json!({"kind": "sequential", "layers": [nested]});
    }
    refused(json!([nested]), &[1, 4, 4], Code::BadNetwork, &["deeper"]);
}

/// A rectifier that writes over what came before it gives the same outputs and gradients; an observer
/// sees every layer's own output.
#[test]
fn writing_over_the_input_changes_nothing() {
    let catalog = Catalog::built_in().unwrap();
    let layers = json!([
        {"kind": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"kind": "relu"},
        {"kind": "batch_norm"}, {"kind": "relu"},
        {"kind": "residual", "body": [
            {"kind": "relu"}, {"kind": "conv", "out_channels": 4, "kernel_size": 1}, {"kind": "relu"}
        ]},
        {"kind": "conv_transpose", "out_channels": 2, "kernel_size": 3}, {"kind": "relu"}
    ]);
    let spec = NetworkSpec::from_layers("in place", LayerSpec::list(&layers).unwrap());
    let plan = || Plan::new(spec.clone(), &[1, 7, 8, 9], &catalog).unwrap();
    let network = || Network::new(plan(), 3, Device::Cpu).unwrap();
    let x = Tensor::randn([2, 1, 7, 8, 9], (Kind::Float, Device::Cpu));
    let (one, other) = (network(), network());
    let mode = Mode::Training { seed: 1 };
    let y = one.forward(&x, mode).unwrap();
    // Observed, nothing is written over.
    let expected = other.forward_observed(&x, mode, |_, _| ()).unwrap();
    assert!(y.equal(&expected));
    y.square().sum(Kind::Float).backward();
    expected.square().sum(Kind::Float).backward();
    for ((param, a), (_, b)) in one.trainable().zip(other.trainable()) {
        assert!(a.grad().equal(&b.grad()), "{}", param.name);
    }
}
