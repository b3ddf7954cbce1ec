use super::*;
use crate::data::options::specs;
use crate::volume::Stats;

/// A volume whose voxel `[x, y, z]` holds `100·x + 10·y + z`.
fn volume(shape: [usize; 3]) -> Volume {
    let mut voxels = Vec::new();
    for x in 0..shape[0] {
        for y in 0..shape[1] {
            voxels.extend((0..shape[2]).map(|z| (100 * x + 10 * y + z) as f32));
        }
    }
    let affine =
        [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];
    let stats = Stats::of(&voxels);
    Volume { shape, voxels: voxels.into(), affine, stats }
}

fn made(given: Value, shape: [usize; 3]) -> Result<Box<dyn Parts>> {
    let mut given = given.as_object().unwrap().clone();
    given.insert("caps".into(), json!("x"));
    parts(&Options::check(&specs(), &given, "data").unwrap(), shape, None, vec![])
}

#[track_caller]
fn check(
    given: Value,
    shape: [usize; 3],
    count: usize,
    part_shape: &[i64],
    index: usize,
    id: usize,
    values: &[f32],
) {
    let parts = made(given, shape).unwrap();
    assert_eq!(parts.count(), count);
    assert_eq!(parts.shape(index), part_shape);
    assert_eq!(parts.id(index), id);
    let mut out = vec![];
    parts.cut(&volume(shape), index, &mut out);
    assert_eq!(out.len() as i64, part_shape.iter().product::<i64>());
    assert_eq!(&out[..values.len()], values);
}

#[test]
fn parts_are_cut_where_clinicadl_cuts_them() {
    check(json!({"mode": "image"}), [2, 3, 4], 1, &[1, 2, 3, 4], 0, 0, &[0.0, 1.0, 2.0, 3.0, 10.0]);
    // 169×208×179 with 50/50 gives 3×4×3 patches, the last axis counting fastest.
    check(json!({"mode": "patch"}), [169, 208, 179], 36, &[1, 50, 50, 50], 1, 1, &[50.0, 51.0]);
    let small = json!({"mode": "patch", "patch_size": 2, "stride_size": [1, 2, 3]});
    check(small, [3, 5, 6], 2 * 2 * 2, &[1, 2, 2, 2], 7, 7, &[123.0, 124.0, 133.0, 134.0, 223.0]);
    let axial = json!({"mode": "slice", "slice_direction": "axial", "slice_mode": "single", "discarded_slices": [1, 2]});
    check(axial, [2, 3, 7], 4, &[1, 2, 3], 1, 2, &[2.0, 12.0, 22.0, 102.0, 112.0, 122.0]);
    let rgb = json!({"mode": "slice", "slice_direction": "sagittal", "slice_mode": "rgb"});
    check(rgb, [3, 1, 2], 3, &[3, 1, 2], 2, 2, &[200.0, 201.0, 200.0, 201.0, 200.0, 201.0]);
    let coronal = json!({"mode": "slice", "slice_direction": "coronal", "slice_mode": "single"});
    check(coronal, [2, 3, 2], 3, &[1, 2, 2], 1, 1, &[10.0, 11.0, 110.0, 111.0]);
}

#[track_caller]
fn refused(given: Value, part: &str) {
    let error = made(given, [10, 12, 8]).err().expect("a refusal").to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn parts_that_cannot_be_cut_are_refused() {
    refused(json!({"mode": "patch", "patch_size": 9}), "9×9×9 do not fit into images of 10×12×8");
    refused(json!({"mode": "slice", "discarded_slices": 5}), "leaves none");
    refused(json!({"mode": "slice", "discarded_slices": [1, 2, 3]}), "one number for both ends");
    refused(json!({"mode": "roi", "roi_list": []}), "names no region");
}

#[test]
fn regions_are_masked_and_boxed() {
    let folder = tempfile::tempdir().unwrap();
    let shape = [3, 4, 5];
    let mut mask = vec![0f32; 60];
    for (x, y, z) in [(1, 1, 2), (1, 2, 3), (2, 1, 2)] {
        mask[(x * 4 + y) * 5 + z] = 1.0;
    }
    let file = folder.path().join("mask.nii.gz");
    let volume = volume(shape);
    crate::volume::write(&file, shape, &mask, &volume.affine).unwrap();
    let cut = |given: Value| {
        let given = given.as_object().unwrap().clone();
        let options = Options::check(&specs(), &given, "data").unwrap();
        let region = Region { name: "r".into(), file: file.clone() };
        let parts = parts(&options, shape, Some(&volume.affine), vec![region]).unwrap();
        let mut out = vec![];
        parts.cut(&volume, 0, &mut out);
        (parts.shape(0), out)
    };
    let (shape, voxels) = cut(json!({"caps": "x", "mode": "roi", "roi_list": "r"}));
    assert_eq!(shape, [1, 2, 2, 2]);
    assert_eq!(voxels, [112.0, 0.0, 0.0, 123.0, 212.0, 0.0, 0.0, 0.0]);
    let (shape, voxels) =
        cut(json!({"caps": "x", "mode": "roi", "roi_list": "r", "uncropped_roi": true}));
    assert_eq!(shape, [1, 3, 4, 5]);
    assert_eq!(voxels.iter().sum::<f32>(), 112.0 + 123.0 + 212.0);
}

#[test]
fn a_mask_that_lies_elsewhere_than_the_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (shape, file) = ([3, 4, 5], folder.path().join("mask.nii.gz"));
    let volume = volume(shape);
    let mut mask = vec![0f32; 60];
    mask[7] = 1.0;
    let given = json!({"caps": "x", "mode": "roi", "roi_list": "r"});
    let options = Options::check(&specs(), given.as_object().unwrap(), "data").unwrap();
    let cut = |affine: &Affine, images: Option<&Affine>| {
        crate::volume::write(&file, shape, &mask, affine).unwrap();
        let region = Region { name: "r".into(), file: file.clone() };
        parts(&options, shape, images, vec![region]).map(|parts| parts.count())
    };
    let images = Some(&volume.affine);
    assert_eq!(cut(&volume.affine, images).unwrap(), 1);
    let mut mirrored = volume.affine;
    (mirrored[0][0], mirrored[0][3]) = (-1.0, 2.0);
    let error = cut(&mirrored, images).unwrap_err();
    assert_eq!(error.code(), Code::BadMask);
    assert!(error.to_string().contains("its axes lead LAS, theirs RAS"), "{error}");
    // Of tensors nobody knows where they lie.
    assert_eq!(cut(&mirrored, None).unwrap(), 1);
    let mut shifted = volume.affine;
    shifted[2][3] = 1.0;
    let error = cut(&shifted, images).unwrap_err();
    assert!(error.to_string().contains("up to 1.0 mm from theirs"), "{error}");
}
