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
fn every_script_has_a_test() {
    let mut names: Vec<String> = crate::files(&root().join("scripts/examples"))
        .iter()
        .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["caps_classification.rhai", "quickstart.rhai"],
        "add a test above for a new example"
    );
}

/// The zoo on real input sizes: PyTorch's own count of parameters.
#[test]
fn the_zoo_has_the_parameters_it_should() {
    let place = Place::new();
    for (name, parameters) in
        [("Conv5_FC3", 42_293_972_u64), ("Conv4_FC3", 1_909_692), ("Stride_Conv5_FC3", 42_293_972)]
    {
        let output = host(place.path())
            .args(["inspect", name, "--input", "1x169x208x179", "--json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
        assert_eq!(report["parameters"], parameters, "{name}");
    }
}
