//! `.pt` files: tiny ones of our own, and ClinicaDL's where ../shared/data is at hand.

use std::fs;

use super::*;

fn ramp(count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(|i| i as f32 * 0.5 - 3.0)
}

#[test]
fn tensors_come_out_in_c_order() {
    let (shape, numbers) = read_tensor(fixture("tensor.pt")).unwrap();
    assert_eq!(shape, [1, 4, 3, 2]);
    assert!(numbers.into_iter().eq(ramp(24)));

    let (shape, numbers) = read_tensor(fixture("tensor_fortran.pt")).unwrap();
    assert_eq!(shape, [1, 4, 3, 2]);
    let stored: Vec<f32> = ramp(24).collect();
    let mut expected = Vec::new();
    for x in 0..4 {
        for y in 0..3 {
            expected.extend([0, 1].map(|z| stored[x + 4 * (y + 3 * z)]));
        }
    }
    assert_eq!(numbers, expected);

    let (shape, numbers) = read_tensor(fixture("tensor_view.pt")).unwrap();
    assert_eq!(shape, [3, 2]);
    assert_eq!(numbers, [2, 3, 8, 9, 14, 15].map(|i| stored[i]));

    let (shape, numbers) = read_tensor(fixture("tensor_double.pt")).unwrap();
    assert_eq!(shape, [24]);
    assert!(numbers.into_iter().eq(ramp(24).map(|x| (f64::from(x) / 3.0) as f32)));
}

#[track_caller]
fn check(name: &str, words: &str) {
    let error = read_tensor(fixture(name)).unwrap_err();
    assert_eq!(error.code(), Code::BadTensor, "{error}");
    for words in [words, name, "torch.save(tensor, path)"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn other_objects_are_named() {
    check("tensor_long.pt", "LongStorage");
    check("tensor_in_dict.pt", "a single tensor was expected");
    check("tensor_expanded.pt", "1048576×1048576");
    check("i2.nii", "no archive");
    let absent = read_tensor(fixture("absent.pt")).unwrap_err();
    assert_eq!(absent.code(), Code::FileNotFound);
}

#[test]
fn changed_and_cut_tensors_never_panic() {
    for name in ["tensor_fortran.pt", "tensor_double.pt"] {
        let original = fs::read(fixture(name)).unwrap();
        let whole = read_tensor(fixture(name)).unwrap();
        for at in 0..original.len() {
            let error = pt::parse(&original[..at]).unwrap_err();
            assert_eq!(error.code(), Code::BadTensor, "{name} {at}: {error}");
            for change in [1, 0x80, 0xff] {
                let mut bytes = original.clone();
                bytes[at] ^= change;
                // A change that passes lies where nothing is read: times, versions, attributes.
                if let Ok(tensor) = pt::parse(&bytes) {
                    assert_eq!(tensor, whole, "{name} {at}");
                }
            }
        }
    }
}

#[test]
fn tensors_of_clinicadl_equal_the_images_they_were_made_from() {
    for participant in ["sub-TRIV0", "sub-TRIV1"] {
        let folder = format!("caps/subjects/{participant}/ses-M000");
        let name = format!("{participant}_ses-M000_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1");
        let tensors = format!("{folder}/deeplearning_prepare_data");
        let Some(image) = shared(&format!("{folder}/t1-linear/{name}_T1w.nii.gz")) else { return };
        let image = read(image).unwrap();
        let whole = shared(&format!("{tensors}/image_based/t1_linear/{name}_T1w.pt")).unwrap();
        let (shape, voxels) = read_tensor(whole).unwrap();
        assert_eq!(shape, [&[1], &image.shape[..]].concat());
        assert_eq!(voxels[..], image.voxels[..]);
        // The first patch begins at the first voxel.
        let patch =
            format!("{tensors}/patch_based/t1_linear/{name}_patchsize-32_stride-32_patch-0_T1w.pt");
        let (shape, voxels) = read_tensor(shared(&patch).unwrap()).unwrap();
        assert_eq!(shape, [1, 32, 32, 32]);
        let [_, ny, nz] = image.shape;
        for (i, voxel) in voxels.iter().enumerate() {
            let (x, y, z) = (i / 1024, i / 32 % 32, i % 32);
            assert_eq!(*voxel, image.voxels[(x * ny + y) * nz + z]);
        }
    }
}

#[test]
fn tensors_are_described_as_pytorch_does() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/pt.json");
    let expected: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for tensor in expected.as_array().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(tensor["shape"].clone()).unwrap();
        let words = write_pt::description(&shape);
        let hex: String = words.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(tensor["pickle"], hex, "{shape:?}");
    }
}

#[test]
fn written_tensors_come_back_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let special = [f32::NAN, f32::INFINITY, -0.0, 1e-45, f32::MIN];
    let numbers: Vec<f32> = special.into_iter().chain(ramp(70 * 31 * 33 - 5)).collect();
    let path = folder.path().join("a.pt");
    write_pt(&path, &numbers, &[1, 70, 31, 33]).unwrap();
    let (shape, read) = read_tensor(&path).unwrap();
    assert_eq!(shape, [1, 70, 31, 33]);
    assert_eq!(bits(&read), bits(&numbers));

    // The name is not in the file, and nothing else that could differ.
    let other = folder.path().join("b.pt");
    write_pt(&other, &numbers, &[1, 70, 31, 33]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(&other).unwrap());

    for shape in [&[][..], &[1], &[1, 1, 1], &[1; 5]] {
        write_pt(&other, &[2.5], shape).unwrap();
        assert_eq!(read_tensor(&other).unwrap(), (shape.to_vec(), vec![2.5]));
    }
    let wrong = write_pt(&other, &[2.5], &[2]).unwrap_err();
    assert_eq!(wrong.code(), Code::Internal);
}

#[test]
fn a_note_comes_back_and_a_file_that_is_cut_anywhere_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<f32> = ramp(5 * 6 * 7).collect();
    let (pt, safe) = (folder.path().join("a.pt"), folder.path().join("a.safetensors"));
    let note = r#"{"image":"é"}"#;
    write_pt_with(&pt, &numbers, &[1, 5, 6, 7], Some(note)).unwrap();
    write_safetensors(&safe, &numbers, &[1, 5, 6, 7], note).unwrap();
    for path in [&pt, &safe] {
        assert_eq!(read_note(path).unwrap().as_deref(), Some(note));
        assert_eq!(read_tensor(path).unwrap(), (vec![1, 5, 6, 7], numbers.clone()));
        let whole = fs::read(path).unwrap();
        for length in 0..whole.len() {
            fs::write(path, &whole[..length]).unwrap();
            assert!(read_note(path).is_err(), "{} of {}", length, path.display());
        }
    }
    write_pt(&pt, &numbers, &[1, 5, 6, 7]).unwrap();
    assert_eq!(read_note(&pt).unwrap(), None);
    // What PyTorch writes has none.
    for name in ["tensor.pt", "tensor_fortran.pt", "tensor_double.pt"] {
        assert_eq!(read_note(&fixture(name)).unwrap(), None);
    }
}
