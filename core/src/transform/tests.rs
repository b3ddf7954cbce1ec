use serde_json::{Map, json};

use crate::catalog::Catalog;

/// An image `[1, 2, 3, 2]` that counts its voxels.
fn image() -> Vec<f32> {
    (0..12).map(|i| i as f32).collect()
}

#[track_caller]
fn apply(name: &str, options: serde_json::Value, seed: u64) -> Vec<f32> {
    let catalog = Catalog::built_in().unwrap();
    let entry = catalog.transforms.get(name).unwrap();
    let options = entry.options(options.as_object().unwrap_or(&Map::new())).unwrap();
    entry.apply(image(), &[1, 2, 3, 2], &options, seed).unwrap()
}

/// `numpy.flip(numpy.arange(12).reshape(1, 2, 3, 2), axis + 1).ravel()`.
#[test]
fn flip_mirrors_one_axis() {
    let flipped = |axis: i64| apply("Flip", json!({"axis": axis, "p": 1}), 0);
    assert_eq!(flipped(0), [6., 7., 8., 9., 10., 11., 0., 1., 2., 3., 4., 5.]);
    assert_eq!(flipped(1), [4., 5., 2., 3., 0., 1., 10., 11., 8., 9., 6., 7.]);
    assert_eq!(flipped(2), [1., 0., 3., 2., 5., 4., 7., 6., 9., 8., 11., 10.]);
    assert_eq!(apply("Flip", json!({"p": 0}), 0), image());
    let share = (0..2000).filter(|seed| apply("Flip", json!({}), *seed) != image()).count();
    assert!((900..1100).contains(&share), "{share}");
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
