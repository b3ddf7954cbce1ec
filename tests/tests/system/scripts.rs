//! Every script of the repository runs.

use std::path::Path;
use std::process::Command;

use neurhai_core::data::table::Table;

use crate::{Place, files, root, said, shared_data};

/// The program with one thread for each operation: then sums, and by them what is learned, do not
/// depend on how many processors there are.
fn host(folder: &Path) -> Command {
    let mut command = crate::host(folder);
    command.env("OMP_NUM_THREADS", "1");
    command
}

#[test]
fn the_quickstart_learns_its_classes() {
    let place = Place::new();
    let script = root().join("scripts/examples/quickstart.rhai");
    let output = host(place.path()).arg("run").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let file = place
        .path()
        .join("quickstart/maps/split-0/best-loss/validation/validation_image_level_metrics.tsv");
    let table = neurhai_core::data::table::Table::read(&file).unwrap();
    let ba = table.number(0, table.column("BA").unwrap()).unwrap().unwrap();
    assert!(ba >= 0.9, "{ba}\n{}", said(&output));
    // Run again, it uses the same data and another folder.
    let again = host(place.path()).arg("check").arg(&script).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
}

#[test]
fn classification_of_a_caps_runs_on_images_and_patches() {
    let place = Place::new();
    let script = root().join("scripts/examples/caps_classification.rhai");
    for (mode, size) in [("image", "32"), ("patch", "16")] {
        let output = host(place.path())
            .arg("run")
            .arg(&script)
            .args(["--", "--caps", "data/caps", "--splits", "data/splits", "--output", mode])
            .args(["--mode", mode, "--patch-size", size, "--stride", size, "--epochs", "1"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let level = format!("split-0/best-loss/validation/validation_{mode}_level_prediction.tsv");
        assert!(place.path().join(mode).join(level).exists());
    }
}

#[test]
fn a_layer_of_ones_own_trains_saves_and_shows_itself() {
    let place = Place::new();
    let script = root().join("scripts/examples/custom_layer.rhai");
    let output = host(place.path()).arg("run").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("[custom(\"gated_conv\", 1)]"), "{shown}");
    assert!(shown.contains("convolutions.0.apply.1"), "{shown}");
    let best = place.path().join("custom_layer/maps/split-0/best-loss");
    let file = best.join("validation/validation_image_level_metrics.tsv");
    let table = neurhai_core::data::table::Table::read(&file).unwrap();
    let ba = table.number(0, table.column("BA").unwrap()).unwrap().unwrap();
    assert!(ba >= 0.85, "{ba}\n{}", said(&output));
    let weights = best.join("model.safetensors");
    let bytes = std::fs::read(weights).unwrap();
    let head = String::from_utf8_lossy(&bytes[..4096]);
    for name in ["convolutions.0.apply.0.weight", "convolutions.1.squeeze"] {
        assert!(head.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn a_vote_and_a_metric_of_ones_own_are_in_the_tables() {
    let place = Place::new();
    let script = root().join("scripts/examples/custom_vote.rhai");
    let output = host(place.path()).arg("run").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let folder = place.path().join("custom_vote/maps/split-0/best-log_loss/validation");
    let read = |file: &str| neurhai_core::data::table::Table::read(&folder.join(file)).unwrap();
    let metrics = read("validation_image_level_metrics.tsv");
    let found = metrics.number(0, metrics.column("log_loss").unwrap()).unwrap().unwrap();
    // By its formula from the predictions beside it.
    let rows = read("validation_image_level_prediction.tsv");
    let number = |row, name: &str| rows.number(row, rows.column(name).unwrap()).unwrap().unwrap();
    let mut sum = 0.0;
    for row in 0..rows.len() {
        let truth = number(row, "true_label") as usize;
        sum -= number(row, &format!("proba{truth}")).ln();
    }
    assert!((found - sum / rows.len() as f64).abs() < 1e-6, "{found} {sum}");
}

/// What an example prints, once it has run.
fn example(place: &Place, name: &str) -> String {
    let script = root().join("scripts/examples").join(name);
    let output = host(place.path()).arg("run").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn table(place: &Place, file: &str) -> Table {
    Table::read(&place.path().join(file)).unwrap()
}

/// The numbers of a column.
fn column(table: &Table, name: &str) -> Vec<f64> {
    let column = table.column(name).unwrap();
    (0..table.len()).map(|row| table.number(row, column).unwrap().unwrap()).collect()
}

#[test]
fn an_autoencoder_is_shown_beside_its_cnn_and_learns() {
    let place = Place::new();
    let shown = example(&place, "autoencoder.rhai");
    let undone =
        |line: &&str| line.contains("pad_max_pool(2)") && line.contains("crop_max_unpool()");
    assert_eq!(shown.lines().filter(undone).count(), 3, "{shown}");
    let loss =
        column(&table(&place, "autoencoder/maps/split-0/training_logs/training.tsv"), "loss_valid");
    assert!(loss[5] < 0.7 * loss[0], "{loss:?}");
    let folder = "autoencoder/maps/split-0/best-SSIM/validation/";
    let rows = table(&place, &format!("{folder}validation_image_level_prediction.tsv"));
    let metrics = table(&place, &format!("{folder}validation_image_level_metrics.tsv"));
    for metric in ["MAE", "RMSE", "PSNR", "SSIM"] {
        let values = column(&rows, metric);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let written = metrics.number(0, metrics.column(metric).unwrap()).unwrap().unwrap();
        assert!((mean - written).abs() < 1e-12, "{metric}: {mean} {written}");
    }
}

#[test]
fn an_encoder_becomes_the_convolutions_of_a_classifier() {
    let place = Place::new();
    let shown = example(&place, "transfer.rhai");
    assert!(shown.contains("encoder.8  convolutions.8"), "{shown}");
    assert!(shown.contains("decoder    -               21 tensors       skipped"), "{shown}");
    let weights = |maps: &str| {
        let file = place.path().join(maps).join("split-0/best-loss/model.safetensors");
        neurhai_core::transfer::Source::open(&file, &Default::default()).unwrap().tensors
    };
    let (source, target) = (weights("transfer/autoencoder"), weights("transfer/classifier"));
    let find = |tensors: &[(String, tch::Tensor)], name: &str| {
        let found = tensors.iter().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("{name}")).1.shallow_clone()
    };
    for name in ["0.weight", "0.bias", "1.weight", "1.running_mean", "1.running_var", "4.weight"] {
        let same = find(&source, &format!("encoder.{name}"))
            .equal(&find(&target, &format!("convolutions.{name}")));
        assert_eq!(
            same,
            name != "4.weight",
            "{name}: the first block is frozen, the second is not"
        );
    }
    let ba = table(
        &place,
        "transfer/classifier/split-0/best-BA/validation/validation_image_level_metrics.tsv",
    );
    assert!(column_first(&ba, "BA") >= 0.85, "{shown}");
}

/// The first number of a column.
fn column_first(table: &Table, name: &str) -> f64 {
    table.number(0, table.column(name).unwrap()).unwrap().unwrap()
}

#[test]
fn a_regression_comes_nearer_than_the_mean_would() {
    let place = Place::new();
    let shown = example(&place, "regression.rhai");
    let folder = "regression/maps/split-0/best-MAE/validation/";
    let rows = table(&place, &format!("{folder}validation_image_level_prediction.tsv"));
    let (truth, predicted) = (column(&rows, "true_label"), column(&rows, "predicted_label"));
    let mae = |guess: &dyn Fn(usize) -> f64| {
        let off = truth.iter().enumerate().map(|(row, truth)| (truth - guess(row)).abs());
        off.sum::<f64>() / truth.len() as f64
    };
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let (found, constant) = (mae(&|row| predicted[row]), mae(&|_| mean));
    let metrics = table(&place, &format!("{folder}validation_image_level_metrics.tsv"));
    assert!((column_first(&metrics, "MAE") - found).abs() < 1e-9, "{found}");
    assert!(found < 0.6 * constant, "{found} {constant}\n{shown}");
}

#[test]
fn variational_autoencoders_of_the_zoo_and_of_ones_own_learn() {
    let place = Place::new();
    example(&place, "vae.rhai");
    for maps in ["dense", "slices"] {
        let log = format!("vae/{maps}/split-0/training_logs/training.tsv");
        let loss = column(&table(&place, &log), "loss_valid");
        assert!(loss.last() < loss.first(), "{loss:?}");
    }
}

#[test]
fn a_transposition_rule_of_ones_own_is_what_the_decoder_does() {
    let place = Place::new();
    let shown = example(&place, "custom_transpose.rhai");
    let undone =
        |layer: &str, by: &str| shown.lines().any(|line| line.contains(layer) && line.contains(by));
    assert!(undone("custom(\"mean_and_max\")", "upsample("), "{shown}");
    assert!(undone("pad_max_pool(2)", "upsample("), "{shown}");
    assert!(!shown.contains("crop_max_unpool"), "{shown}");
    let log = "custom_transpose/maps/split-0/training_logs/training.tsv";
    let loss = column(&table(&place, log), "loss_valid");
    assert!(loss.last() < loss.first(), "{loss:?}");
}

#[test]
fn cohorts_of_two_tables_are_learned_together_and_judged_apart() {
    let place = Place::new();
    let shown = example(&place, "multi_cohort.rhai");
    let folder = "multi_cohort/maps/split-0/best-loss/validation/validation_image_level";
    let metrics = table(&place, &format!("{folder}_metrics_per_cohort.tsv"));
    let rows = table(&place, &format!("{folder}_prediction.tsv"));
    let of = |table: &Table, row, name: &str| {
        table.text(row, table.column(name).unwrap()).unwrap().to_owned()
    };
    for (row, cohort) in ["north", "south"].into_iter().enumerate() {
        let own = (0..rows.len()).filter(|row| of(&rows, *row, "cohort") == cohort);
        let hits: Vec<f64> = own
            .map(|row| {
                let right = of(&rows, row, "true_label") == of(&rows, row, "predicted_label");
                f64::from(u8::from(right))
            })
            .collect();
        assert_eq!(of(&metrics, row, "cohort"), cohort);
        assert_eq!(column(&metrics, "images")[row], hits.len() as f64);
        let accuracy = column(&metrics, "accuracy")[row];
        assert!((accuracy - hits.iter().sum::<f64>() / hits.len() as f64).abs() < 1e-12);
        let line = shown.lines().find(|line| line.contains(&format!("{cohort}, per image")));
        let line = line.unwrap_or_else(|| panic!("{cohort}\n{shown}"));
        assert!(line.contains(&format!("{accuracy:.4}")), "{line}");
        assert!(accuracy >= 0.75, "{shown}");
    }
    // The maps of each cohort have a folder of their own.
    let output = host(place.path())
        .args(["interpret", "multi_cohort/maps", "validation", "slopes", "gradients"])
        .args(["--no-pictures"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let maps = "multi_cohort/maps/split-0/best-loss/validation/interpret-slopes";
    for cohort in ["north", "south"] {
        let own = (0..rows.len()).filter(|row| of(&rows, *row, "cohort") == cohort).count();
        let found = files(&place.path().join(maps).join(cohort)).len();
        assert!(own > 0 && own == found, "{cohort}: {found} maps of {own} images");
    }
}

#[test]
fn every_participant_is_validated_on_once_and_the_splits_are_put_together() {
    let place = Place::new();
    let shown = example(&place, "kfold.rhai");
    let mut validated = Vec::new();
    let mut found = Vec::new();
    for split in 0..3 {
        let folder = format!("kfold/maps/split-{split}/best-BA/validation/validation_image_level");
        let rows = table(&place, &format!("{folder}_prediction.tsv"));
        validated.extend((0..rows.len()).map(|row| rows.text(row, 0).unwrap().to_owned()));
        found.push(column_first(&table(&place, &format!("{folder}_metrics.tsv")), "BA"));
    }
    validated.sort();
    let everybody = table(&place, "kfold/data/labels.tsv");
    let mut people: Vec<String> =
        (0..everybody.len()).map(|row| everybody.text(row, 0).unwrap().to_owned()).collect();
    people.sort();
    assert_eq!(validated, people);
    let together = table(&place, "kfold/maps/metrics_over_splits.tsv");
    let text = |row: usize, name: &str| together.text(row, together.column(name).unwrap()).unwrap();
    let row = (0..together.len())
        .find(|row| (text(*row, "group"), text(*row, "metric")) == ("validation", "BA"))
        .unwrap();
    let mean = together.number(row, together.column("mean").unwrap()).unwrap().unwrap();
    assert!((mean - found.iter().sum::<f64>() / 3.0).abs() < 1e-12, "{mean} {found:?}");
    assert!(mean >= 0.9, "{shown}");
    assert_eq!(text(row, "splits"), "0,1,2");
    assert!(shown.lines().any(|line| line.starts_with("mean   BA       per image")), "{shown}");
}

#[test]
fn of_the_networks_of_patches_those_that_know_have_a_vote() {
    let place = Place::new();
    let shown = example(&place, "multi_network.rhai");
    let best = "multi_network/maps/split-0/best-loss";
    let networks =
        table(&place, &format!("{best}/validation/validation_patch_level_metrics_per_network.tsv"));
    let weights = column(&table(&place, &format!("{best}/vote_weights.tsv")), "weight");
    let right = column(&networks, "BA");
    assert_eq!((right.len(), weights.len()), (8, 8));
    for (network, (right, weight)) in right.iter().zip(&weights).enumerate() {
        let model = format!("{best}/network-{network}_model.safetensors");
        assert!(place.path().join(model).is_file());
        assert_eq!(*weight > 0.0, *right >= 0.6, "network {network}: {right} {weight}");
    }
    let images = table(&place, &format!("{best}/validation/validation_image_level_metrics.tsv"));
    let parts = table(&place, &format!("{best}/validation/validation_patch_level_metrics.tsv"));
    assert!(column_first(&images, "BA") >= 0.8, "{shown}");
    assert!(column_first(&images, "BA") >= column_first(&parts, "BA"), "{shown}");
}

/// An experiment of ClinicaDL 1.6.1, where the data lie beside the repository: what its own tables say
/// comes out again, to the rounding of sums.
#[test]
fn an_experiment_of_clinicadl_is_imported_and_predicts_the_same() {
    let Some(data) = shared_data() else { return };
    let place = Place::new();
    let maps = data.join("clinicadl_maps/patch_single");
    let import = |output: &str| {
        let mut command = host(place.path());
        command.arg("import").arg(&maps).arg(output).arg("--caps").arg(data.join("caps"));
        command.output().unwrap()
    };
    let output = import("imported");
    assert!(output.status.success(), "{}", said(&output));
    let shown = said(&output);
    for (group, level) in
        ["train", "validation", "test"].map(|g| [(g, "patch"), (g, "image")]).concat()
    {
        let start = format!("0      loss     {group:<10}  per {level:<5}");
        let line = shown.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{start}\n{shown}"));
        assert!(line.ends_with("the same"), "{line}");
        let off = line.split_whitespace().rev().nth(2).unwrap().parse::<f64>().unwrap();
        assert!(off < 1e-5, "{line}");
    }
    let inspected = host(place.path()).args(["inspect", "imported"]).output().unwrap();
    assert!(said(&inspected).contains("303 292"), "{}", said(&inspected));
    let again = import("imported");
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("not empty"), "{}", said(&again));
}

#[test]
fn every_script_has_a_test() {
    let mut names: Vec<String> = crate::files(&root().join("scripts/examples"))
        .iter()
        .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "autoencoder.rhai",
            "caps_classification.rhai",
            "custom_layer.rhai",
            "custom_transpose.rhai",
            "custom_vote.rhai",
            "kfold.rhai",
            "multi_cohort.rhai",
            "multi_network.rhai",
            "quickstart.rhai",
            "regression.rhai",
            "search.rhai",
            "search.toml",
            "transfer.rhai",
            "vae.rhai",
        ],
        "add a test above for a new example"
    );
}

/// The zoo on real input sizes: PyTorch's own count of parameters.
#[test]
fn the_zoo_has_the_parameters_it_should() {
    let place = Place::new();
    for (name, parameters) in [
        ("Conv5_FC3", 42_293_972_u64),
        ("Conv4_FC3", 1_909_692),
        ("Stride_Conv5_FC3", 42_293_972),
        ("AE_Conv5_FC3", 589_059),
        ("AE_Conv4_FC3", 589_059),
    ] {
        let output = host(place.path())
            .args(["inspect", name, "--input", "1x169x208x179", "--json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
        assert_eq!(report["parameters"], parameters, "{name}");
    }
}
