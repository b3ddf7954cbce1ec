//! Regressions, reconstructions and variational networks: what is written, held against numbers taken
//! from the tables by hand.

use super::*;
use crate::network::PartSpec;
use crate::transpose::Derived;

/// The autoencoder of the tiny network, and a variational one with the tiny network's convolution.
pub(super) fn register(catalog: &mut Catalog) {
    let tiny = std::sync::Arc::clone(catalog.architectures.get("tiny").unwrap());
    let derived = Derived::entry(&tiny, None, &[], Origin::BuiltIn);
    catalog.architectures.register(derived).unwrap();
    let entry = ArchitectureEntry {
        name: "tiny_vae".into(),
        help: String::new(),
        source: String::new(),
        options: vec![],
        origin: Origin::BuiltIn,
        architecture: Box::new(TinyVae),
    };
    catalog.architectures.register(entry).unwrap();
}

struct TinyVae;

impl Architecture for TinyVae {
    fn build(&self, _: &ArchitectureRequest, _: &Catalog) -> crate::Result<NetworkSpec> {
        let code = json!([{"kind": "conv", "out_channels": 2, "kernel_size": 1}]);
        let parts = json!({
            "encoder": [{"kind": "conv", "out_channels": 4, "kernel_size": 3, "stride": 2}, "relu"],
            "code": [{"kind": "latent", "mean": code, "log_variance": code}],
            "decoder": [{"kind": "conv_transpose", "out_channels": 1, "kernel_size": 3, "stride": 2,
                "output_padding": 1}],
        });
        let part = |(name, layers): (&String, &Value)| {
            Ok(PartSpec { name: name.clone(), layers: LayerSpec::list(layers)? })
        };
        let parts = parts.as_object().unwrap().iter().map(part).collect::<crate::Result<_>>()?;
        Ok(NetworkSpec { architecture: "tiny_vae".into(), parts })
    }
}

/// Eight patches per image.
pub(super) fn patches() -> Value {
    json!({"mode": "patch", "patch_size": [10, 11, 9], "stride_size": [10, 11, 9]})
}

impl Bench {
    pub(super) fn table(&self, file: &str) -> Table {
        Table::read(&self.path(file)).unwrap()
    }

    fn refused_as(&self, change: Value, code: Code, words: &[&str]) {
        let error = self.run("refused", change).expect_err("a refusal");
        assert_eq!(error.code(), code, "{error}");
        for words in words {
            assert!(error.to_string().contains(words), "{words:?} is not in {error}");
        }
        assert!(!self.path("refused").exists(), "a refused run leaves nothing behind");
    }
}

pub(super) fn column(table: &Table, name: &str) -> Vec<f64> {
    let column = table.column(name).unwrap();
    (0..table.len()).map(|row| table.number(row, column).unwrap().unwrap()).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[track_caller]
pub(super) fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1e-3), "{found} {expected}");
}

/// The `Values` of a table of metrics.
pub(super) fn value(table: &Table, metric: &str) -> f64 {
    assert_eq!(table.text(0, 0), Some("Values"));
    table.number(0, table.column(metric).unwrap()).unwrap().unwrap()
}

/// The model that was kept for a metric is the one with the lowest or highest value at the end of an
/// epoch, and that value is in its table; the epochs differ, so that any other would be seen.
#[track_caller]
fn assert_best(bench: &Bench, metric: &str, lowest: bool) {
    let training = bench.table("maps/split-0/training_logs/training.tsv");
    let values = column(&training, &format!("{metric}_valid"));
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(low < high, "{values:?}");
    let file = format!("maps/split-0/best-{metric}/validation/validation_patch_level_metrics.tsv");
    assert_near(value(&bench.table(&file), metric), if lowest { low } else { high });
}

fn regression(change: Value) -> Value {
    let mut options =
        json!({"task": "regression", "selection_metrics": ["loss", "MAE", "R2_score"]});
    for (key, value) in change.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

#[test]
fn tables_of_a_regression_hold_what_their_numbers_say() {
    let bench = Bench::new();
    let change = json!({"data": patches(), "epochs": 4, "batch_size": 3, "learning_rate": 0.3});
    let outcome = bench.run("maps", regression(change)).unwrap();
    let folder = "maps/split-0/best-loss/validation/validation";
    let labels = bench.table("data/labels.tsv");
    let ages = column(&labels, "age");
    let mut by_level = Vec::new();
    for level in ["patch", "image"] {
        let table = bench.table(&format!("{folder}_{level}_level_prediction.tsv"));
        let id = format!("{level}_id");
        let expected = ["participant_id", "session_id", &id, "true_label", "predicted_label"];
        assert_eq!(table.columns(), expected);
        let (truth, predicted) = (column(&table, "true_label"), column(&table, "predicted_label"));
        for (row, truth) in truth.iter().enumerate() {
            let at = (0..labels.len()).find(|at| labels.text(*at, 0) == table.text(row, 0));
            assert_eq!(*truth, ages[at.unwrap()]);
        }
        // MAE, RMSE and R² by their formulas.
        let off = || truth.iter().zip(&predicted).map(|(truth, predicted)| truth - predicted);
        let squares = || off().map(|off| off * off);
        let centre = mean(truth.iter().copied());
        let spread: f64 = truth.iter().map(|truth| (truth - centre).powi(2)).sum();
        let metrics = bench.table(&format!("{folder}_{level}_level_metrics.tsv"));
        assert_near(value(&metrics, "MAE"), mean(off().map(f64::abs)));
        assert_near(value(&metrics, "RMSE"), mean(squares()).sqrt());
        assert_near(value(&metrics, "R2_score"), 1.0 - squares().sum::<f64>() / spread);
        if level == "patch" {
            assert_near(value(&metrics, "loss"), mean(squares()));
            let loss = outcome.value(0, "loss", "validation", "loss");
            assert_near(loss.unwrap(), mean(squares()));
        } else {
            assert!(metrics.find_column("loss").is_none());
            let mae = outcome.value(0, "loss", "validation", "MAE");
            assert_near(mae.unwrap(), mean(off().map(f64::abs)));
        }
        by_level.push(predicted);
    }
    let [of_patches, of_images] = &by_level[..] else { panic!() };
    assert_eq!(of_patches.len(), 8 * of_images.len());
    for (parts, image) in of_patches.chunks(8).zip(of_images) {
        assert_near(*image, mean(parts.iter().copied()));
        assert!(parts.iter().any(|part| (part - image).abs() > 1e-3), "parts differ");
    }
    assert_best(&bench, "loss", true);
    assert_best(&bench, "MAE", true);
    assert_best(&bench, "R2_score", false);
    let text = std::fs::read_to_string(bench.path("maps/maps.json")).unwrap();
    let maps: Value = serde_json::from_str(&text).unwrap();
    let keys = ["network_task", "label", "label_code", "output_size", "selection_threshold"];
    let expected = [json!("regression"), json!("age"), json!(null), json!(1), json!(null)];
    assert_eq!(keys.map(|key| maps[key].clone()), expected);
}

/// The loss is the mean over the samples, whatever the batches: the gradient, too.
#[test]
fn batches_of_a_regression_count_each_sample_once() {
    let bench = Bench::new();
    let run = |name: &str, batch: usize, steps: usize| {
        let change = json!({"options": {"plain": true}, "batch_size": batch,
            "accumulation_steps": steps, "learning_rate": 0.1});
        bench.run(name, regression(change)).unwrap();
        column(&bench.table(&format!("{name}/split-0/training_logs/training.tsv")), "loss_valid")
    };
    let (large, small, other) = (run("large", 5, 1), run("small", 1, 5), run("other", 2, 1));
    for ((large, small), other) in large.iter().zip(small).zip(other) {
        assert_near(small, *large);
        assert!((large - other).abs() > 1e-3 * large, "the test must be able to fail");
    }
}

#[test]
fn what_a_regression_cannot_do_is_refused() {
    let bench = Bench::new();
    let refused = |change: Value, code, words: &[&str]| {
        bench.refused_as(regression(change), code, words);
    };
    refused(
        json!({"vote": "hard"}),
        Code::BadOption,
        &["decides between classes", "there are: soft"],
    );
    refused(
        json!({"vote_weights": "accuracy"}),
        Code::BadOption,
        &["no accuracy to be weighed by"],
    );
    refused(json!({"label": "agee"}), Code::MissingColumn, &["did you mean \"age\""]);
    let words =
        ["train.tsv, row 2, column \"sex\"", "validation_baseline.tsv, row 2, column \"sex\""];
    refused(json!({"label": "sex"}), Code::BadValue, &words);
    refused(
        json!({"selection_metrics": ["BA"]}),
        Code::UnknownName,
        &["does not judge a regression"],
    );
    refused(
        json!({"options": {"outputs": 2}}),
        Code::ShapeMismatch,
        &["a regression needs 1 output"],
    );
    // Ages are no probabilities: the loss is tried on all of them.
    refused(json!({"loss": "BCEWithLogitsLoss"}), Code::BadValue, &["must be from 0 to 1"]);
}

/// A reconstruction needs no labels. Its loss is the mean squared error, and so the mean of the
/// squared RMSE of the parts.
#[test]
fn a_reconstruction_is_judged_part_by_part() {
    let bench = Bench::new();
    for file in ["train.tsv", "train_baseline.tsv", "validation_baseline.tsv"] {
        let file = bench.splits.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        let ids = text.lines().map(|line| line.split('\t').take(2).collect::<Vec<_>>().join("\t"));
        std::fs::write(&file, ids.collect::<Vec<_>>().join("\n")).unwrap();
    }
    let selection = ["loss", "MAE", "PSNR", "SSIM"];
    let outcome = bench
        .run(
            "maps",
            json!({"task": "reconstruction", "architecture": "AE_tiny", "data": patches(),
                "options": {"plain": true}, "epochs": 4, "learning_rate": 1e-2,
                "selection_metrics": selection}),
        )
        .unwrap();
    let training = bench.table("maps/split-0/training_logs/training.tsv");
    for set in ["train", "valid"] {
        let losses = column(&training, &format!("loss_{set}"));
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    }
    let folder = "maps/split-0/best-loss/validation/validation_patch_level";
    let table = bench.table(&format!("{folder}_prediction.tsv"));
    let metrics = ["MAE", "RMSE", "PSNR", "SSIM", "LNCC"];
    let expected = [&["participant_id", "session_id", "patch_id"], &metrics[..]].concat();
    assert_eq!(table.columns(), expected);
    let ids: Vec<f64> = (0..8).map(f64::from).collect();
    assert_eq!(column(&table, "patch_id")[..8], ids);
    let scores = bench.table(&format!("{folder}_metrics.tsv"));
    for metric in metrics {
        let by_hand = mean(column(&table, metric).into_iter());
        assert_near(value(&scores, metric), by_hand);
        assert_near(outcome.value(0, "loss", "validation", metric).unwrap(), by_hand);
    }
    let squares = column(&table, "RMSE").into_iter().map(|root| root * root);
    assert_near(value(&scores, "loss"), mean(squares));
    assert!(
        files(&bench.path("maps"))
            .iter()
            .all(|file| { !file.contains("image_level") && !file.ends_with("vote_weights.tsv") })
    );
    let group = bench.table("maps/groups/train/split-0/data.tsv");
    assert_eq!(group.columns(), ["participant_id", "session_id", "cohort"]);
    assert_best(&bench, "MAE", true);
    assert_best(&bench, "PSNR", false);
    assert_best(&bench, "SSIM", false);
}

#[test]
fn what_a_reconstruction_cannot_do_is_refused() {
    let bench = Bench::new();
    let refused = |change: Value, code, words: &[&str]| {
        let mut options = json!({"task": "reconstruction", "architecture": "AE_tiny",
            "selection_metrics": ["loss"]});
        for (key, value) in change.as_object().unwrap() {
            options[key] = value.clone();
        }
        bench.refused_as(options, code, words);
    };
    let shape = "a reconstruction needs the input's shape, 1×20×22×18, but \"tiny\" gives 2";
    let tiny = json!({"architecture": "tiny", "options": {"outputs": 2}});
    refused(tiny, Code::ShapeMismatch, &[shape, "autoencoder("]);
    refused(json!({"selection_metrics": ["BA"]}), Code::UnknownName, &["MAE, RMSE, PSNR, SSIM"]);
    refused(
        json!({"loss": "CrossEntropyLoss"}),
        Code::BadOption,
        &["cannot train a reconstruction"],
    );
    let vae = json!({"loss": "VAEGaussianLoss"});
    refused(vae, Code::BadNetwork, &["needs a network with a `latent` layer"]);
}

#[test]
fn a_variational_network_learns_the_same_twice() {
    let bench = Bench::new();
    let run = |name: &str, seed: usize| {
        let change = json!({"task": "reconstruction", "architecture": "tiny_vae", "epochs": 3,
            "loss": "VAEGaussianLoss", "loss_options": {"kl_weight": 0.1}, "learning_rate": 1e-2,
            "selection_metrics": ["loss", "MAE"], "seed": seed});
        bench.run(name, change).unwrap();
        let losses = column(
            &bench.table(&format!("{name}/split-0/training_logs/training.tsv")),
            "loss_train",
        );
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    };
    run("a", 1);
    run("b", 1);
    run("c", 2);
    let read = |run: &str, file: &str| std::fs::read(bench.path(run).join(file)).unwrap();
    resume::assert_same(&bench.path("b/split-0"), &bench.path("a/split-0"));
    let model = "split-0/best-loss/model.safetensors";
    assert!(read("a", model) != read("c", model));
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let bench = Bench::new();
    let refused = |change: Value, option: &str| {
        let error = bench.refused(change, &[(Code::BadOption, option)]);
        let place = error.problems()[0].place.clone();
        assert_eq!(place, Some(crate::error::Place::Option(option.into())));
        assert!(error.problems()[0].help.is_some(), "{error}");
    };
    for (option, value) in [
        ("classes", json!(["alpha"])),
        ("class_weights", json!({"alpha": 2})),
        ("balance_classes", json!(true)),
    ] {
        refused(regression(json!({option: value})), option);
    }
    for (option, value) in [
        ("label", json!("age")),
        ("classes", json!(["alpha"])),
        ("balance_classes", json!(true)),
        ("vote", json!("hard")),
        ("vote_options", json!({"a": 1})),
        ("vote_weights", json!("uniform")),
        ("selection_threshold", json!(0.5)),
    ] {
        let mut change = json!({"task": "reconstruction", "architecture": "AE_tiny",
            "selection_metrics": ["loss"]});
        change[option] = value;
        let error = bench.run("refused", change).expect_err(option);
        assert!(
            error.to_string().contains(&format!("a reconstruction has no use for {option}")),
            "{error}"
        );
    }
    for (option, value) in [
        ("transfer_split", json!(0)),
        ("transfer_metric", json!("BA")),
        ("transfer_network", json!(0)),
        ("transfer_strict", json!(false)),
    ] {
        refused(json!({option: value}), option);
    }
    refused(json!({"freeze": ["fc"], "freeze_all_but": 1}), "freeze_all_but");
    refused(json!({"class_weights": {"alpha": 2}, "balance_classes": true}), "balance_classes");
    refused(json!({"vote_weights": "uniform", "selection_threshold": 0.5}), "selection_threshold");
    refused(json!({"split": []}), "split");
    refused(json!({"split": [0, 0]}), "split");
    bench.refused(json!({"split": [3]}), &[(Code::BadSplit, "there is no split 3")]);
    bench.refused(json!({"split": [-1]}), &[(Code::BadSplit, "there is no split -1")]);
    refused(json!({"selection_metrics": ["loss", "loss"]}), "selection_metrics");
}
