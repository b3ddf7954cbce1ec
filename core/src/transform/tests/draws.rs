//! What is drawn: within the ranges asked for, spread over them, and enough to do it again.

use super::*;
use crate::error::Code;

const VOLUME: [i64; 4] = [1, 40, 48, 44];
const SLICE: [i64; 3] = [1, 48, 44];

/// What a transform draws for many seeds.
fn draws(name: &str, options: &Value, shape: &[i64]) -> Vec<Value> {
    let catalog = Catalog::built_in().unwrap();
    let entry = catalog.transforms.get(name).unwrap();
    let options = entry.options(options.as_object().unwrap()).unwrap();
    (0..400).map(|seed| entry.draw(shape, &options, seed).unwrap()).collect()
}

/// Every number within a value.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        one => one.as_f64().into_iter().collect(),
    }
}

/// The defaults are those of ClinicaDL 1.6 and TorchIO 0.18: the ranges are filled to within a
/// twentieth, and each draw has so many numbers.
#[test]
fn defaults_fill_the_ranges_of_clinicadl() {
    for (name, key, volume, slice, [low, high]) in [
        ("Noise", "std", 1, 1, [0.0, 0.1]),
        ("Smoothing", "std", 1, 1, [0.0, 1.0]),
        ("CropPad", "shift", 3, 2, [-10.0, 9.0]),
        ("Motion", "degrees", 6, 2, [2.0, 4.0]),
        ("Motion", "translation", 6, 4, [2.0, 4.0]),
        ("Ghosting", "num_ghosts", 1, 1, [4.0, 10.0]),
        ("Ghosting", "axis", 1, 1, [0.0, 2.0]),
        ("Ghosting", "intensity", 1, 1, [0.5, 1.0]),
        ("Spike", "spikes_positions", 3, 2, [0.0, 1.0]),
        ("Spike", "intensity", 1, 1, [1.0, 3.0]),
        ("BiasField", "coefficients", 20, 10, [-0.5, 0.5]),
        ("RandomBlur", "std", 3, 2, [0.0, 2.0]),
        ("RandomSwap", "locations", 600, 400, [0.0, 33.0]),
        ("Gamma", "gamma", 1, 1, [(-0.3f64).exp(), 0.3f64.exp()]),
        ("Affine", "scales", 3, 2, [0.9, 1.1]),
        ("Affine", "degrees", 3, 1, [-10.0, 10.0]),
        ("Affine", "translation", 3, 2, [0.0, 0.0]),
        ("Elastic", "displacements", 81, 18, [-7.5, 7.5]),
    ] {
        let high = |shape: &[i64]| {
            if name == "Ghosting" && key == "axis" { shape.len() as f64 - 2.0 } else { high }
        };
        for (shape, count) in [(&VOLUME[..], volume), (&SLICE[..], slice)] {
            let high = high(shape);
            let drawn: Vec<Vec<f64>> =
                draws(name, &json!({}), shape).iter().map(|drawn| numbers(&drawn[key])).collect();
            assert!(drawn.iter().all(|drawn| drawn.len() == count), "{name} {key}");
            let all = || drawn.iter().flatten().copied();
            let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
            let slack = 0.05 * (high - low);
            assert!(least >= low && least <= low + slack, "{name} {key}: {least}");
            assert!(most <= high && most >= high - slack, "{name} {key}: {most}");
        }
    }
}

/// The share, the sides and the place of what is erased are torchvision's.
#[test]
fn erased_rectangles_lie_within_the_image() {
    let mut shares = Vec::new();
    for drawn in draws("Erasing", &json!({"p": 1}), &VOLUME) {
        let [row, column, height, width] =
            ["row", "column", "height", "width"].map(|key| drawn[key].as_f64().unwrap());
        assert!(row + height <= 48.0 && column + width <= 44.0, "{drawn}");
        assert!((0.25..4.0).contains(&(height / width)), "{drawn}");
        shares.push(height * width / (48.0 * 44.0));
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(
        shares.iter().all(|share| (0.018..0.34).contains(share)) && (0.15..0.19).contains(&mean)
    );
}

/// Movements come in turn, each near its even time.
#[test]
fn movements_are_in_order() {
    for drawn in draws("Motion", &json!({"num_transforms": 3}), &VOLUME) {
        for (i, time) in numbers(&drawn["times"]).into_iter().enumerate() {
            assert!((time - 0.25 * (i as f64 + 1.0)).abs() <= 0.075, "{drawn}");
        }
    }
}

/// 400 draws of a share p differ from 400·p by less than four standard deviations.
#[test]
fn a_share_of_the_images_stays_as_it_is() {
    for (name, options, p) in [
        ("Noise", json!({}), 1.0),
        ("Flip", json!({}), 0.5),
        ("Erasing", json!({}), 0.5),
        ("Noise", json!({"p": 0.2}), 0.2),
        ("Elastic", json!({"p": 0}), 0.0),
    ] {
        let changed = draws(name, &options, &VOLUME).iter().filter(|one| !one.is_null()).count();
        let spread = 4.0 * f64::sqrt(400.0 * p * (1.0 - p));
        assert!((changed as f64 - 400.0 * p).abs() <= spread, "{name} {options}: {changed}");
    }
    assert_eq!(apply("Noise", json!({"p": 0}), 3), image());
}

/// The written parameters are all that is needed to change the image in the same way.
#[test]
fn what_was_drawn_can_be_done_again() {
    let catalog = Catalog::built_in().unwrap();
    for entry in catalog.transforms.iter() {
        let options = entry.options(json!({"p": 1}).as_object().unwrap()).unwrap();
        for shape in [&[2, 9, 10, 7][..], &[1, 10, 9]] {
            let voxels: Vec<f32> = (0..shape.iter().product::<i64>()).map(|i| i as f32).collect();
            let first = entry.apply(voxels.clone(), shape, &options, 2).unwrap();
            let text = entry.draw(shape, &options, 2).unwrap().to_string();
            let drawn: Value = serde_json::from_str(&text).unwrap();
            let again = entry.replay(voxels.clone(), shape, &options, &drawn).unwrap();
            assert!(first == again, "{} {text}", entry.info.name);
            assert!(first != voxels, "{} does nothing", entry.info.name);
        }
    }
}

/// Parameters of another image or transform are refused, never a panic.
#[test]
fn parameters_that_do_not_fit_are_refused() {
    let catalog = Catalog::built_in().unwrap();
    for (name, drawn) in [
        ("Noise", json!({"std": 0.1})),
        ("CropPad", json!({"shift": [1, 2]})),
        ("Erasing", json!({"row": 3, "column": 0, "height": 5, "width": 1})),
        ("Erasing", json!({"row": u64::MAX, "column": 0, "height": 5, "width": 1})),
        ("Motion", json!({"times": [0.5], "degrees": [[1]], "translation": [[1, 2, 3]]})),
        ("Motion", json!({"times": [0.5], "degrees": [], "translation": []})),
        ("Ghosting", json!({"num_ghosts": 4, "axis": 3, "intensity": 0.5})),
        ("Spike", json!({"spikes_positions": [[0.1, 0.2]], "intensity": 1})),
        ("BiasField", json!({"coefficients": [0.1]})),
        ("RandomBlur", json!({"std": [1]})),
        ("RandomSwap", json!({"locations": [[[0, 0, 0], [5, 0, 0]]]})),
        ("RandomSwap", json!({"locations": [[[0, 0], [1, 0]]]})),
        ("Gamma", json!({"gamma": [1, 1]})),
        ("Flip", json!({"axis": 3})),
        ("Flip", json!("left")),
        ("Affine", json!({"scales": [1], "degrees": [1], "translation": [0]})),
        ("Elastic", json!({"displacements": [1]})),
    ] {
        let entry = catalog.transforms.get(name).unwrap();
        let options = entry.options(&Map::new()).unwrap();
        let error = entry.replay(vec![0.5; 120], &[1, 4, 5, 6], &options, &drawn).unwrap_err();
        assert_eq!(error.code(), Code::BadValue, "{name} {drawn}: {error}");
    }
}

/// Options that each are within their range, but do not fit each other or the image.
#[test]
fn options_that_do_not_fit_are_refused_before_anything_is_drawn() {
    let catalog = Catalog::built_in().unwrap();
    for (name, options, place) in [
        ("Motion", json!({"degrees": [4, 2]}), "degrees"),
        ("Motion", json!({"translation": [1]}), "translation"),
        ("Gamma", json!({"log_gamma": []}), "log_gamma"),
        ("Ghosting", json!({"num_ghosts": [5, 2]}), "num_ghosts"),
        ("Ghosting", json!({"num_ghosts": [-1, 2]}), "num_ghosts"),
        ("Ghosting", json!({"axes": [2]}), "axes"),
        ("Ghosting", json!({"axes": []}), "axes"),
        ("Flip", json!({"axis": 2, "p": 1}), "axis"),
        ("RandomSwap", json!({"patch_size": [3, 3, 3]}), "patch_size"),
        ("Elastic", json!({"num_control_points": 4}), "num_control_points"),
    ] {
        let entry = catalog.transforms.get(name).unwrap();
        let options = entry.options(options.as_object().unwrap()).unwrap();
        let error = entry.draw(&SLICE, &options, 0).unwrap_err();
        assert_eq!(error.code(), Code::BadOption, "{error}");
        assert!(error.to_string().contains(&format!("option {place:?}")), "{error}");
    }
}
