//! Images that we write, read again. That nibabel 5.4.2 and SimpleITK 2.5.7 agree on where they lie
//! was seen once, for 470 affines.

use std::fs;

use super::*;

/// A rotation by thirds, with a spacing of 1.1, 0.9 and 2.3 mm.
const OBLIQUE: Affine = [
    [1.1 * 2.0 / 3.0, 0.9 * -2.0 / 3.0, 2.3 / 3.0, -12.5],
    [1.1 * 2.0 / 3.0, 0.9 / 3.0, 2.3 * -2.0 / 3.0, 7.25],
    [1.1 / 3.0, 0.9 * 2.0 / 3.0, 2.3 * 2.0 / 3.0, 30.0],
    [0.0, 0.0, 0.0, 1.0],
];

fn image(shape: [usize; 3], affine: Affine) -> Volume {
    let count = shape.iter().product::<usize>();
    let voxels: Vec<f32> = (0..count).map(|i| (i * 31 % 97) as f32 * 0.37 - 4.0).collect();
    Volume { shape, affine, stats: Stats::of(&voxels), voxels: voxels.into() }
}

fn codes(path: &std::path::Path) -> (i16, i16) {
    let bytes = fs::read(path).unwrap();
    (i16::from_le_bytes([bytes[252], bytes[253]]), i16::from_le_bytes([bytes[254], bytes[255]]))
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for shape in [[5, 4, 3], [1, 1, 1], [7, 5, 37], [33, 2, 16], [4, 3, 1]] {
        for name in ["sub.1_T1w.nii", "sub.1_T1w.nii.gz", "SUB.NII"] {
            let image = image(shape, OBLIQUE);
            image.write(folder.path().join(name)).unwrap();
            let again = read(folder.path().join(name)).unwrap();
            assert_eq!(again.voxels, image.voxels, "{name} {shape:?}");
            assert_eq!((again.shape, again.stats), (shape, image.stats));
            for (a, b) in again.affine.as_flattened().iter().zip(image.affine.as_flattened()) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["SUB.NII", "sub.1_T1w.nii", "sub.1_T1w.nii.gz"]);
    assert!(fs::read(folder.path().join("sub.1_T1w.nii.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
}

#[test]
fn equal_images_give_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.nii.gz", "b.nii.gz"].map(|name| folder.path().join(name));
    for path in &paths {
        image([9, 8, 20], OBLIQUE).write(path).unwrap();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn the_qform_says_the_same_as_the_sform_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let diagonal = |x, y, z| {
        [[x, 0.0, 0.0, 9.0], [0.0, y, 0.0, -8.0], [0.0, 0.0, z, 7.0], [0.0, 0.0, 0.0, 1.0]]
    };
    let permuted =
        [[0.0, 0.0, -2.0, 1.0], [1.5, 0.0, 0.0, 2.0], [0.0, -1.0, 0.0, 3.0], [0.0, 0.0, 0.0, 1.0]];
    let mut mirrored = OBLIQUE;
    for row in &mut mirrored {
        row[0] *= -1.0;
    }
    let mut sheared = OBLIQUE;
    sheared[0][1] += 0.2;
    let mut affines = vec![(OBLIQUE, true), (mirrored, true), (permuted, true), (sheared, false)];
    for signs in 0..8 {
        let sign = |bit: i32| if signs & bit == 0 { 1.0 } else { -1.0 };
        affines.push((diagonal(sign(1), 2.0 * sign(2), 3.0 * sign(4)), true));
    }
    for (affine, representable) in affines {
        image([5, 4, 3], affine).write(&path).unwrap();
        assert_eq!(codes(&path), (i16::from(representable), 1), "{affine:?}");
        assert!(representable == qform_agrees(&path, &affine), "{affine:?}");
        let spacing = read_header(&path).unwrap().spacing_mm();
        let bytes = fs::read(&path).unwrap();
        for (pixdim, spacing) in bytes[80..92].as_chunks().0.iter().zip(spacing) {
            assert!((f64::from(f32::from_le_bytes(*pixdim)) - spacing).abs() < 1e-6);
        }
    }
}

/// Whether the qform alone gives the affine: the sform is switched off in the file.
fn qform_agrees(path: &std::path::Path, affine: &Affine) -> bool {
    let mut bytes = fs::read(path).unwrap();
    bytes[254] = 0;
    fs::write(path, &bytes).unwrap();
    let found = read_header(path).unwrap().affine;
    bytes[254] = 1;
    fs::write(path, &bytes).unwrap();
    found.as_flattened().iter().zip(affine.as_flattened()).all(|(a, b)| (a - b).abs() < 2e-3)
}

#[test]
fn what_cannot_be_written_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = image([5, 4, 3], OBLIQUE);
    assert_eq!(good.write(at("a.mgz")).unwrap_err().code(), Code::UnsupportedImage);
    assert_eq!(good.write(at("absent/a.nii")).unwrap_err().code(), Code::FileNotFound);
    let mut flat = OBLIQUE;
    for row in &mut flat {
        row[1] = 0.0;
    }
    assert_eq!(image([5, 4, 3], flat).write(at("a.nii")).unwrap_err().code(), Code::BadImage);
    flat[1][1] = f64::NAN;
    assert_eq!(image([5, 4, 3], flat).write(at("a.nii")).unwrap_err().code(), Code::BadImage);
    let long = image([40_000, 1, 1], OBLIQUE);
    assert_eq!(long.write(at("a.nii")).unwrap_err().code(), Code::BadImage);
    assert_eq!(image([5, 0, 3], OBLIQUE).write(at("a.nii")).unwrap_err().code(), Code::BadImage);
    let short = write(at("a.nii"), [5, 4, 3], &[0.0; 59], &OBLIQUE).unwrap_err();
    assert_eq!(short.code(), Code::Internal);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// By the offsets of nifti1.h.
#[test]
fn an_image_made_of_another_keeps_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let (like, made) = (folder.path().join("like.nii"), folder.path().join("made.nii"));
    image([5, 4, 3], OBLIQUE).write(&like).unwrap();
    let mut original = fs::read(&like).unwrap();
    original[148..153].copy_from_slice(b"FSL 6");
    original[123] = 10; // Units: millimetres and seconds.
    original[252..256].copy_from_slice(&[4, 0, 2, 0]); // Codes of the qform and the sform.
    original[112..120].copy_from_slice(&[0, 0, 0, 0x40, 0, 0, 0x80, 0x3f]); // v · 2 + 1
    original[124..128].copy_from_slice(&9_f32.to_le_bytes()); // The largest voxel to show.
    fs::write(&like, &original).unwrap();
    let header = read_header(&like).unwrap();
    let voxels: Vec<f32> = (0..60).map(|i| i as f32).collect();
    write_like(&made, &voxels, &like, &header).unwrap();
    let found = read(&made).unwrap();
    assert_eq!((found.voxels.to_vec(), found.affine), (voxels, header.affine));
    let bytes = fs::read(&made).unwrap();
    let mut expected = original[..352].to_vec();
    expected[112..120].copy_from_slice(&[0, 0, 0x80, 0x3f, 0, 0, 0, 0]);
    expected[124..128].fill(0);
    assert_eq!(bytes[..352], expected);

    // A block of it lies in the same space, elsewhere.
    let mut block = header.affine;
    block[0][3] += 3.0;
    write_as(&made, [2, 1, 1], &[1.0, 2.0], &block, &like).unwrap();
    let bytes = fs::read(&made).unwrap();
    assert_eq!(bytes[252..256], [2, 0, 2, 0]);
    let found = read_header(&made).unwrap();
    assert_eq!(found.shape, [2, 1, 1]);
    assert!((found.affine[0][3] - block[0][3]).abs() < 1e-5);
    // What names no space is one of the scanner.
    write_as(&made, [2, 1, 1], &[1.0, 2.0], &block, &folder.path().join("x.pt")).unwrap();
    assert_eq!(fs::read(&made).unwrap()[252..256], [1, 0, 1, 0]);

    // Whatever the header, the image lies where it lay.
    for name in super::expected().keys() {
        let like = fixture(name);
        let header = read_header(&like).unwrap();
        let voxels = vec![1.0; header.shape.iter().product()];
        write_like(&made, &voxels, &like, &header).unwrap();
        let found = read(&made).unwrap();
        assert_eq!((found.shape, found.voxels.to_vec()), (header.shape, voxels), "{name}");
        for (a, b) in found.affine.as_flattened().iter().zip(header.affine.as_flattened()) {
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{name}: {a} {b}");
        }
    }
}
