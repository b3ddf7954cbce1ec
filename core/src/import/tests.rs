//! Imports of a small experiment, of every age of `maps.json`, and of a real one where
//! ../shared/data is at hand.

mod refused;

use serde_json::json;
use tch::Tensor;

use super::*;
use crate::Experiment;
use crate::catalog::{Architecture, Origin};
use crate::network::{LayerSpec, NetworkSpec};
use crate::options::{Kind as OptionKind, OptionSpec};

/// The network of tests/fixtures/checkpoint/tiny.pth.tar under "Tiny", Conv4_FC3 under its own name.
struct Known(&'static str);

impl Architecture for Known {
    fn build(&self, request: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        let layers = match self.0 {
            "Tiny" => json!([
                {"kind": "conv", "out_channels": 2, "kernel_size": 3},
                "batch_norm", "relu", "flatten",
                {"kind": "linear", "out_features": request.outputs},
            ]),
            _ => {
                let blocks = [8, 16, 32, 64, 128].map(|channels| {
                    let conv = json!({
                        "kind": "conv", "out_channels": channels, "kernel_size": 3, "padding": 1
                    });
                    json!([conv, "batch_norm", "relu", {"kind": "pad_max_pool", "kernel_size": 2}])
                });
                let linear = |size: i64| json!({"kind": "linear", "out_features": size});
                let dropout = json!({"kind": "dropout", "p": request.options["dropout"]});
                let last = linear(request.outputs);
                json!([blocks, "flatten", dropout, linear(50), "relu", linear(40), "relu", last])
            }
        };
        Ok(NetworkSpec::from_layers(self.0, LayerSpec::list(&layers)?))
    }
}

pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::built_in().unwrap();
    let probability = OptionKind::Float { min: 0.0, max: 1.0 };
    for name in ["Tiny", "Conv4_FC3"] {
        let options = vec![OptionSpec::new("dropout", probability.clone(), 0.0, "probability")];
        let entry = ArchitectureEntry {
            name: name.into(),
            help: String::new(),
            source: String::new(),
            options,
            origin: Origin::BuiltIn,
            architecture: Box::new(Known(name)),
        };
        catalog.architectures.register(entry).unwrap();
    }
    catalog
}

/// As ClinicaDL 1.6 writes it, less what does not matter.
fn newest() -> Value {
    let text = r#"{
        "architecture": "Tiny", "multi_network": false, "ssda_network": false, "dropout": 0.25,
        "selection_metrics": ["loss"], "label": "diagnosis", "label_code": {"CN": 1, "AD": 0},
        "selection_threshold": 0.0, "loss": "CrossEntropyLoss", "gpu": true, "n_proc": 2,
        "batch_size": 4, "evaluation_steps": 0, "amp": false, "seed": 7, "deterministic": false,
        "transfer_path": false, "diagnoses": ["AD", "CN"], "normalize": true,
        "data_augmentation": false, "sampler": "weighted", "n_splits": 0, "optimizer": "Adam",
        "epochs": 3, "learning_rate": 1e-3, "weight_decay": 0.0, "patience": 0, "tolerance": 0.0,
        "accumulation_steps": 2, "network_task": "classification", "caps_directory": "caps",
        "tsv_path": "labels", "mode": "slice", "split": [], "output_size": 2,
        "preprocessing_dict": {
            "preprocessing": "t1-linear", "mode": "slice", "use_uncropped_image": false,
            "prepare_dl": false, "slice_direction": 2, "slice_mode": "single",
            "discarded_slices": [20, 10], "file_type": {"pattern": "*"}
        },
        "input_size": [1, 5, 5, 5]
    }"#;
    serde_json::from_str(text).unwrap()
}

/// The same as 1.0 wrote it.
fn oldest() -> Value {
    let mut maps = newest();
    let map = maps.as_object_mut().unwrap();
    for (now, was) in [
        ("architecture", "model"),
        ("multi_network", "multi"),
        ("n_proc", "num_workers"),
        ("normalize", "minmaxnormalization"),
    ] {
        let value = map.remove(now).unwrap();
        map.insert(was.into(), value);
    }
    for (now, was) in [("gpu", "use_cpu"), ("deterministic", "nondeterministic")] {
        let value = map.remove(now).unwrap().as_bool().unwrap();
        map.insert(was.into(), json!(!value));
    }
    for gone in ["optimizer", "loss", "ssda_network", "sampler"] {
        map.remove(gone);
    }
    let Some(Value::Object(loose)) = map.remove("preprocessing_dict") else { panic!() };
    let loose = loose.into_iter().filter(|(key, _)| !["prepare_dl", "file_type"].contains(&&**key));
    map.extend(loose);
    maps
}

#[test]
fn every_age_of_maps_json_says_the_same() {
    let read = |maps: &Value| Parameters::parse(&maps.to_string()).unwrap();
    let (new, old) = (read(&newest()), read(&oldest()));
    for (key, value) in &old.values {
        let (mut value, mut other) = (value.clone(), new.values[key].clone());
        for one in [&mut value, &mut other] {
            if let Value::Object(map) = one {
                map.remove("file_type");
            }
        }
        assert_eq!(value, other, "{key}");
    }
    let different: Vec<_> =
        new.values.keys().filter(|key| !old.values.contains_key(*key)).collect();
    assert_eq!(different, ["ssda_network", "sampler"]);
    assert_eq!(new.classes, ["AD", "CN"]);
    assert_eq!((new.input.clone(), new.outputs, new.mode.as_str()), (vec![1, 5, 5, 5], 2, "slice"));

    let with = |key: &str, value: Value| {
        let mut maps = newest();
        maps[key] = value;
        Parameters::parse(&maps.to_string())
    };
    let default = with("architecture", json!("default")).unwrap();
    assert_eq!(default.architecture, "Conv5_FC3");
    let error = with("ssda_network", json!(true)).unwrap_err();
    assert!(error.to_string().contains("ssda_network"), "{error}");
    let error = Parameters::parse(r#"{"model": "Conv5_FC3"}"#).unwrap_err();
    let said = error.to_string();
    for key in ["network_task", "mode", "input_size", "output_size"] {
        assert!(said.contains(&format!("{key:?}")), "{said}");
    }
    assert_eq!(Parameters::parse("[").unwrap_err().code(), Code::BadMaps);
}

fn write(file: &Path, text: &str) {
    make_folder(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// A small experiment folder of ClinicaDL.
fn experiment(root: &Path, maps: &Value, word: &str, models: &[&str]) {
    write(&root.join("maps.json"), &maps.to_string());
    write(&root.join("environment.txt"), "torch==1.8.0\n");
    write(&root.join("information.log"), "- Date : once\n");
    write(&root.join("groups/train+validation.tsv"), "participant_id\tsession_id\nsub-1\tses-1\n");
    let list = "\tparticipant_id\tsession_id\n0\tsub-1\tses-1\n";
    for group in ["train", "validation"] {
        write(&root.join(format!("groups/{group}/{word}-0/data.tsv")), list);
    }
    let split = root.join(format!("{word}-0"));
    write(&split.join("training_logs/training.tsv"), "epoch\titeration\n0\t0\n");
    write(&split.join("training_logs/tensorboard/train/events"), "x");
    let tiny =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoint/tiny.pth.tar");
    for model in models {
        let best = split.join("best-loss");
        write(&best.join("validation/description.log"), "Prediction\n");
        write(&best.join("validation/validation_slice_level_prediction.tsv"), "a\tb\n");
        write(&best.join("validation/tensors/t.pt"), "x");
        std::fs::copy(&tiny, best.join(model)).unwrap();
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_old_experiment_becomes_one_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("old"), folder.path().join("new"));
    experiment(&from, &oldest(), "fold", &["model.pth.tar"]);
    let catalog = catalog();
    let imported = import(&from, &to, &catalog).unwrap();
    let model = ImportedModel {
        split: 0,
        metric: "loss".into(),
        network: None,
        epoch: Some(2),
        tensors: 9,
        values: 175,
    };
    assert_eq!(imported.models, [model]);
    let notes = imported.notes.join("\n");
    for words in ["TensorBoard", "tensors of"] {
        assert!(notes.contains(words), "{notes}");
    }
    let expected = [
        ".lock",
        "clinicadl_environment.txt",
        "clinicadl_information.log",
        "clinicadl_maps.json",
        "environment.txt",
        "groups/train+validation.tsv",
        "groups/train/split-0/data.tsv",
        "groups/validation/split-0/data.tsv",
        "information.log",
        "manifest.json",
        "maps.json",
        "network.json",
        "split-0/best-loss/model.safetensors",
        "split-0/best-loss/validation/description.log",
        "split-0/best-loss/validation/validation_slice_level_prediction.tsv",
        "split-0/training_logs/training.tsv",
    ];
    assert_eq!(files(&to), expected);
    let beside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(beside.len(), 2, "nothing else is left");
    let log = std::fs::read_to_string(to.join("information.log")).unwrap();
    assert!(log.contains(&format!("- Path : {}\n", to.display())), "{log}");

    let experiment = Experiment::open(&to).unwrap();
    assert_eq!(experiment.check(&catalog).unwrap(), Vec::<String>::new());
    let (network, _) = experiment.model(&catalog, 0, "loss", Device::Cpu).unwrap();
    let (_, bias) = network.state().last().unwrap();
    assert_eq!(*bias, Tensor::from_slice(&[8f32, 8.0 + 1.0 / 64.0]));

    let text = std::fs::read_to_string(to.join("maps.json")).unwrap();
    let maps: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(maps["architecture"], "Tiny");
    let options = &maps["neurhai"]["configuration"];
    for (key, value) in [
        ("task", json!("classification")),
        ("classes", json!(["AD", "CN"])),
        ("options", json!({"dropout": 0.25})),
        ("accumulation_steps", json!(2)),
        ("vote_weights", json!("accuracy")),
        ("splits", json!("labels")),
    ] {
        assert_eq!(options[key], value, "{key}");
    }
    let data = &options["data"];
    let cut = [&data["caps"], &data["slice_direction"], &data["slice_mode"], &data["nan"]];
    assert_eq!(cut, ["caps", "axial", "single", "replace"]);
    assert_eq!(data["discarded_slices"], json!([20, 10]));
}

#[test]
fn one_network_per_part_is_imported_and_what_has_no_counterpart_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("old"), folder.path().join("new"));
    let models = ["network-0_model.pth.tar", "network-1_model.pth.tar"];
    let mut maps = newest();
    maps["data_augmentation"] = json!(["Noise", "RandomSpike"]);
    maps["adaptive_learning_rate"] = json!(true);
    maps["multi_network"] = json!(true);
    maps["dropout"] = json!("some");
    maps["loss"] = json!("OwnLoss");
    experiment(&from, &maps, "split", &models);
    // An empty folder is as good as none.
    make_folder(&to).unwrap();
    let imported = import(&from, &to, &catalog()).unwrap();
    let numbers: Vec<_> = imported.models.iter().map(|model| model.network).collect();
    assert_eq!(numbers, [Some(0), Some(1)]);
    for number in [0, 1] {
        let choice = crate::transfer::Choice { network: Some(number), ..Default::default() };
        assert_eq!(Source::open(&to, &choice).unwrap().tensors.len(), 9);
    }
    let notes = imported.notes.join("\n");
    for words in ["RandomSpike", "dropout = \"some\"", "\"OwnLoss\""] {
        assert!(notes.contains(words), "{notes}");
    }
    assert!(!notes.contains("sampler") && !notes.contains("adaptive_learning_rate"), "{notes}");
    let configuration = Experiment::open(&to).unwrap().configuration;
    assert_eq!(configuration["sampler"], "weighted");
    assert_eq!(configuration["schedule"], "ReduceLROnPlateau");
    assert_eq!(configuration["schedule_options"], json!({}));
}

#[test]
fn an_experiment_of_clinicadl_predicts_what_it_predicted_there() {
    let Some(data) = crate::shared_data::shared_data() else { return };
    let maps = data.join("clinicadl_maps/patch_single");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("new");
    let catalog = catalog();
    let imported = import(&maps, &to, &catalog).unwrap();
    assert_eq!(imported.models[0].epoch, Some(2));
    let experiment = Experiment::open(&to).unwrap();
    let (network, _) = experiment.model(&catalog, 0, "loss", Device::Cpu).unwrap();
    let table = to.join("split-0/best-loss/test/test_patch_level_prediction.tsv");
    let predictions = read_predictions(&table).unwrap();
    assert_eq!(predictions.len(), 8 * 8);
    let mut furthest: f64 = 0.0;
    for patches in predictions.chunks(8).take(3) {
        let Prediction { participant, session, .. } = &patches[0];
        let image = data.join(format!(
            "caps/subjects/{participant}/{session}/t1_linear/{participant}_{session}_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w.nii.gz"
        ));
        let image = match image.exists() {
            true => image,
            false => PathBuf::from(image.display().to_string().replace("t1_linear", "t1-linear")),
        };
        let volume = crate::volume::read(&image).unwrap();
        let shape = volume.shape.map(|size| size as i64);
        let whole = Tensor::from_slice(&volume.voxels).view(shape);
        for patch in patches {
            // The last axis runs fastest, 32 voxels at a time.
            let counts = shape.map(|size| size / 32);
            let part = patch.part as i64;
            let at =
                [part / (counts[1] * counts[2]), part / counts[2] % counts[1], part % counts[2]];
            let mut x = whole.shallow_clone();
            for (axis, at) in at.iter().enumerate() {
                x = x.narrow(axis as i64, at * 32, 32);
            }
            let x = (&x - x.min()) / (x.max() - x.min());
            let y = network.forward(&x.view([1, 1, 32, 32, 32]), crate::network::Mode::Evaluation);
            let y: Vec<f64> = Vec::try_from(y.unwrap().softmax(1, Kind::Double).view(-1)).unwrap();
            for (found, expected) in y.iter().zip(&patch.probabilities) {
                furthest = furthest.max((found - expected).abs());
            }
            assert_eq!(f64::from(y[1] > y[0]), patch.predicted);
            assert!(patch.truth.is_some());
        }
    }
    assert!(furthest < 1e-6, "off by {furthest}");
}

#[test]
fn tables_of_predictions_are_read_and_their_mistakes_placed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.tsv");
    let head = "participant_id\tsession_id\tpatch_id\ttrue_label\tpredicted_label";
    write(&file, &format!("{head}\tproba0\tproba1\nsub-1\tses-1\t3\tN/A\t1\t0.25\t0.75\n"));
    let expected = Prediction {
        cohort: None,
        participant: "sub-1".into(),
        session: "ses-1".into(),
        part: 3,
        truth: None,
        predicted: 1.0,
        probabilities: vec![0.25, 0.75],
    };
    assert_eq!(read_predictions(&file).unwrap(), [expected]);
    write(&file, &format!("{head}\nsub-1\tses-1\t0\t71.5\t70.25\n"));
    let found = read_predictions(&file).unwrap();
    assert_eq!((found[0].truth, found[0].predicted), (Some(71.5), 70.25));
    for (text, code) in [
        (format!("{head}\nsub-1\tses-1\t0.5\t1\t1\n"), Code::BadValue),
        (format!("{head}\nsub-1\tses-1\t0\t1\t\n"), Code::MissingValue),
        (
            "participant_id\tsession_id\ttrue_label\tpredicted_label\na\tb\t1\t1\n".into(),
            Code::MissingColumn,
        ),
        ("participant_id\tsession_id\timage_id\tMAE\na\tb\t0\t1\n".into(), Code::MissingColumn),
    ] {
        write(&file, &text);
        assert_eq!(read_predictions(&file).unwrap_err().code(), code, "{text}");
    }
}
