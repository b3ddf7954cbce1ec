//! Weights, masks and images that are not what they were.

use super::*;
use crate::interpret::interpret;
use crate::train::resume;

/// The warnings of a prediction.
fn warned(bench: &Bench, group: &str, options: Value) -> Vec<String> {
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event| {
        if let Event::Warning { text } = event {
            told.lock().unwrap().push(text.clone());
        }
    };
    bench.predict_telling("maps", group, options, &tell).unwrap();
    told.into_inner().unwrap()
}

/// Trained on, an experiment keeps what its networks said before, and everybody is told.
#[test]
fn results_of_weights_that_were_replaced_are_told() {
    let bench = Bench::with_test(|options| options.n_splits = 2);
    bench.run("maps", json!({"epochs": 1, "selection_metrics": ["loss"]})).unwrap();
    let maps = bench.path("maps");
    bench.predict("maps", "test", test()).unwrap();
    bench.predict("maps", "validation", json!({"save_tensors": true, "split": [0]})).unwrap();
    // Tables in place of training's, which writes them again.
    std::fs::remove_dir_all(maps.join("split-1/best-loss/validation")).unwrap();
    bench.predict("maps", "validation", json!({"split": [1]})).unwrap();
    let (catalog, stop, told) = (catalog(), AtomicBool::new(false), Mutex::new(Vec::new()));
    let events = |event: &Event| {
        if let Event::Warning { text } = event {
            told.lock().unwrap().push(text.clone());
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let of_method =
        json!({"method": "gradients", "pictures": false, "device": "cpu", "split": [0]});
    interpret(&maps, "test", "x", of_method.as_object().unwrap(), &session).unwrap();
    assert!(stale(&maps).unwrap().is_empty());
    let weights = |split: usize| {
        std::fs::read(maps.join(format!("split-{split}/best-loss/model.safetensors"))).unwrap()
    };
    let before = [weights(0), weights(1)];
    resume(&maps, Some(6), &session).unwrap();
    assert!(weights(0) != before[0] && weights(1) != before[1], "more epochs, better networks");
    let expected = [
        "ensemble/best-loss/test",
        "split-0/best-loss/test",
        "split-0/best-loss/test/interpret-x",
        "split-0/best-loss/validation/tensors",
        "split-1/best-loss/test",
    ];
    assert_eq!(stale(&maps).unwrap(), expected.map(std::path::PathBuf::from));
    let warning = told.into_inner().unwrap().pop().unwrap();
    assert!(warning.contains(&expected.join(", ")), "{warning}");
    let described = crate::records::describe(&maps).unwrap();
    assert_eq!(described.stale.len(), expected.len());
    let verified = crate::records::verify(&maps).unwrap();
    assert!(verified.intact(), "{verified:?}");
    let report = crate::report::report(&maps, &catalog).unwrap();
    assert!(report.warnings.iter().any(|one| one.text.contains("split-1/best-loss/test")));
    let compared = crate::compare::together(&[&maps, &maps], &catalog).unwrap();
    assert!(compared.notes.iter().any(|note| note.contains("ensemble/best-loss/test")));
    // Nothing is added to them, and the same by the new weights takes their place.
    for options in [json!({}), json!({"save_tensors": true})] {
        let words = ["split-0/best-loss/test (by earlier weights)", "overwrite"];
        bench.refuses("test", options, Code::GroupInUse, &words);
    }
    let save = json!({"save_tensors": true, "split": [0]});
    bench.refuses("validation", save, Code::GroupInUse, &["move what earlier weights left"]);
    bench.predict("maps", "test", json!({"overwrite": true})).unwrap();
    let left = [std::path::PathBuf::from("split-0/best-loss/validation/tensors")];
    assert_eq!(stale(&maps).unwrap(), left);
    // Of weights that are gone nothing is known.
    std::fs::remove_file(maps.join("split-0/best-loss/model.safetensors")).unwrap();
    assert!(stale(&maps).unwrap().is_empty());
}

/// Copies the CAPS, its mask of the left region changed.
fn with_mask(
    bench: &Bench,
    name: &str,
    change: impl Fn(&mut Vec<f32>, &mut crate::volume::Affine),
) {
    for (file, bytes) in super::files(&bench.caps) {
        let copy = bench.path(name).join(&file);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::write(&copy, bytes).unwrap();
        if file.contains("roi-left") {
            let mask = crate::volume::read(&copy).unwrap();
            let (mut voxels, mut affine) = (mask.voxels.to_vec(), mask.affine);
            change(&mut voxels, &mut affine);
            crate::volume::write(&copy, mask.shape, &voxels, &affine).unwrap();
        }
    }
}

#[test]
fn regions_are_cut_by_the_masks_of_training() {
    let bench = trained(json!({"data": {"mode": "roi", "roi_list": ["left"]}}));
    with_mask(&bench, "shifted", |voxels, _| voxels.rotate_right(5 * 22 * 18));
    with_mask(&bench, "repacked", |_, affine| affine[0][3] += 0.01);
    let on = |caps: &str| json!({"participants": "test.tsv", "caps": caps});
    let words = ["not the one that the networks were trained with", "roi-left"];
    bench.refuses("test", on("shifted"), Code::BadMaps, &words);
    bench.predict("maps", "test", on("repacked")).unwrap();
    // Four images, the table and the mask.
    let inputs = bench.path("maps/groups/test/inputs.tsv");
    assert_eq!(cells(&inputs, "blake3").len(), 6);
    assert!(cells(&inputs, "file").pop().unwrap().contains("roi-left"));
    // Where training's own mask is gone, only its bytes are known.
    std::fs::rename(bench.caps.join("masks"), bench.path("gone")).unwrap();
    bench.refuses("other", on("repacked"), Code::BadMaps, &words);
}

/// 25×25×25 voxels give as many patches of 10×11×9 as 20×22×18.
#[test]
fn patches_are_of_images_as_large_as_those_of_training() {
    let bench = trained(json!({"data": patches()}));
    let other = Bench::with(|options| {
        options.image_size = [25, 25, 25];
        options.test_per_class = 2;
    });
    let on = || json!({"participants": "test.tsv", "caps": other.caps});
    let words = ["images of 20×22×18 voxels, these have 25×25×25"];
    bench.refuses("test", on(), Code::ImageShape, &words);
    // An older program did not write the size down.
    let file = bench.path("maps/maps.json");
    let mut parameters = crate::experiment::read(&file).unwrap();
    parameters["neurhai"].as_object_mut().unwrap().remove("image_shape").unwrap();
    std::fs::write(&file, parameters.to_string()).unwrap();
    let warnings = warned(&bench, "test", on());
    assert!(warnings.iter().any(|text| text.contains("how many voxels")), "{warnings:?}");
}

/// The images of a group may be moved: their hashes tell whether they are the same.
#[test]
fn a_known_group_is_told_where_its_images_are_now() {
    let bench = trained(json!({}));
    bench.predict("maps", "test", test()).unwrap();
    std::fs::rename(&bench.caps, bench.path("moved")).unwrap();
    let moved = || json!({"caps": "moved"});
    // What is there already is told before images are looked for.
    bench.refuses("test", json!({}), Code::GroupInUse, &["there already"]);
    let results = bench.path("maps/split-0/best-loss/test");
    let table = results.join("test_image_level_prediction.tsv");
    let before = std::fs::read(&table).unwrap();
    std::fs::remove_dir_all(&results).unwrap();
    let error = bench.predict("maps", "test", json!({})).unwrap_err();
    assert!(error.to_string().contains("name where the images are now with caps"), "{error}");
    assert!(warned(&bench, "test", moved()).is_empty());
    assert!(std::fs::read(&table).unwrap() == before);
    // An imported group does not say which images it had.
    std::fs::remove_dir_all(&results).unwrap();
    std::fs::remove_file(bench.path("maps/groups/test/inputs.tsv")).unwrap();
    let warnings = warned(&bench, "test", moved());
    assert!(warnings[0].contains("does not say which images"), "{warnings:?}");
    let replaced = json!({"overwrite": true, "label": "diagnosis"});
    let words = ["to replace the group, name who is in it"];
    bench.refuses("test", replaced, Code::MissingOption, &words);
}

/// Nothing is removed unless that is asked for, whatever lies there.
#[test]
fn what_lies_beside_missing_tables_stays() {
    let bench = trained(json!({"data": patches()}));
    bench.predict("maps", "test", test()).unwrap();
    let folder = |group: &str| bench.path(&format!("maps/split-0/best-loss/{group}"));
    for group in ["test", "train"] {
        std::fs::write(folder(group).join("notes.txt"), "mine").unwrap();
        let table = format!("{group}_patch_level_prediction.tsv");
        std::fs::remove_file(folder(group).join(table)).unwrap();
    }
    bench.refuses("test", json!({}), Code::GroupInUse, &["split-0/best-loss/test", "overwrite"]);
    bench.refuses("test", json!({"save_tensors": true}), Code::GroupInUse, &["best-loss/test"]);
    bench.refuses("train", json!({}), Code::GroupInUse, &["move what is left of it elsewhere"]);
    bench.predict("maps", "test", json!({"overwrite": true})).unwrap();
    assert!(!folder("test").join("notes.txt").exists());
    // An empty folder holds nothing.
    std::fs::remove_dir_all(folder("test")).unwrap();
    std::fs::create_dir(folder("test")).unwrap();
    bench.predict("maps", "test", json!({})).unwrap();
}

#[test]
fn a_column_of_lists_cannot_be_a_label() {
    let bench = trained(json!({}));
    for name in ["participant_id", "session_id", "cohort"] {
        let error = bench.run("other", json!({"label": name})).unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.to_string().contains("rename the column"), "{error}");
        let label = json!({"participants": "test.tsv", "label": name});
        bench.refuses("test", label, Code::BadOption, &["rename the column"]);
    }
}
