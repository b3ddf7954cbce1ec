//! Every script of the repository runs.

use crate::{Place, host, root, said};

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
    assert!(ba >= 0.95, "{ba}\n{}", said(&output));
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
    assert!(ba >= 0.9, "{ba}\n{}", said(&output));
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
    let folder = place.path().join("custom_vote/maps/split-0/best-Brier/validation");
    let read = |file: &str| neurhai_core::data::table::Table::read(&folder.join(file)).unwrap();
    let metrics = read("validation_image_level_metrics.tsv");
    let brier = metrics.number(0, metrics.column("Brier").unwrap()).unwrap().unwrap();
    // By its formula from the predictions beside it: for two classes twice (1 − p(true class))².
    let rows = read("validation_image_level_prediction.tsv");
    let number = |row, name: &str| rows.number(row, rows.column(name).unwrap()).unwrap().unwrap();
    let mut sum = 0.0;
    for row in 0..rows.len() {
        let truth = number(row, "true_label") as usize;
        sum += 2.0 * (1.0 - number(row, &format!("proba{truth}"))).powi(2);
    }
    assert!((brier - sum / rows.len() as f64).abs() < 1e-6, "{brier} {sum}");
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
        ["caps_classification.rhai", "custom_layer.rhai", "custom_vote.rhai", "quickstart.rhai"],
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
