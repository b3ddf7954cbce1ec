//! Expected numbers are PyTorch's: tests/fixtures/make_plugins.py.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

use neurhai_attention::neurhai_plugin as plugin;
use neurhai_plugin::serde_json::{self, Value, json};
use neurhai_plugin::testkit::torch::TestLayer;
use neurhai_plugin::torch::{Tensor, tch};
use neurhai_plugin::{abi, testkit};

#[test]
fn the_plugin_keeps_the_contract() {
    testkit::torch::check(&plugin);
    assert_eq!(plugin.tensors, abi::TENSORS_CPP);
    assert!(plugin.libtorch.starts_with(b"2.13.0\0"));
}

fn tensor(numbers: &Value) -> Tensor {
    let shape: Vec<i64> = serde_json::from_value(numbers["shape"].clone()).unwrap();
    let values: Vec<f32> = serde_json::from_value(numbers["values"].clone()).unwrap();
    Tensor::from_slice(&values).reshape(shape)
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Value, what: &str) {
    let expected = tensor(expected);
    assert_eq!(found.size(), expected.size(), "{what}");
    let difference = (found - expected).abs().max().double_value(&[]);
    assert!(difference < 2e-6, "{what}: {difference}");
}

#[test]
fn output_and_gradients_are_those_of_pytorch() {
    let file = include_str!("../../../tests/fixtures/plugins/attention.json");
    let cases: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let x = tensor(&case["input"]).set_requires_grad(true);
        let options = json!({"reduction": case["reduction"]});
        let shape = &x.size()[1..];
        let layer = TestLayer::new(&plugin, "squeeze_spatial_attention", options, shape).unwrap();
        assert_eq!(layer.output().unwrap(), shape);

        let names: Vec<&String> = case["params"].as_object().unwrap().keys().collect();
        assert_eq!(layer.names().iter().collect::<Vec<_>>(), names);
        for (name, weight) in layer.names().iter().zip(layer.weights()) {
            tch::no_grad(|| weight.shallow_clone().copy_(&tensor(&case["params"][name])));
        }

        let y = layer.forward(&x, true, 1).unwrap();
        assert_close(&y, &case["output"], "output");
        (&y * tensor(&case["weight_of_loss"])).sum(tch::Kind::Float).backward();
        assert_close(&x.grad(), &case["grad_input"], "gradient of the input");
        for (name, weight) in layer.names().iter().zip(layer.weights()) {
            assert_close(&weight.grad(), &case["grads"][name], name);
        }
    }
}

#[test]
fn a_flat_input_is_refused_in_words() {
    let made = TestLayer::new(&plugin, "squeeze_spatial_attention", json!({}), &[10]);
    let error = made.err().unwrap();
    assert!(error.contains("needs [channel, height, width]"), "{error}");
}
