//! Whole runs on small phantoms: what is written, that it is the same twice, and what is refused.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::*;
use crate::catalog::{Architecture, ArchitectureEntry, ArchitectureRequest, Catalog, Origin};
use crate::data::phantom::{PhantomOptions, generate};
use crate::data::table::Table;
use crate::error::{Code, Error};
use crate::network::{LayerSpec, NetworkSpec};

mod accumulation;
mod augmentation;
mod cohorts;
mod compared;
mod extensions;
mod find_rate;
mod folds;
mod image_level;
mod modes;
mod networks;
mod preparation;
mod recomputed;
mod resume;
mod sampling;
mod tasks;
mod tensors;
mod transfer;
mod updates;
mod weighing;

/// A network of one convolution, with batch norm and dropout where asked for.
struct Tiny;

impl Architecture for Tiny {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> crate::Result<NetworkSpec> {
        let mut layers = vec![
            LayerSpec::new("conv").with("out_channels", 4).with("kernel_size", 3).with("stride", 2),
        ];
        if request.options.get("plain").is_none() {
            layers.push(LayerSpec::new("batch_norm"));
            layers.push(LayerSpec::new("dropout").with("p", 0.2));
        }
        layers.push(LayerSpec::new("relu"));
        layers.push(LayerSpec::new("pad_max_pool").with("kernel_size", 2));
        layers.push(LayerSpec::new("flatten"));
        let outputs = request.options.get("outputs").and_then(Value::as_i64);
        layers.push(
            LayerSpec::new("linear").with("out_features", outputs.unwrap_or(request.outputs)),
        );
        Ok(NetworkSpec::from_layers("tiny", layers))
    }
}

pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::built_in().unwrap();
    let entry = ArchitectureEntry {
        name: "tiny".into(),
        help: String::new(),
        source: String::new(),
        options: vec![],
        origin: Origin::BuiltIn,
        architecture: Box::new(Tiny),
    };
    catalog.architectures.register(entry).unwrap();
    tasks::register(&mut catalog);
    catalog
}

/// A folder with phantoms and room for results.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) caps: PathBuf,
    pub(crate) splits: PathBuf,
}

impl Bench {
    /// The warnings of a check, or its error.
    fn warnings(&self, change: Value) -> crate::Result<Vec<String>> {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        Ok(check(&self.options("checked", change), &session)?.warnings)
    }

    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl Fn(&mut PhantomOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = PhantomOptions {
            participants_per_class: 6,
            image_size: [20, 22, 18],
            ..PhantomOptions::default()
        };
        change(&mut options);
        let phantom = generate(&folder.path().join("data"), &options).unwrap();
        Self { caps: phantom.caps, splits: phantom.splits, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn options(&self, output: &str, change: Value) -> Map<String, Value> {
        let mut options = json!({
            "data": { "caps": self.caps }, "splits": self.splits, "output": self.path(output),
            "architecture": "tiny", "epochs": 2, "batch_size": 4, "learning_rate": 1e-3,
            "selection_metrics": ["loss", "BA"], "seed": 1, "device": "cpu",
        });
        for (key, value) in change.as_object().unwrap() {
            match (key.as_str(), value) {
                ("data", Value::Object(data)) => {
                    for (key, value) in data {
                        options["data"][key] = value.clone();
                    }
                }
                (key, value) => options[key] = value.clone(),
            }
        }
        options.as_object().unwrap().clone()
    }

    pub(crate) fn run(&self, output: &str, change: Value) -> crate::Result<Outcome> {
        let catalog = catalog();
        let stop = AtomicBool::new(false);
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        run(&self.options(output, change), &session)
    }

    #[track_caller]
    fn refused(&self, change: Value, expected: &[(Code, &str)]) -> Error {
        let error = self.run("refused", change).expect_err("a refusal");
        let found = error.problems();
        assert_eq!(found.len(), expected.len(), "{error}");
        for (found, (code, part)) in found.iter().zip(expected) {
            assert_eq!(found.code, *code, "{error}");
            assert!(found.to_string().contains(part), "{part:?} is not in {found}");
        }
        assert!(!self.path("refused").exists(), "a refused run leaves nothing behind");
        error
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect();
    names.sort();
    names
}

#[test]
fn a_run_writes_the_folder_that_clinicadls_readers_know() {
    let bench = Bench::new();
    let data = json!({"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]});
    let outcome = bench.run("maps", json!({"data": data, "evaluation_steps": 4})).unwrap();
    let mut expected: Vec<String> = [
        ".lock",
        "environment.txt",
        "information.log",
        "manifest.json",
        "maps.json",
        "network.json",
        "groups/inputs.tsv",
        "groups/sources.tsv",
        "groups/train+validation.tsv",
        "split-0/last.safetensors",
        "split-0/training_logs/fingerprints.tsv",
        "split-0/training_logs/metrics.jsonl",
        "split-0/training_logs/tensorboard/train/events.out.tfevents.neurhai",
        "split-0/training_logs/tensorboard/validation/events.out.tfevents.neurhai",
        "split-0/training_logs/times.tsv",
        "split-0/training_logs/training.tsv",
    ]
    .map(String::from)
    .to_vec();
    for group in ["train", "validation"] {
        expected.push(format!("groups/{group}/split-0/data.tsv"));
        expected.push(format!("groups/{group}/split-0/maps.json"));
        for metric in ["BA", "loss"] {
            let folder = format!("split-0/best-{metric}");
            expected.push(format!("{folder}/{group}/description.log"));
            for level in ["patch", "image"] {
                expected.push(format!("{folder}/{group}/{group}_{level}_level_metrics.tsv"));
                expected.push(format!("{folder}/{group}/{group}_{level}_level_prediction.tsv"));
            }
        }
    }
    for metric in ["BA", "loss"] {
        expected.push(format!("split-0/best-{metric}/model.safetensors"));
        expected.push(format!("split-0/best-{metric}/vote_weights.tsv"));
    }
    expected.sort();
    let maps = bench.path("maps");
    assert_eq!(files(&maps), expected);

    let table = |name: &str| Table::read(&maps.join(name)).unwrap();
    let training = table("split-0/training_logs/training.tsv");
    // ClinicaDL's, then those that it lacks.
    let metrics = "BA accuracy F1_score sensitivity specificity PPV NPV MCC MK LR_plus LR_minus \
                   ROC_AUC PR_AUC Brier ECE loss";
    let columns: Vec<String> = ["epoch", "iteration"]
        .map(String::from)
        .into_iter()
        .chain(
            ["train", "valid"]
                .iter()
                .flat_map(|set| metrics.split(' ').map(move |m| format!("{m}_{set}"))),
        )
        .chain(["learning_rate".to_owned()])
        .collect();
    assert_eq!(training.columns(), columns);
    // Eight patches per image and four per batch: an evaluation after every fourth update.
    let train_rows = table("groups/train/split-0/data.tsv").len();
    let updates = train_rows * 8 / 4;
    let places: Vec<(String, String)> = (0..training.len())
        .map(|row| (training.text(row, 0).unwrap().into(), training.text(row, 1).unwrap().into()))
        .collect();
    let wanted: Vec<(String, String)> = (0..2)
        .flat_map(|epoch| (1..=updates / 4).map(move |i| (epoch.to_string(), (4 * i).to_string())))
        .collect();
    assert_eq!(places, wanted);

    let folder = "split-0/best-loss/validation/validation";
    let patches = table(&format!("{folder}_patch_level_prediction.tsv"));
    assert_eq!(
        patches.columns(),
        [
            "participant_id",
            "session_id",
            "patch_id",
            "true_label",
            "predicted_label",
            "proba0",
            "proba1"
        ]
    );
    let images = table(&format!("{folder}_image_level_prediction.tsv"));
    assert_eq!(patches.len(), 8 * images.len());
    // The soft vote, by hand from the two tables.
    let weights = table("split-0/best-loss/vote_weights.tsv");
    let weight =
        |part: usize| weights.number(part, weights.column("weight").unwrap()).unwrap().unwrap();
    assert!(((0..8).map(weight).sum::<f64>() - 1.0).abs() < 1e-12);
    for image in 0..images.len() {
        let vote: f64 = (0..8)
            .map(|part| weight(part) * patches.number(8 * image + part, 5).unwrap().unwrap())
            .sum();
        assert!((vote - images.number(image, 5).unwrap().unwrap()).abs() < 1e-12);
    }
    let scores = table(&format!("{folder}_image_level_metrics.tsv"));
    let rows: Vec<&str> = (0..scores.len()).map(|row| scores.text(row, 0).unwrap()).collect();
    assert_eq!(rows, ["Values", "Lower bound CI", "Upper bound CI", "SE"]);
    let ba = scores.column("BA").unwrap();
    assert_eq!(scores.number(0, ba).unwrap(), outcome.value(0, "loss", "validation", "BA"));

    let maps_json: Value =
        serde_json::from_slice(&std::fs::read(maps.join("maps.json")).unwrap()).unwrap();
    assert_eq!(maps_json["label_code"], json!({"alpha": 0, "beta": 1}));
    assert_eq!(maps_json["num_networks"], 8);
    assert_eq!(maps_json["neurhai"]["configuration"]["batch_size"], 4);
    let network: Value =
        serde_json::from_slice(&std::fs::read(maps.join("network.json")).unwrap()).unwrap();
    assert_eq!(network["parts"][1]["name"], "fc");
}

/// Without batch norm and dropout, small batches that are accumulated give the large batch's step,
/// the shorter window at the end of the epoch included.
#[test]
fn accumulated_batches_are_one_large_batch() {
    let bench = Bench::new();
    let plain = json!({"plain": true});
    let run = |name: &str, batch: usize, steps: usize| {
        bench
            .run(name, json!({"options": plain, "batch_size": batch, "accumulation_steps": steps}))
            .unwrap();
        let file = bench.path(name).join("split-0/training_logs/training.tsv");
        let table = Table::read(&file).unwrap();
        let loss = table.column("loss_valid").unwrap();
        (0..table.len()).map(|row| table.number(row, loss).unwrap().unwrap()).collect::<Vec<_>>()
    };
    let large = run("large", 5, 1);
    for (a, b) in large.iter().zip(run("small", 1, 5)) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    let other = run("other", 2, 1);
    assert!(
        large.iter().zip(other).any(|(a, b)| (a - b).abs() > 1e-5),
        "the test must be able to fail"
    );
}

#[test]
fn an_interruption_saves_everything_and_says_so() {
    let bench = Bench::new();
    let catalog = catalog();
    let stop = AtomicBool::new(false);
    let steps = AtomicUsize::new(0);
    let events = |event: &Event| {
        if matches!(event, Event::Step { .. }) && steps.fetch_add(1, Ordering::SeqCst) == 1 {
            stop.store(true, Ordering::SeqCst);
        }
    };
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &events };
    let error = run(&bench.options("maps", json!({})), &session).err().unwrap();
    assert_eq!(error.code(), Code::Interrupted);
    assert_eq!(
        steps.load(Ordering::SeqCst),
        2,
        "the step that was running is finished, no other begun"
    );
    let checkpoint = std::fs::read(bench.path("maps/split-0/tmp/checkpoint.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&checkpoint).unwrap();
    let note = &header.metadata().as_ref().unwrap()["progress"];
    let progress: Value = serde_json::from_str(note).unwrap();
    assert_eq!((&progress["epoch"], &progress["batch"]), (&json!(0), &json!(2)));
    let tensors = header.tensors();
    for name in [
        "convolutions.0.weight",
        "optimizer.exp_avg.convolutions.0.weight",
        "optimizer.step.fc.1.bias",
    ] {
        assert!(tensors.contains_key(name), "{name}");
    }
}

#[test]
fn a_loss_that_is_no_number_names_the_layer_and_the_participants() {
    let bench = Bench::new();
    let error = bench
        .run("maps", json!({"learning_rate": 1e30, "options": {"plain": true}}))
        .err()
        .unwrap();
    let text = error.to_string();
    assert_eq!(error.code(), Code::LossNotFinite, "{text}");
    for part in
        ["epoch 1, batch 2", "sub-PHAN", "the first layer with such an output is ", "learning_rate"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn everything_wrong_with_the_options_is_told_at_once() {
    let bench = Bench::new();
    bench.refused(
        json!({"epoch": 3, "batch_size": 0, "data": {"mode": "pach"}}),
        &[
            (Code::UnknownOption, "did you mean \"epochs\""),
            (Code::BadOption, "batch_size"),
            (Code::BadOption, "one of image, patch, slice, roi"),
        ],
    );
    bench.refused(
        json!({"architecture": "tinny", "selection_metrics": ["BAA"], "vote": "sofd", "device": "tpu",
            "label": "diagnosys", "data": {"caps": "/no/such/folder"}}),
        &[
            (Code::UnknownName, "did you mean \"BA\""),
            (Code::UnknownName, "did you mean \"soft\""),
            (Code::UnknownName, "did you mean \"tiny\""),
            (Code::BadOption, "no device \"tpu\""),
            (Code::MissingColumn, "diagnosis"),
            (Code::MissingColumn, "diagnosis"),
            (Code::FileNotFound, "/no/such/folder"),
        ],
    );
    bench.refused(
        json!({"options": {"outputs": 3}}),
        &[(Code::ShapeMismatch, "2 classes need 2 outputs")],
    );
    bench.refused(
        json!({"data": {"mode": "patch", "patch_size": 50}}),
        &[(Code::BadOption, "50×50×50 do not fit into images of 20×22×18")],
    );
    bench.refused(json!({"device": "cuda:7"}), &[(Code::DeviceUnavailable, "libtorch sees")]);
    std::fs::create_dir(bench.path("used")).unwrap();
    std::fs::write(bench.path("used/notes.txt"), "mine").unwrap();
    let error = bench.run("used", json!({})).err().unwrap();
    assert_eq!(error.code(), Code::OutputInUse);
    assert_eq!(files(&bench.path("used")), ["notes.txt"]);
}

#[test]
fn every_bad_image_is_in_one_report() {
    let bench = Bench::new();
    let images: Vec<PathBuf> = files(&bench.caps)
        .into_iter()
        .filter(|file| file.starts_with("subjects") && file.ends_with(".nii.gz"))
        .map(|file| bench.caps.join(file))
        .collect();
    let affine = crate::volume::read(&images[0]).unwrap().affine;
    let put = |file: &Path, shape: [usize; 3], voxel: &dyn Fn(usize) -> f32| {
        let voxels: Vec<f32> = (0..shape.iter().product()).map(voxel).collect();
        crate::volume::write(file, shape, &voxels, &affine).unwrap();
    };
    let whole = std::fs::read(&images[0]).unwrap();
    std::fs::write(&images[0], &whole[..whole.len() / 2]).unwrap();
    std::fs::write(&images[1], "participant_id\tsession_id\n").unwrap();
    put(&images[2], [20, 22, 18], &|_| 7.0);
    put(&images[3], [20, 22, 18], &|i| if i == 5 { f32::NAN } else { i as f32 });
    put(&images[4], [20, 22, 19], &|i| i as f32);
    std::fs::remove_file(&images[5]).unwrap();
    bench.refused(json!({}), &[(Code::ImageMissing, "sub-PHAN")]);
    put(&images[5], [20, 22, 18], &|i| i as f32);
    bench.refused(
        json!({}),
        &[
            (Code::BadImage, "sub-PHAN"),
            (Code::BadImage, "sub-PHAN"),
            (Code::ImageConstant, "every voxel holds 7"),
            (Code::ImageNotFinite, "1 voxels are NaN"),
            (Code::ImageShape, "has 20×22×19 voxels, the other images 20×22×18"),
        ],
    );
}

#[test]
fn checking_trains_nothing_and_writes_nothing() {
    let bench = Bench::new();
    let catalog = catalog();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let report = check(&bench.options("maps", json!({})), &session).unwrap();
    assert!(!bench.path("maps").exists());
    assert_eq!(report.classes, ["alpha", "beta"]);
    assert_eq!(report.input, [1, 20, 22, 18]);
    let split = &report.splits[0];
    assert_eq!(split.train.iter().sum::<usize>() + split.validation.iter().sum::<usize>(), 12);
    assert!(report.seconds_per_batch > 0.0 && report.memory_bytes > 0);
}
