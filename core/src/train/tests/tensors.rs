//! Runs on tensors that ClinicaDL wrote.

use super::*;

/// ClinicaDL's own patch tensors give the run that cutting the images gives, to the byte.
#[test]
fn saved_parts_are_read_instead_of_cut() {
    let Some(shared) = crate::shared_data::shared_data() else { return };
    let folder = tempfile::tempdir().unwrap();
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
            "data": { "caps": shared.join("caps"), "mode": "patch", "patch_size": 32, "stride_size": 32,
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
                "data": { "caps": shared.join("caps"), "mode": "patch", "patch_size": 32, "stride_size": 32,
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
