//! Predictions for groups, held against what training wrote and against numbers taken by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::data::phantom::PhantomOptions;
use crate::data::table::Table;
use crate::train::tests::{Bench, catalog};

mod changed;
mod groups;
mod overwritten;
mod saved;
mod together;

/// Eight patches per image.
fn patches() -> Value {
    json!({"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]})
}

/// An experiment of one split, with a test set beside it.
fn trained(change: Value) -> Bench {
    let bench = Bench::with_test(|_| ());
    let mut options = json!({"epochs": 1, "selection_metrics": ["loss"]});
    options.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    bench.run("maps", options).unwrap();
    bench
}

/// The test set, as a group.
fn test() -> Value {
    json!({"participants": "test.tsv"})
}

impl Bench {
    /// A data set of which two participants per class are in no split.
    fn with_test(change: impl Fn(&mut PhantomOptions)) -> Self {
        let bench = Self::with(|options| {
            options.test_per_class = 2;
            change(options);
        });
        bench.write_test("test.tsv", None, None);
        bench
    }

    /// Writes a table of those who are in no split, without a column and one of them.
    fn write_test(&self, name: &str, column: Option<&str>, person: Option<&str>) {
        let file = self.splits.join("test_baseline.tsv");
        let text = std::fs::read_to_string(&file).unwrap();
        let table = Table::read(&file).unwrap();
        let without = column.map(|column| table.column(column).unwrap());
        let cut = |line: &str| {
            let cells = line.split('\t').enumerate();
            let cells = cells.filter(|(at, _)| Some(*at) != without).map(|(_, cell)| cell);
            cells.collect::<Vec<_>>().join("\t") + "\n"
        };
        let stays = |line: &&str| person.is_none_or(|person| !line.starts_with(person));
        let lines: String = text.lines().filter(stays).map(cut).collect();
        std::fs::write(self.path(name), lines).unwrap();
    }

    fn predict(&self, maps: &str, group: &str, options: Value) -> Result<Predicted> {
        self.predict_telling(maps, group, options, &|_| ())
    }

    fn predict_telling(
        &self,
        maps: &str,
        group: &str,
        options: Value,
        events: &(dyn Fn(&Event) + Sync),
    ) -> Result<Predicted> {
        let (catalog, stop) = (catalog(), AtomicBool::new(false));
        let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events };
        let mut options = options.as_object().unwrap().clone();
        for name in ["participants", "caps"] {
            if let Some(Value::String(file)) = options.get(name) {
                options.insert(name.into(), json!(self.path(file)));
            }
        }
        options.entry("device").or_insert(json!("cpu"));
        predict(&self.path(maps), group, &options, &session)
    }

    #[track_caller]
    fn refuses(&self, group: &str, options: Value, code: Code, words: &[&str]) {
        let before = files(&self.path("maps"));
        let error = self.predict("maps", group, options).expect_err("a refusal");
        assert_eq!(error.code(), code, "{error}");
        for words in words {
            assert!(error.to_string().contains(words), "{words:?} is not in {error}");
        }
        assert!(files(&self.path("maps")) == before, "a refused prediction changes nothing");
    }
}

/// The files of a folder with what is in them, but for the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(inner) = open.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().unwrap() != ".lock" {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// A table's column as text.
fn cells(file: &Path, column: &str) -> Vec<String> {
    let table = Table::read(file).unwrap();
    let column = table.column(column).unwrap();
    (0..table.len()).map(|row| table.text(row, column).unwrap_or("n/a").to_owned()).collect()
}

/// A table's column as numbers.
fn numbers(file: &Path, column: &str) -> Vec<f64> {
    cells(file, column).iter().map(|cell| cell.parse().unwrap()).collect()
}

/// What training says of its groups is said again, byte by byte, metrics and intervals included.
#[track_caller]
fn said_again(change: Value) {
    let bench = Bench::new();
    bench.run("maps", change).unwrap();
    let experiment = bench.path("maps");
    let metrics: Vec<String> = std::fs::read_dir(experiment.join("split-0"))
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .strip_prefix("best-")
                .map(String::from)
        })
        .collect();
    for group in ["train", "validation"] {
        let of =
            |metric: &str, group: &str| experiment.join(format!("split-0/best-{metric}/{group}"));
        let before: Vec<_> = metrics.iter().map(|metric| files(&of(metric, group))).collect();
        // Those who validated, as if they were strangers.
        let table = format!("maps/groups/{group}/split-0/data.tsv");
        let again = json!({"participants": table, "allow_leakage": true});
        let found = bench.predict("maps", &format!("{group}-2"), again).unwrap();
        assert!(found.no_ensemble.is_some());
        for (metric, before) in metrics.iter().zip(&before) {
            let after = told(&of(metric, &format!("{group}-2")));
            assert_eq!(after.len(), before.len());
            for (name, text) in before {
                let twin = name.replace(group, &format!("{group}-2"));
                let own = &after[&twin];
                if name == "description.log" {
                    let own = String::from_utf8(own.clone()).unwrap();
                    assert_eq!(own.replace("-2 group", " group").into_bytes(), *text);
                } else {
                    assert!(own == text, "{name} differs");
                }
            }
        }
        // And by the name that training gave them.
        for metric in &metrics {
            std::fs::remove_dir_all(of(metric, group)).unwrap();
        }
        bench.predict("maps", group, json!({})).unwrap();
        let after: Vec<_> = metrics.iter().map(|metric| told(&of(metric, group))).collect();
        assert!(after == before);
    }
}

/// The files that a prediction left, but those with their hashes and those of the weights.
fn told(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = files(folder);
    assert!(found.remove("hashes.tsv").is_some());
    found.remove("models.tsv");
    found
}

#[test]
fn a_classification_of_patches_is_said_again() {
    said_again(json!({"data": patches(), "balance_classes": true}));
}

#[test]
fn what_the_networks_of_each_part_say_is_said_again() {
    said_again(json!({"data": patches(), "multi_network": true, "epochs": 1,
        "class_weights": {"alpha": 2.0}}));
}

#[test]
fn a_regression_is_said_again() {
    said_again(json!({"task": "regression", "selection_metrics": ["loss", "MAE"]}));
}

#[test]
fn a_reconstruction_is_said_again() {
    said_again(json!({"task": "reconstruction", "architecture": "AE_tiny", "data": patches(),
        "selection_metrics": ["loss"]}));
}

/// By all splits together an image has the mean of their probabilities, which metrics are taken of.
#[test]
fn splits_predict_together() {
    let bench = Bench::with_test(|options| options.n_splits = 3);
    let more = json!({"data": patches(), "epochs": 1, "selection_metrics": ["loss"]});
    bench.run("maps", more).unwrap();
    let test = json!({"participants": "test.tsv"});
    let found = bench.predict("maps", "test", test).unwrap();
    assert_eq!(found.no_ensemble, None);
    assert_eq!(
        found.ensemble.iter().map(|one| one.level.as_str()).collect::<Vec<_>>(),
        ["patch", "image"]
    );
    for level in ["patch", "image"] {
        let file = |folder: &str| {
            bench.path(&format!("maps/{folder}/best-loss/test/test_{level}_level_prediction.tsv"))
        };
        for class in ["proba0", "proba1"] {
            let of_splits = [0, 1, 2].map(|split| numbers(&file(&format!("split-{split}")), class));
            let together = numbers(&file("ensemble"), class);
            assert_eq!(together.len(), if level == "image" { 4 } else { 32 });
            for (row, found) in together.iter().enumerate() {
                let mean = of_splits.iter().map(|split| split[row]).sum::<f64>() / 3.0;
                assert!((found - mean).abs() < 1e-15, "{found} {mean}");
            }
        }
        let right = cells(&file("ensemble"), "true_label")
            .iter()
            .zip(&cells(&file("ensemble"), "predicted_label"))
            .filter(|(truth, predicted)| truth == predicted)
            .count();
        let metrics =
            bench.path(&format!("maps/ensemble/best-loss/test/test_{level}_level_metrics.tsv"));
        let n = cells(&file("ensemble"), "true_label").len();
        assert_eq!(numbers(&metrics, "accuracy")[..1], [right as f64 / n as f64]);
        // A loss is of one network.
        assert!(Table::read(&metrics).unwrap().find_column("loss").is_none());
    }
    // Some of the splits are no ensemble, nor are those that have seen somebody.
    let some = bench.predict("maps", "some", json!({"participants": "test.tsv", "split": [0, 2]}));
    assert!(some.unwrap().no_ensemble.unwrap().contains("all 3 splits"));
    let known =
        json!({"participants": "maps/groups/validation/split-1/data.tsv", "allow_leakage": true});
    let seen = bench.predict("maps", "seen", known).unwrap();
    assert!(seen.no_ensemble.unwrap().contains("have seen"));
    assert!(!bench.path("maps/ensemble/best-loss/seen").exists());
    assert!(!bench.path("maps/ensemble/best-loss/some").exists());
}

/// The mean of predicted numbers, likewise.
#[test]
fn splits_of_a_regression_predict_together() {
    let bench = Bench::with_test(|options| options.n_splits = 2);
    let more = json!({"task": "regression", "epochs": 1, "selection_metrics": ["loss"]});
    bench.run("maps", more).unwrap();
    bench.predict("maps", "test", json!({"participants": "test.tsv"})).unwrap();
    let predicted = |folder: &str| {
        let file = format!("maps/{folder}/best-loss/test/test_image_level_prediction.tsv");
        numbers(&bench.path(&file), "predicted_label")
    };
    let (first, second, both) = (predicted("split-0"), predicted("split-1"), predicted("ensemble"));
    for ((a, b), mean) in first.iter().zip(&second).zip(&both) {
        assert!((mean - (a + b) / 2.0).abs() < 1e-12);
    }
    assert_eq!(both.len(), 4);
}

/// The predictions of ClinicaDL's own group, by weights that were imported, part by part and by the
/// vote of the parts.
#[test]
fn predictions_are_those_of_clinicadl() {
    let Some(data) = crate::shared_data::shared_data() else { return };
    let maps = data.join("clinicadl_maps/patch_single");
    let catalog = crate::import::tests::catalog();
    let folder = tempfile::tempdir().unwrap();
    let imported = folder.path().join("imported");
    crate::import::import(&maps, &imported, &catalog).unwrap();
    let stop = AtomicBool::new(false);
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let options = json!({"participants": data.join("splits/test_baseline.tsv"), "caps": data.join("caps"),
        "device": "cpu"});
    predict(&imported, "again", options.as_object().unwrap(), &session).unwrap();
    for level in ["patch", "image"] {
        let read = |group: &str| {
            let file = format!("split-0/best-loss/{group}/{group}_{level}_level_prediction.tsv");
            let mut rows = crate::import::read_predictions(&imported.join(file)).unwrap();
            rows.sort_by_key(|row| (row.participant.clone(), row.part));
            rows
        };
        let (theirs, ours) = (read("test"), read("again"));
        assert_eq!(ours.len(), if level == "image" { 8 } else { 64 });
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in theirs.iter().zip(&ours) {
            assert_eq!((&a.participant, a.part, a.truth), (&b.participant, b.part, b.truth));
            assert_eq!(a.predicted, b.predicted);
            assert!((a.probabilities[0] - b.probabilities[0]).abs() < 1e-6, "{a:?} {b:?}");
        }
    }
}
