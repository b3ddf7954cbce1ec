//! The fixtures were written by `tests/fixtures/make_nifti.py`, which also says what nibabel reads.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

mod damaged;
mod tensor;
mod written;

fn fixture(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/nifti");
    PathBuf::from(folder).join(name)
}

/// The real images of ../shared/data, for those who have them.
fn shared(path: &str) -> Option<PathBuf> {
    Some(crate::shared_data::shared_data()?.join(path)).filter(|path| path.exists())
}

fn expected() -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// JSON knows no NaN, so it is `null` there, and infinities are words.
fn number(value: &Value) -> f32 {
    match value {
        Value::Null => f32::NAN,
        Value::String(word) => word.parse().unwrap(),
        number => number.as_f64().unwrap() as f32,
    }
}

fn bits(voxels: &[f32]) -> Vec<u32> {
    // All NaN count as one.
    voxels.iter().map(|voxel| if voxel.is_nan() { 0x7fc0_0000 } else { voxel.to_bits() }).collect()
}

fn same_affine(name: &str, found: &Affine, expected: &Affine) {
    for (found, expected) in found.as_flattened().iter().zip(expected.as_flattened()) {
        let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        assert!(near, "{name}: {found} instead of {expected}");
    }
}

#[test]
fn images_are_read_as_nibabel_reads_them() {
    let expected = expected();
    assert!(expected.len() > 45, "only {} fixtures were found", expected.len());
    for (name, expected) in expected {
        let volume = read(fixture(&name)).unwrap();
        let header = read_header(fixture(&name)).unwrap();
        let voxels: Vec<_> = expected["voxels"].as_array().unwrap().iter().map(number).collect();
        let shape: [usize; 3] = serde_json::from_value(expected["shape"].clone()).unwrap();
        let affine = serde_json::from_value(expected["affine"].clone()).unwrap();
        assert_eq!(volume.shape, shape, "{name}");
        assert_eq!(bits(&volume.voxels), bits(&voxels), "{name}");
        same_affine(&name, &volume.affine, &affine);
        assert_eq!((header.shape, header.affine), (volume.shape, volume.affine), "{name}");

        let finite = || voxels.iter().copied().filter(|voxel| voxel.is_finite());
        let stats = Stats {
            min: finite().reduce(f32::min).unwrap(),
            max: finite().reduce(f32::max).unwrap(),
            non_finite: voxels.len() - finite().count(),
        };
        assert_eq!(volume.stats, stats, "{name}");
        assert_eq!(Stats::of(&voxels), stats, "{name}");
    }
}

#[test]
fn a_header_says_how_the_voxels_are_stored() {
    let header = read_header(fixture("second_big.nii")).unwrap();
    assert_eq!((header.version, header.datatype), (2, Datatype::I16));
    assert_eq!((header.endianness, header.scaling), (Endianness::Big, Some((0.1, 1.0 / 3.0))));
    assert_eq!(format!("{} {}", header.datatype, header.endianness), "int16 big-endian");
    for (found, expected) in header.spacing_mm().iter().zip([1.1, 0.9, 2.3]) {
        assert!((found - expected).abs() < 1e-12);
    }
    let header = read_header(fixture("slope_nan.nii")).unwrap();
    assert_eq!((header.version, header.scaling), (1, None));
}

#[test]
fn either_file_of_a_pair_leads_to_the_image() {
    for name in ["pair", "pair_second"] {
        let by_header = read(fixture(&format!("{name}.hdr"))).unwrap();
        assert_eq!(read(fixture(&format!("{name}.img"))).unwrap(), by_header);
    }
}

#[test]
fn the_range_of_nothing_finite_is_nan() {
    for voxels in [vec![], vec![f32::NAN; 3], vec![f32::INFINITY; 40]] {
        let stats = Stats::of(&voxels);
        assert!(stats.min.is_nan() && stats.max.is_nan());
        assert_eq!(stats.non_finite, voxels.len());
    }
}

#[test]
fn lengths_around_a_run_are_all_counted() {
    for length in 1..70 {
        let voxels: Vec<f32> = (0..length).map(|i| (i * 37 % 71) as f32 - 30.0).collect();
        let stats = Stats::of(&voxels);
        let low = voxels.iter().copied().fold(f32::INFINITY, f32::min);
        let high = voxels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!(stats, Stats { min: low, max: high, non_finite: 0 }, "{length}");
    }
}
