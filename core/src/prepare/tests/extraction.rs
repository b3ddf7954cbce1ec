//! The JSON that says how tensors were cut, against ClinicaDL's own: `tests/fixtures/make_clinicadl.py`.

use super::*;

/// A CAPS with images of as many slices and regions of the same names.
fn caps(folder: &Path) -> PathBuf {
    let options = PhantomOptions {
        participants_per_class: 2,
        image_size: [33, 34, 72],
        ..PhantomOptions::default()
    };
    let caps = generate(&folder.join("data"), &options).unwrap().caps;
    for file in files(&caps.join("masks"), ".nii.gz") {
        let name = file.file_name().unwrap().to_str().unwrap().replace("_mask", "Box_mask");
        fs::rename(&file, file.with_file_name(name)).unwrap();
    }
    caps
}

#[test]
fn how_tensors_were_cut_is_told_as_clinicadl_does() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/clinicadl.json");
    let fixture: Value = serde_json::from_slice(&fs::read(fixture).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let caps = caps(folder.path());
    for (name, mode) in [
        ("image", json!({ "mode": "image" })),
        ("patch_saved", json!({ "mode": "patch", "patch_size": 32, "stride_size": 32 })),
        ("roi_saved", json!({ "mode": "roi", "roi_list": ["leftBox", "rightBox"] })),
        (
            "slice_saved",
            json!({ "mode": "slice", "slice_direction": "axial", "slice_mode": "rgb", "discarded_slices": 30 }),
        ),
    ] {
        let mut data = mode.as_object().unwrap().clone();
        data.insert("caps".into(), json!(caps));
        let (name_of_json, format) = (Some(name.into()), Format::Pt);
        let preparation = Preparation { data, table: None, name: name_of_json, format, threads: 2 };
        let prepared = run(&preparation).unwrap();
        let mut own: Map<String, Value> =
            serde_json::from_slice(&fs::read(&prepared.json).unwrap()).unwrap();
        let theirs = &fixture["extraction"][name];
        let mut expected = theirs.as_object().unwrap().clone();
        if name == "slice_saved" {
            // One number stands for both ends, and the number of slices spares ClinicaDL an image.
            let ends = expected.insert("discarded_slices".into(), json!([30, 30]));
            assert_eq!(ends, Some(json!([30])));
            assert_eq!(own.shift_remove("num_slices"), Some(json!(12)));
        }
        assert_eq!(Value::Object(own).to_string(), Value::Object(expected).to_string());
        // One of theirs says the same in our eyes, too.
        fs::write(&prepared.json, theirs.to_string()).unwrap();
        assert_eq!(run(&preparation).unwrap().plan.files, 0);
    }
}
