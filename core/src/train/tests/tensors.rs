//! Runs on tensors that ClinicaDL wrote.

use std::sync::Mutex;

use super::*;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => assert!(std::fs::copy(from, to).is_ok()),
        }
    }
}

/// Says of a file that it was changed in so many seconds.
fn set_time(file: &Path, seconds: u64) {
    let time = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
    std::fs::File::options().append(true).open(file).unwrap().set_modified(time).unwrap();
}

/// ClinicaDL's own patch tensors give the run that cutting the images gives, to the byte.
#[test]
fn saved_parts_are_read_instead_of_cut() {
    let Some(shared) = crate::shared_data::shared_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let caps = folder.path().join("caps");
    for participant in 0..4 {
        let below = format!("subjects/sub-TRIV{participant}");
        copy(&shared.join("caps").join(&below), &caps.join(&below));
    }
    // A copy has new times, and these say whether a tensor is older than its image.
    for file in files(&caps).into_iter().filter(|file| file.ends_with(".pt")) {
        set_time(&caps.join(file), 5);
    }
    let rows = "participant_id\tsession_id\tdiagnosis\n";
    let table = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    table("train.tsv", &format!("{rows}sub-TRIV0\tses-M000\tAD\nsub-TRIV1\tses-M000\tCN\n"));
    table(
        "validation_baseline.tsv",
        &format!("{rows}sub-TRIV2\tses-M000\tAD\nsub-TRIV3\tses-M000\tCN\n"),
    );
    let catalog = catalog();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let run = |use_tensors: bool| {
        let output = folder.path().join(use_tensors.to_string());
        let options = json!({
            "data": { "caps": caps, "mode": "patch", "patch_size": 32, "stride_size": 32,
                "use_tensors": use_tensors },
            "splits": folder.path(), "output": output, "architecture": "tiny", "epochs": 1, "device": "cpu",
        });
        run(options.as_object().unwrap(), &session).unwrap();
        std::fs::read(output.join("split-0/best-loss/model.safetensors")).unwrap()
    };
    let (tensors, cut) = (run(true), run(false));
    assert!(tensors == cut);
    let prepared = prepare(
        Config::read(
            json!({
                "data": { "caps": caps, "mode": "patch", "patch_size": 32, "stride_size": 32,
                    "use_tensors": true },
                "splits": folder.path(), "output": folder.path().join("x"), "architecture": "tiny",
            })
            .as_object()
            .unwrap(),
        )
        .unwrap(),
        &session,
    )
    .unwrap();
    let found = prepared.source.tensors.iter().flatten().count();
    assert_eq!(found, 8, "the four patches that were saved of each of two participants");
}

/// Tensors that this program wrote, of either kind, give the run that cutting gives, to the byte.
#[test]
fn prepared_tensors_are_read_instead_of_cut() {
    use crate::prepare::{Format, Preparation};
    for (format, own) in [
        (Format::Pt, json!({ "mode": "image" })),
        (Format::Safetensors, json!({ "mode": "image" })),
        (Format::Safetensors, json!({ "mode": "patch", "patch_size": 9, "stride_size": 8 })),
        (
            Format::Pt,
            json!({ "mode": "slice", "slice_direction": "axial", "slice_mode": "single" }),
        ),
    ] {
        let bench = Bench::new();
        let weights = |output: &str, tensors: bool| {
            let mut data = own.clone();
            data["use_tensors"] = json!(tensors);
            bench.run(output, json!({ "data": data, "epochs": 1 })).unwrap();
            let prepared = bench.path(output).join("split-0/best-loss/model.safetensors");
            let inputs = bench.path(output).join("groups/inputs.tsv");
            (std::fs::read(prepared).unwrap(), std::fs::read_to_string(inputs).unwrap())
        };
        let (cut, images) = weights("cut", false);
        let mut data = own.as_object().unwrap().clone();
        data.insert("caps".into(), json!(bench.caps));
        let preparation = Preparation { data, table: None, name: None, format, threads: 2 };
        crate::prepare::prepare(&preparation, &AtomicBool::new(false), &|_| ()).unwrap();
        let (read, tensors) = weights("read", true);
        assert!(read == cut, "{own}");
        // Whole images are the tensors themselves; of others, the images are known, too.
        let read_whole = tensors.contains(&format!("_T1w.{}", format.extension()));
        assert_eq!(read_whole, own["mode"] == "image", "{tensors}");
        assert!(images.contains(".nii.gz"));
    }
}

/// A tensor of an image that was there before is not read, however old the new one pretends to be.
#[test]
fn a_tensor_of_another_image_is_not_read() {
    use crate::prepare::{Format, Preparation};
    for own in [
        json!({ "mode": "image" }),
        json!({ "mode": "patch", "patch_size": 9, "stride_size": 8 }),
        json!({ "mode": "roi", "roi_list": "left" }),
    ] {
        let bench = Bench::new();
        let mut data = own.as_object().unwrap().clone();
        data.insert("caps".into(), json!(bench.caps));
        let preparation =
            Preparation { data, table: None, name: None, format: Format::Pt, threads: 2 };
        crate::prepare::prepare(&preparation, &AtomicBool::new(false), &|_| ()).unwrap();
        let mut data = own.clone();
        data["use_tensors"] = json!(true);
        let warnings = Mutex::new(Vec::new());
        let weights = |output: &str, data: &Value| {
            let (catalog, stop) = (catalog(), AtomicBool::new(false));
            let events = |event: &Event| {
                if let Event::Warning { text } = event {
                    warnings.lock().unwrap().push(text.clone());
                }
            };
            let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
            let change = json!({ "data": data, "epochs": 1 });
            run(&bench.options(output, change), &session).unwrap();
            let file = bench.path(output).join("split-0/best-loss/model.safetensors");
            std::fs::read(file).unwrap()
        };
        let before = weights("before", &data);
        assert!(warnings.lock().unwrap().is_empty(), "{warnings:?}");
        for image in files(&bench.caps).into_iter().filter(|file| file.ends_with("T1w.nii.gz")) {
            let image = bench.caps.join(image);
            let mut volume = crate::volume::read(&image).unwrap();
            volume.voxels.iter_mut().enumerate().for_each(|(i, voxel)| *voxel += (i % 7) as f32);
            volume.write(&image).unwrap();
            let file = std::fs::File::options().append(true).open(&image).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        let after = weights("after", &data);
        let told = warnings.lock().unwrap().clone();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("tensors of 12 images are not read"), "{told:?}");
        assert!(after != before && after == weights("cut", &own), "{own}");
    }
}

/// Tensors are no images that could be decoded and compared.
#[test]
fn a_check_of_tensors_finds_nothing_wrong_with_them() {
    use crate::prepare::{Format, Preparation};
    for format in [Format::Pt, Format::Safetensors] {
        let bench = Bench::new();
        let data = json!({ "mode": "image", "caps": bench.caps });
        let data = data.as_object().unwrap().clone();
        let preparation = Preparation { data, table: None, name: None, format, threads: 2 };
        crate::prepare::prepare(&preparation, &AtomicBool::new(false), &|_| ()).unwrap();
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        let options = bench.options("checked", json!({ "data": { "use_tensors": true } }));
        let report = check(&options, &session).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    }
}
