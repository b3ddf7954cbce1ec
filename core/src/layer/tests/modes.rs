//! Layers under libtorch's modes: numbers of less precision, deterministic algorithms.

use neurhai_torch::{Deterministic, is_deterministic};

use super::*;
use crate::layer::pool::mean_of_blocks;
use crate::network::Precision;
use crate::random::Random;

/// The example of a layer behind one that gives what it is given, but in the numbers of a convolution or
/// matrix product.
fn behind_identity(layers: &Value, input: &[i64]) -> (NetworkSpec, i64) {
    let first = match input.len() {
        1 => json!({"kind": "linear", "out_features": input[0]}),
        _ => {
            json!({"kind": "conv", "out_channels": input[0], "groups": input[0], "kernel_size": 1})
        }
    };
    let mut all = vec![first];
    all.extend(layers.as_array().unwrap().clone());
    (spec(&all.into()), if input.len() == 1 { input[0] } else { 0 })
}

/// The output, and the gradients of the input and of the example's parameters, with `precision`.
fn pass(layers: &Value, input: &[i64], precision: Precision) -> Vec<(String, Tensor)> {
    let (spec, features) = behind_identity(layers, input);
    let plan = Plan::new(spec, input, &Catalog::built_in().unwrap()).unwrap();
    let mut network = Network::new(plan, 3, Device::Cpu).unwrap();
    network.set_precision(precision);
    let float = (Kind::Float, Device::Cpu);
    no_grad(|| {
        for (param, tensor) in network.state() {
            let one = if features > 0 {
                Tensor::eye(features, float)
            } else {
                Tensor::ones(&param.shape, float)
            };
            match param.name.as_str() {
                "net.0.weight" => tensor.shallow_clone().copy_(&one),
                "net.0.bias" => drop(tensor.shallow_clone().zero_()),
                _ => {}
            }
        }
    });
    // Tests beside this one draw from libtorch's own generator.
    let draw = |size: &[i64], purpose| {
        let mut random = Random::new(5, purpose, &[]);
        let numbers = (0..size.iter().product::<i64>()).map(|_| random.normal() as f32);
        Tensor::from_slice(&numbers.collect::<Vec<f32>>()).view(size)
    };
    let size = [&[6], input].concat();
    // Numbers that bfloat16 has, so that maxima stay where they are.
    let x = draw(&size, "input").to_kind(Kind::BFloat16).to_kind(Kind::Float);
    let x = crate::network::channels_last(&x).unwrap().set_requires_grad(true);
    let y = network.forward(&x, mode(true)).unwrap();
    assert_eq!(y.kind(), Kind::Float, "{layers}: what a network gives is float32");
    (&y * draw(&y.size(), "loss")).sum(Kind::Float).backward();
    let mut found = vec![("output".to_owned(), y.detach()), ("input".to_owned(), x.grad())];
    // A norm does not change with the scale of what is before it: that gradient is nothing but rounding.
    let own = network.trainable().filter(|(param, _)| !param.name.starts_with("net.0."));
    for (param, tensor) in own {
        found.push((param.name.clone(), tensor.grad()));
    }
    found
}

/// bfloat16 has 8 bits of precision: each rounding is off by 2⁻⁹ at most. Bounds are for norms of tensors.
#[test]
fn every_layer_takes_bfloat16_and_learns() {
    let catalog = Catalog::built_in().unwrap();
    let mut rounded = 0;
    for entry in catalog.layers.iter() {
        let example = &entry.info.example;
        // Within other layers a rectifier may switch where a rounded number is near 0, and with it the
        // gradient there: something smooth takes its place.
        let mut layers = example.layers.to_string();
        if entry.info.name != "relu" {
            layers = layers.replace("\"relu\"", "\"tanh\"");
        }
        let layers: Value = serde_json::from_str(&layers).unwrap();
        let exact = pass(&layers, &example.input, Precision::Float32);
        let found = pass(&layers, &example.input, Precision::BFloat16);
        for ((what, exact), (_, found)) in exact.iter().zip(&found) {
            let off = (found - exact).norm().double_value(&[]);
            let norm = exact.norm().double_value(&[]);
            // A norm takes away what a bias before it adds: that gradient is 0 but for rounding.
            if what.ends_with("bias") && norm < 1e-3 {
                continue;
            }
            assert!(off <= 2e-2 * norm, "{}: {what}: {off} of {norm}", entry.info.name);
            rounded += usize::from(off > 0.0);
        }
    }
    assert!(rounded > 20, "numbers of less precision were used: {rounded}");
}

#[test]
fn every_layer_learns_under_deterministic_algorithms() {
    let asked = Deterministic::ask().unwrap();
    let again = Deterministic::ask().unwrap();
    drop(asked);
    assert!(is_deterministic(), "as long as one asks");
    for entry in Catalog::built_in().unwrap().layers.iter() {
        pass(&entry.info.example.layers, &entry.info.example.input, Precision::Float32);
    }
    drop(again);
}

/// What has no deterministic kernel is told before it runs, for GPUs only, within other layers too.
#[test]
fn layers_without_a_deterministic_gradient_are_named() {
    let with = |layer: Value| {
        let layers = json!([{"kind": "residual", "body": [layer], "shortcut": [
            {"kind": "conv", "out_channels": 2, "kernel_size": 1, "stride": 2}]}]);
        plan(&layers, &[2, 6, 6, 6]).unwrap()
    };
    let overlapping =
        with(json!({"kind": "avg_pool", "kernel_size": 3, "stride": 2, "padding": 1}));
    overlapping.check_deterministic(Device::Cpu).unwrap();
    let error = overlapping.check_deterministic(Device::Cuda(0)).unwrap_err();
    assert_eq!(error.code(), Code::BadNetwork);
    let text = error.to_string();
    let parts =
        ["net.0.body.0", "avg_pool in 3D with overlapping windows", "kernel_size and stride"];
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    for (layer, refused) in [
        (json!({"kind": "avg_pool", "kernel_size": 2}), false),
        (json!({"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1}), false),
        (json!({"kind": "adaptive_avg_pool", "output_size": 3}), false),
        (json!({"kind": "upsample", "size": 3}), false),
        (json!({"kind": "upsample", "size": 3, "mode": "linear"}), true),
    ] {
        let found = with(layer.clone()).check_deterministic(Device::Cuda(0)).is_err();
        assert_eq!(found, refused, "{layer}");
    }
    let uneven =
        plan(&json!([{"kind": "adaptive_avg_pool", "output_size": 4}]), &[2, 6, 6]).unwrap();
    uneven.check_deterministic(Device::Cuda(0)).unwrap_err();
}

/// The form of mean pooling for GPUs against libtorch's own.
#[test]
fn means_of_blocks_are_those_of_mean_pooling() {
    tch::manual_seed(1);
    let x = Tensor::randn([2, 3, 6, 7, 9], (Kind::Float, Device::Cpu));
    let expected = x.avg_pool3d([2, 3, 4], [2, 3, 4], [0, 0, 0], false, true, None);
    assert_close("3D", &mean_of_blocks(&x, &[2, 3, 4]).unwrap(), &expected);
    let x = Tensor::randn([2, 3, 6, 9], (Kind::Float, Device::Cpu));
    let expected = x.adaptive_avg_pool2d([2, 9]);
    assert_close("2D", &mean_of_blocks(&x, &[3, 1]).unwrap(), &expected);
}
