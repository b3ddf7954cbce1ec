//! Pictures are those of scikit-image and SciPy: `tests/fixtures/make_generate.py`.

use serde_json::Value;

use super::*;

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/generate.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn ellipses_are_painted_and_blurred_as_scikit_image_and_scipy_do() {
    for case in fixture()["phantoms"].as_array().unwrap() {
        let size = case["size"].as_u64().unwrap() as usize;
        let value = |number: usize| if number == 0 { 0.0 } else { 1.0 - 0.07 * number as f32 };
        let solids = case["solids"].as_array().unwrap().iter().enumerate().map(|(i, solid)| {
            let [row, column, rows, columns, rotation] =
                serde_json::from_value(solid.clone()).unwrap();
            let center = [row, column, 0.0];
            Solid { center, radii: [rows, columns, 1.0], rotation, value: value(i + 1) }
        });
        let mut head = Head { solids: solids.collect(), blur: 0.0 };
        let sharp = head.render([size, size, 1]);
        let rows = case["top"].as_array().unwrap().iter().map(|row| row.as_str().unwrap());
        let top: String = rows.collect();
        let expected = top.chars().map(|top| value(top.to_digit(36).unwrap() as usize));
        assert_eq!(sharp, expected.collect::<Vec<_>>());

        head.blur = case["sigma"].as_f64().unwrap();
        let blurred = head.render([size, size, 1]);
        for (i, expected) in case["blurred"].as_object().unwrap() {
            let i: usize = i.parse().unwrap();
            let (found, expected) = (f64::from(blurred[i * size + i]), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-6, "{i}: {found} instead of {expected}");
        }
    }
}

/// By the ranges of ClinicaDL's `generate_shepplogan_phantom`.
#[test]
fn what_is_drawn_is_in_its_range_and_reaches_all_of_it() {
    let size = 128;
    let (c, a, b) = (64.5, 62.5, 41.0);
    for subtype in 0..3 {
        let mut scales = [[f64::INFINITY, 0.0]; 2];
        for i in 0..400 {
            let mut random = Random::new(0, "ranges", &[subtype as u64, i]);
            let Head { solids, blur } = Head::draw(&mut random, size, subtype, true);
            assert_eq!(solids.len(), 9);
            let within = |value: f64, low: f64, high: f64| {
                assert!((low..=high).contains(&value), "{value} is not in {low}…{high}");
            };
            within(blur, 0.0, 1.28);
            assert_eq!(solids[0].center[..2], [c, c]);
            assert_eq!(solids[0].radii[..2], [a, b]);
            let offset = a - solids[1].radii[0];
            within(offset, 1.0, 4.0);
            assert!((solids[1].radii[1] - (b - offset)).abs() < 1e-12);
            assert!((solids[1].center[0] - (c + offset / 2.0)).abs() < 1e-12);
            assert_eq!(solids[1].center[1], c);
            assert_eq!([solids[0].value, solids[1].value], [1.0, 0.2]);
            let tissue = solids[2].value;
            within(f64::from(tissue), 0.4, 0.6);
            let places = [(1.0, 1.0), (0.6, 1.0), (1.5, 1.0), (1.5, 1.1), (1.5, 0.9)];
            let radii = [(6.0, 6.0), (3.0, 4.0), (10.0, 10.0), (10.0, 10.0), (10.0, 10.0)];
            for (k, ((row, column), (rows, columns))) in places.into_iter().zip(radii).enumerate() {
                let solid = solids[k + 2];
                assert_eq!(solid.value, tissue);
                within(solid.center[0] - c * row, 1.0, 4.0);
                within(solid.center[1] - c * column, 1.0, 4.0);
                within(solid.rotation, -PI, PI);
                let small = (subtype == 2 && k == 1) || (subtype == 1 && k > 1);
                let (low, high) = if small { (0.8, 0.9) } else { (1.0, 1.2) };
                let scale = [solid.radii[0] * rows / b, solid.radii[1] * columns / b];
                scale.iter().for_each(|scale| within(*scale, low - 1e-12, high + 1e-12));
                if k == 1 || k == 2 {
                    let range = &mut scales[k - 1];
                    *range = [range[0].min(scale[0]), range[1].max(scale[0])];
                }
            }
            for (k, column, lean) in [(7, 0.75, PI / 8.0), (8, 1.25, -PI / 8.0)] {
                let solid = solids[k];
                assert_eq!((solid.center[0], solid.center[1], solid.value), (c, c * column, 0.0));
                within(solid.radii[0] * 3.0 / a, 0.8, 1.2);
                assert!((solid.radii[0] - 2.0 * solid.radii[1]).abs() < 1e-12);
                within(solid.rotation - lean, -PI / 16.0 - 1e-12, PI / 16.0 + 1e-12);
            }
        }
        let large = [1.0, 1.2];
        let small = [0.8, 0.9];
        let expected = [[large, large], [large, small], [small, large]][subtype];
        for (found, expected) in scales.iter().zip(expected) {
            assert!((found[0] - expected[0]).abs() < 0.01 && (found[1] - expected[1]).abs() < 0.01);
        }
    }
}

/// The plane through the centre of the solid is the phantom of two dimensions.
#[test]
fn the_middle_plane_of_a_solid_is_the_phantom() {
    let size = 33;
    let head = Head::draw(&mut Random::new(1, "plane", &[]), size, 0, false);
    let (plane, solid) = (head.render([size, size, 1]), head.render([size; 3]));
    let at = |z: usize| solid.iter().copied().skip(z).step_by(size).collect::<Vec<_>>();
    assert_eq!(at(17), plane);
    // The half axis of the skull is 15 · 0.88 = 13.2 voxels.
    assert!(at(4).contains(&1.0) && at(30).contains(&1.0));
    assert!(at(3).iter().all(|voxel| *voxel == 0.0) && at(31).iter().all(|voxel| *voxel == 0.0));
}
