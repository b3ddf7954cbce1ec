use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tch::Tensor;

use crate::catalog::Catalog;

mod draws;

/// An image `[1, 2, 3, 2]` that counts its voxels.
fn image() -> Vec<f32> {
    (0..12).map(|i| i as f32).collect()
}

#[track_caller]
fn apply(name: &str, options: Value, seed: u64) -> Vec<f32> {
    let catalog = Catalog::built_in().unwrap();
    let entry = catalog.transforms.get(name).unwrap();
    let options = entry.options(options.as_object().unwrap_or(&Map::new())).unwrap();
    entry.apply(image(), &[1, 2, 3, 2], &options, seed).unwrap()
}

/// Every transform but Noise, whose action is a draw, against TorchIO, SciPy and NumPy
/// (tests/fixtures/make_transforms.py).
#[test]
fn images_are_those_of_torchio() {
    let fixture = |name: &str| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures")).join(name)
    };
    let tensors = Tensor::read_safetensors(fixture("transforms.safetensors")).unwrap();
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    let cases = std::fs::read(fixture("transforms.json")).unwrap();
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let catalog = Catalog::built_in().unwrap();
    let mut tried: Vec<&str> = Vec::new();
    for case in cases.as_array().unwrap() {
        let [name, input, transform] =
            ["name", "input", "transform"].map(|key| case[key].as_str().unwrap());
        let entry = catalog.transforms.get(transform).unwrap();
        let options = entry.options(case["options"].as_object().unwrap()).unwrap();
        let shape = tensors[input].size();
        let voxels = |name: &str| Vec::<f32>::try_from(tensors[name].flatten(0, -1)).unwrap();
        let found = entry.replay(voxels(input), &shape, &options, &case["drawn"]).unwrap();
        for (at, (found, expected)) in found.iter().zip(voxels(name)).enumerate() {
            let close = (found - expected).abs() <= 2e-5 * expected.abs().max(1.0);
            assert!(close, "{name}: {found} in place of {expected} at {at}");
        }
        tried.push(transform);
    }
    for entry in catalog.transforms.iter().filter(|entry| entry.info.name != "Noise") {
        assert!(tried.contains(&entry.info.name.as_str()), "{} is not tried", entry.info.name);
    }
}

/// `numpy.flip(numpy.arange(12).reshape(1, 2, 3, 2), axis + 1).ravel()`.
#[test]
fn flip_mirrors_one_axis() {
    let flipped = |axis: i64| apply("Flip", json!({"axis": axis, "p": 1}), 0);
    assert_eq!(flipped(0), [6., 7., 8., 9., 10., 11., 0., 1., 2., 3., 4., 5.]);
    assert_eq!(flipped(1), [4., 5., 2., 3., 0., 1., 10., 11., 8., 9., 6., 7.]);
    assert_eq!(flipped(2), [1., 0., 3., 2., 5., 4., 7., 6., 9., 8., 11., 10.]);
}

/// E|s·z| with s ~ U(0, std), z ~ N(0, 1) is std/2 · √(2/π).
#[test]
fn noise_has_the_spread_asked_for() {
    let mut sum = 0.0;
    for seed in 0..2000 {
        let noisy = apply("Noise", json!({"std": 0.2}), seed);
        sum += noisy.iter().zip(image()).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
    }
    let (mean, expected) = (sum / 24_000.0, 0.1 * (2.0 / std::f64::consts::PI).sqrt());
    assert!((mean - expected).abs() < 0.003, "{mean} {expected}");
    assert_eq!(apply("Noise", json!({}), 7), apply("Noise", json!({}), 7));
}
