//! Weights, masks and images that are not what they were.

use super::*;

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

fn trained(change: Value) -> Bench {
    let bench = Bench::with_test(|_| ());
    let mut options = json!({"epochs": 1, "selection_metrics": ["loss"]});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bench.run("maps", options).unwrap();
    bench
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
    with_mask(&bench, "repacked", |_, affine| affine[0][3] += 1.0);
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
