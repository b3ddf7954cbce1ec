//! Whose loss counts how much, and who takes part.

use tch::{Kind, Tensor};

use super::tasks::{assert_near, column};
use super::*;
use crate::data::split::Label;
use crate::network::Pass;
use crate::train::objective::Objective;
use crate::train::prepare::prepare;

/// The class weights of the first split.
fn weights(bench: &Bench, change: Value) -> Vec<f64> {
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let config = Config::read(&bench.options("none", change)).unwrap();
    prepare(config, &session).unwrap().splits[0].objective.class_weights.clone()
}

/// Leaves the first `kept` training rows of a class.
fn thin_out(bench: &Bench, class: &str, kept: usize) {
    let file = bench.splits.join("train.tsv");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut seen = 0;
    let keep = |line: &&str| {
        let of_class = line.split('\t').nth(2) == Some(class);
        seen += usize::from(of_class);
        !of_class || seen <= kept
    };
    let lines: Vec<&str> = text.lines().filter(keep).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
}

/// scikit-learn's compute_class_weight("balanced"): 5 sessions, 1 and 4 of a class, give 2.5 and 0.625.
#[test]
fn balanced_weights_let_classes_count_the_same() {
    let bench = Bench::new();
    thin_out(&bench, "alpha", 1);
    assert_eq!(weights(&bench, json!({"balance_classes": true})), [2.5, 0.625]);
    assert_eq!(weights(&bench, json!({"class_weights": {"beta": 3}})), [1.0, 3.0]);
    assert!(weights(&bench, json!({})).is_empty());
}

/// The reported loss is the mean of w[class] · −ln p[class], and the gradient at the logits
/// w[class] · (softmax − one-hot), as of PyTorch's cross_entropy with weights and reduction "sum".
#[test]
fn a_samples_loss_counts_by_its_class() {
    let bench = Bench::new();
    let change = json!({"class_weights": {"alpha": 0.25, "beta": 3}, "learning_rate": 0.0});
    bench.run("maps", change).unwrap();
    let folder = bench.path("maps/split-0/best-loss/validation");
    let read = |what: &str| Table::read(&folder.join(format!("validation_image_level_{what}.tsv")));
    let predictions = read("prediction").unwrap();
    let truth = column(&predictions, "true_label");
    let p = [column(&predictions, "proba0"), column(&predictions, "proba1")];
    let losses = truth
        .iter()
        .enumerate()
        .map(|(row, class)| [0.25, 3.0][*class as usize] * -p[*class as usize][row].ln());
    let metrics = read("metrics").unwrap();
    let loss = metrics.number(0, metrics.column("loss").unwrap()).unwrap().unwrap();
    assert_near(loss, losses.sum::<f64>() / truth.len() as f64);

    let catalog = catalog();
    let entry = std::sync::Arc::clone(catalog.losses.get("CrossEntropyLoss").unwrap());
    let options = entry.options(&Map::new()).unwrap();
    let class_weights = vec![0.25, 3.0];
    let objective =
        Objective { loss: entry, options, task: crate::Task::Classification, class_weights };
    let logits = || Tensor::from_slice(&[0.5f32, -1.0, 2.0, 0.25, 0.0, 0.0]).view([3, 2]);
    let output = logits().set_requires_grad(true);
    let pass = Pass { output: output.shallow_clone(), latents: Vec::new(), parts: Vec::new() };
    let labels = [Label::Class(1), Label::Class(0), Label::Class(1)];
    let sum = objective.sum(&pass, &logits(), &labels).unwrap();
    sum.backward();
    let theirs = logits().set_requires_grad(true);
    let weight = Tensor::from_slice(&[0.25f32, 3.0]);
    let target = Tensor::from_slice(&[1i64, 0, 1]);
    let expected =
        theirs.cross_entropy_loss(&target, Some(&weight), tch::Reduction::Sum, -100, 0.0);
    expected.backward();
    assert!(sum.allclose(&expected, 1e-6, 1e-6, false), "{sum:?} {expected:?}");
    let off = (output.grad() - theirs.grad()).abs().max().double_value(&[]);
    assert!(off < 1e-6, "{off}");
    // The last row by hand: 3 · (½ − 0, ½ − 1).
    let last: Vec<f32> = output.grad().get(2).to_kind(Kind::Float).try_into().unwrap();
    assert_eq!(last, [1.5, -1.5]);
}

#[test]
fn weights_that_are_none_are_told_together() {
    let bench = Bench::new();
    bench.refused(
        json!({"class_weights": {"alpah": 1, "alpha": -1, "beta": "x"}}),
        &[
            (Code::UnknownName, "no class \"alpah\"; did you mean \"alpha\"?"),
            (Code::BadOption, "the weight of the class \"alpha\" cannot be -1"),
            (Code::BadOption, "the weight of the class \"beta\" cannot be \"x\""),
        ],
    );
    let none = json!({"class_weights": {"alpha": 0, "beta": 0}});
    bench.refused(none, &[(Code::BadOption, "nothing would be learned")]);
}

#[test]
fn only_the_rows_selected_take_part() {
    let bench = Bench::new();
    let options = |select: Value| {
        json!({"task": "regression", "selection_metrics": ["loss"],
        "epochs": 1, "select": select})
    };
    let of = |table: &Table, only: Option<&str>| -> Vec<String> {
        let rows = 0..table.len();
        let sex = |row: &usize| only.is_none_or(|only| table.text(*row, 4) == Some(only));
        rows.filter(sex).map(|row| table.text(row, 0).unwrap().to_owned()).collect()
    };
    bench.run("maps", options(json!({"sex": "F"}))).unwrap();
    for (group, file) in [("train", "train.tsv"), ("validation", "validation_baseline.tsv")] {
        let split = Table::read(&bench.splits.join(file)).unwrap();
        let there = bench.table(&format!("maps/groups/{group}/split-0/data.tsv"));
        assert_eq!(of(&there, None), of(&split, Some("F")));
        let table = format!("maps/split-0/best-loss/{group}/{group}_image_level_prediction.tsv");
        assert_eq!(of(&bench.table(&table), None), of(&split, Some("F")));
    }
    let train = bench.splits.join("train.tsv");
    let train = Table::read(&train).unwrap();
    assert!(of(&train, Some("F")).len() < train.len(), "the test must be able to fail");

    bench.run("both", options(json!({"sex": ["F", "M"]}))).unwrap();
    assert_eq!(bench.table("both/groups/train/split-0/data.tsv").len(), train.len());
    let column = "there is no column \"sexx\"; the columns are";
    bench.refused(
        options(json!({"sexx": ["F"]})),
        &[(Code::MissingColumn, column), (Code::MissingColumn, column)],
    );
    bench.refused(
        options(json!({"sex": ["Q"]})),
        &[
            (Code::EmptySelection, "no session has \"Q\" in column \"sex\"; there are F ("),
            (Code::EmptySelection, "no row is left"),
            (Code::EmptySelection, "no row is left"),
        ],
    );
    for wrong in
        [json!({}), json!({"sex": "F", "age": 3}), json!({"sex": []}), json!({"sex": true})]
    {
        bench.refused(options(wrong), &[(Code::BadOption, "select")]);
    }
}
