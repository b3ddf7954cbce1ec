//! Predictions computed again.

use tch::Device;

use super::tasks::patches;
use super::*;
use crate::Experiment;

impl Bench {
    fn again(&self, maps: &str) -> crate::Result<Vec<Agreement>> {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
        recompute(&self.path(maps), &self.caps, &session)
    }
}

/// The tables are those of the models, at both levels; a weight that is another is seen at once.
#[track_caller]
fn check(change: Value, metrics: [&str; 2]) {
    let bench = Bench::new();
    bench.run("maps", change).unwrap();
    let found = bench.again("maps").unwrap();
    let names = |one: &Agreement| (one.metric.clone(), one.group.clone(), one.level.clone());
    let mut expected = Vec::new();
    for metric in metrics {
        for (group, level) in [
            ("train", "patch"),
            ("train", "image"),
            ("validation", "patch"),
            ("validation", "image"),
        ] {
            expected.push((metric.to_owned(), group.to_owned(), level.to_owned()));
        }
    }
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), expected);
    for one in &found {
        assert!(one.difference < 1e-6 && one.changed == 0 && one.split == 0, "{one:?}");
        let file = format!(
            "maps/split-0/best-{}/{}/{1}_{}_level_prediction.tsv",
            one.metric, one.group, one.level
        );
        assert_eq!(one.rows, bench.table(&file).len());
    }

    let model = bench.path(&format!("maps/split-0/best-{}/model.safetensors", metrics[1]));
    let experiment = Experiment::open(&bench.path("maps")).unwrap();
    let (network, _) = experiment.model(&catalog(), 0, metrics[1], Device::Cpu).unwrap();
    let _no_grad = tch::no_grad_guard();
    let (_, bias) = network.state().find(|(param, _)| param.name == "fc.1.bias").unwrap();
    drop(bias.shallow_clone().get(0).f_add_scalar_(0.5).unwrap());
    network.save(&model).unwrap();
    for one in bench.again("maps").unwrap() {
        let changed = one.metric == metrics[1];
        assert_eq!(one.difference > 1e-3, changed, "{one:?}");
    }
}

#[test]
fn a_classification_is_computed_again() {
    check(json!({"data": patches()}), ["BA", "loss"]);
}

#[test]
fn a_regression_is_computed_again() {
    let change =
        json!({"data": patches(), "task": "regression", "selection_metrics": ["loss", "MAE"]});
    check(change, ["MAE", "loss"]);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let bench = Bench::new();
    bench.run("maps", json!({"data": patches(), "selection_metrics": ["loss"]})).unwrap();
    let file =
        bench.path("maps/split-0/best-loss/validation/validation_patch_level_prediction.tsv");
    let text = std::fs::read_to_string(&file).unwrap();
    let refused = |text: String, words: &str| {
        std::fs::write(&file, text).unwrap();
        let error = bench.again("maps").unwrap_err();
        assert_eq!(error.code(), Code::BadMaps, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    let lines: Vec<&str> = text.lines().collect();
    let (head, rows) = lines.split_first().unwrap();
    let with = |row: String, rest: &[&str]| format!("{head}\n{row}\n{}\n", rest.join("\n"));
    refused(with(String::new(), &rows[1..]), "is in no row of the table");
    refused(with(rows[0].to_owned(), rows), "or which is there twice");
    let mut cells: Vec<&str> = rows[0].split('\t').collect();
    cells[3] = "2";
    refused(with(cells.join("\t"), &rows[1..]), "has the class 2, the network 2 classes");

    std::fs::write(&file, &text).unwrap();
    let maps = bench.path("maps/maps.json");
    let whole = std::fs::read_to_string(&maps).unwrap();
    let mut other: Value = serde_json::from_str(&whole).unwrap();
    other["neurhai"]["configuration"]["data"]["patch_size"] = json!([9, 11, 9]);
    std::fs::write(&maps, other.to_string()).unwrap();
    let error = bench.again("maps").unwrap_err();
    assert_eq!(error.code(), Code::ImageShape, "{error}");
    for words in ["takes 1×10×11×9", "gives 1×9×11×9", "maps.json"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    std::fs::write(&maps, whole).unwrap();
    for group in ["train", "validation"] {
        std::fs::remove_dir_all(bench.path(&format!("maps/split-0/best-loss/{group}"))).unwrap();
    }
    let error = bench.again("maps").unwrap_err();
    assert_eq!(error.code(), Code::EmptySelection, "{error}");
    let place = error.problems()[0].place.clone();
    assert_eq!(place, Some(crate::error::Place::File(bench.path("maps"))));

    let change = json!({"task": "reconstruction", "architecture": "AE_tiny", "epochs": 1,
        "selection_metrics": ["loss"]});
    bench.run("ae", change).unwrap();
    let error = bench.again("ae").unwrap_err();
    assert!(error.to_string().contains("hold no predictions"), "{error}");
}
