//! What networks saw and gave, as files.

use super::*;
use crate::volume::{Volume, read, read_tensor};

fn trained(change: Value) -> Bench {
    let bench = Bench::with_test(|options| options.test_per_class = 1);
    let mut options = json!({"epochs": 1, "selection_metrics": ["loss"]});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bench.run("maps", options).unwrap();
    bench
}

fn someone(bench: &Bench) -> (String, Volume) {
    let id = cells(&bench.path("test.tsv"), "participant_id")[0].clone();
    let inputs = bench.path("maps/groups/test/inputs.tsv");
    let file = cells(&inputs, "file").into_iter().find(|file| file.contains(&id)).unwrap();
    (format!("{id}_ses-M000"), read(file).unwrap())
}

const ALL: [&str; 3] = ["save_tensors", "save_nifti", "save_latent"];

/// Patches are written where they lie in the volume: voxel by voxel what the file holds there, in the
/// same place of the world.
#[test]
fn parts_lie_where_they_were_cut() {
    let bench =
        trained(json!({"task": "reconstruction", "architecture": "AE_tiny", "data": patches()}));
    let options = json!({"participants": "test.tsv", ALL[0]: true, ALL[1]: true, ALL[2]: true});
    bench.predict("maps", "test", options).unwrap();
    let (id, whole) = someone(&bench);
    let folder = bench.path("maps/split-0/best-loss/test");
    for part in 0..8 {
        let from = [part / 4 * 10, part / 2 % 2 * 11, part % 2 * 9];
        let file =
            |what: &str| folder.join(format!("nifti_images/{id}_patch-{part}_{what}.nii.gz"));
        let (input, output) = (read(file("input")).unwrap(), read(file("output")).unwrap());
        assert_eq!((input.shape, output.shape), ([10, 11, 9], [10, 11, 9]));
        // The world's place of the first voxel is the same, and so are the axes.
        for image in [&input, &output] {
            for row in 0..3 {
                let place: f64 =
                    (0..3).map(|axis| whole.affine[row][axis] * from[axis] as f64).sum();
                assert_eq!(image.affine[row][..3], whole.affine[row][..3]);
                assert!((image.affine[row][3] - (whole.affine[row][3] + place)).abs() < 1e-5);
            }
        }
        let cut = |x: usize, y: usize, z: usize| {
            whole.voxels
                [((from[0] + x) * whole.shape[1] + from[1] + y) * whole.shape[2] + from[2] + z]
        };
        let mut own = Vec::new();
        for x in 0..10 {
            for y in 0..11 {
                own.extend((0..9).map(|z| cut(x, y, z)));
            }
        }
        let (low, high) = own.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        for (found, voxel) in input.voxels.iter().zip(&own) {
            assert!((found - (voxel - low) / (high - low)).abs() < 1e-6);
        }
        let tensor = |what: &str| {
            read_tensor(folder.join(format!("tensors/{id}_patch-{part}_{what}.pt"))).unwrap()
        };
        assert_eq!(tensor("input"), (vec![1, 10, 11, 9], input.voxels.to_vec()));
        assert_eq!(tensor("output"), (vec![1, 10, 11, 9], output.voxels.to_vec()));
        // A strided convolution of 4 channels and a pooling.
        let (shape, _) =
            read_tensor(folder.join(format!("latent_tensors/{id}_patch-{part}_latent.pt")))
                .unwrap();
        assert_eq!(shape, [4, 2, 3, 2]);
    }
    // The mean absolute error of what was written is what the table says.
    let table = folder.join("test_patch_level_prediction.tsv");
    let (input, output) = ("input", "output");
    let tensor =
        |what: &str| read_tensor(folder.join(format!("tensors/{id}_patch-0_{what}.pt"))).unwrap().1;
    let off: f64 =
        tensor(input).iter().zip(&tensor(output)).map(|(a, b)| f64::from((a - b).abs())).sum();
    let row = cells(&table, "participant_id")
        .iter()
        .position(|one| id.starts_with(one.as_str()))
        .unwrap();
    assert!((numbers(&table, "MAE")[row] - off / 990.0).abs() < 1e-6);
}

/// The codes of a variational network are its means, which are what its decoder is given.
#[test]
fn the_codes_of_variational_networks_are_their_means() {
    let bench = trained(json!({"task": "reconstruction", "architecture": "tiny_vae",
        "loss": "VAEGaussianLoss"}));
    bench
        .predict("maps", "test", json!({"participants": "test.tsv", "save_latent": true}))
        .unwrap();
    let (id, _) = someone(&bench);
    let folder = bench.path("maps/split-0/best-loss/test");
    let (shape, code) =
        read_tensor(folder.join(format!("latent_tensors/{id}_image-0_latent.pt"))).unwrap();
    assert_eq!(shape, [2, 9, 10, 8]);
    let experiment = crate::Experiment::open(&bench.path("maps")).unwrap();
    let (network, _) = experiment.model(&catalog(), 0, "loss", tch::Device::Cpu).unwrap();
    let (_, whole) = someone(&bench);
    let range = whole.stats.max - whole.stats.min;
    let x: Vec<f32> = whole.voxels.iter().map(|v| (v - whole.stats.min) / range).collect();
    let x = tch::Tensor::from_slice(&x).view([1, 1, 20, 22, 18]);
    let mut expected = Vec::new();
    let see = |path: &str, y: &tch::Tensor| {
        if path == "code.0" {
            expected = Vec::<f32>::try_from(y.flatten(0, -1)).unwrap();
        }
    };
    drop(network.forward_observed(&x, crate::network::Mode::Evaluation, see).unwrap());
    assert!(
        code.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5)
            && code.len() == expected.len()
    );
}

/// A classifier gives what its last part is given, and its outputs; tables that are there stay.
#[test]
fn a_group_of_training_gets_what_training_did_not_write() {
    let bench = trained(json!({"data": patches(), "multi_network": true}));
    let folder = bench.path("maps/split-0/best-loss/validation");
    let before = files(&folder);
    let save = json!({"save_tensors": true, "save_latent": true});
    let found = bench.predict("maps", "validation", save.clone()).unwrap();
    assert!(found.results.is_empty());
    let after = files(&folder);
    assert!(before.iter().all(|(name, text)| after.get(name) == Some(text)));
    let people = cells(&folder.join("validation_patch_level_prediction.tsv"), "participant_id");
    let parts = people.len();
    let count = |what: &str| after.keys().filter(|name| name.ends_with(what)).count();
    assert_eq!(
        (count("_input.pt"), count("_output.pt"), count("_latent.pt")),
        (parts, parts, parts)
    );
    let file = |what: &str| folder.join(format!("{what}/{}_ses-M000_patch-3", people[0]));
    let read = |what: &str, end: &str| {
        let file = file(what).display().to_string() + end;
        read_tensor(file).unwrap()
    };
    let (shape, outputs) = read("tensors", "_output.pt");
    assert_eq!(shape, [2]);
    assert_eq!(read("latent_tensors", "_latent.pt").0, [4, 2, 3, 2]);
    // The probabilities in the table are the softmax of the outputs.
    let table = folder.join("validation_patch_level_prediction.tsv");
    let (a, b) = (f64::from(outputs[0]).exp(), f64::from(outputs[1]).exp());
    assert!((numbers(&table, "proba0")[3] - a / (a + b)).abs() < 1e-6);
    bench.refuses("validation", save, Code::GroupInUse, &["tensors", "once"]);
}

/// Regions and slices lie where nibabel puts what is cut out of an image.
#[test]
fn blocks_lie_where_nibabel_puts_them() {
    let text = include_str!("../../../../tests/fixtures/placed.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let list = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let affine = |value: &Value| -> crate::volume::Affine {
        let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(list).collect();
        std::array::from_fn(|i| std::array::from_fn(|j| rows[i][j]))
    };
    for case in fixture["cases"].as_array().unwrap() {
        let from: Vec<usize> = list(&case["from"]).iter().map(|n| *n as usize).collect();
        let size: Vec<usize> = list(&case["size"]).iter().map(|n| *n as usize).collect();
        let block = crate::data::part::Block {
            from: from.try_into().unwrap(),
            size: size.try_into().unwrap(),
        };
        let found = crate::predict::save::placed(&affine(&case["affine"]), block);
        let expected = affine(&case["placed"]);
        for (a, b) in found.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((a - b).abs() < 1e-9, "{found:?} {expected:?}");
        }
    }
    let cut = |data: Value| {
        let bench =
            trained(json!({"task": "reconstruction", "architecture": "AE_tiny", "data": data}));
        bench
            .predict("maps", "test", json!({"participants": "test.tsv", "save_nifti": true}))
            .unwrap();
        let (id, whole) = someone(&bench);
        let folder = bench.path("maps/split-0/best-loss/test/nifti_images");
        let first = files(&folder)
            .into_keys()
            .find(|name| name.starts_with(&id) && name.contains("input"))
            .unwrap();
        (first.clone(), read(folder.join(first)).unwrap(), whole)
    };
    let slices = json!({"mode": "slice", "slice_direction": "coronal", "slice_mode": "rgb", "discarded_slices": [7, 8]});
    let (name, slice, whole) = cut(slices);
    assert_eq!(slice.shape, [20, 1, 18]);
    let index: f64 =
        name.split("slice-").nth(1).unwrap().split('_').next().unwrap().parse().unwrap();
    for row in 0..3 {
        let place = whole.affine[row][3] + whole.affine[row][1] * index;
        assert!((slice.affine[row][3] - place).abs() < 1e-5);
    }
}
