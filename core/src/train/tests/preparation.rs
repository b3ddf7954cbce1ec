//! What would go wrong on the way is told before training.

use super::*;

impl Bench {
    /// Sets a cell in the rows of a table of the splits that `which` picks by their number.
    fn set(&self, table: &str, column: &str, value: &str, which: impl Fn(usize) -> bool) {
        let file = self.splits.join(table);
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let head = lines.next().unwrap();
        let at = head.split('\t').position(|name| name == column).unwrap();
        let row = |(i, line): (usize, &str)| {
            let cells = line.split('\t').enumerate();
            let cell = |(j, cell)| if which(i) && j == at { value } else { cell };
            cells.map(cell).collect::<Vec<&str>>().join("\t")
        };
        let rows: Vec<String> = lines.enumerate().map(row).collect();
        std::fs::write(&file, format!("{head}\n{}\n", rows.join("\n"))).unwrap();
    }
}

#[test]
fn class_weights_that_float32_cannot_hold_are_refused() {
    let bench = Bench::new();
    for weight in [json!(1e-300), json!(1e300), json!(-1.0)] {
        let change = json!({"class_weights": {"alpha": weight}});
        let error = bench.refused(change, &[(Code::BadOption, "of the class \"alpha\" cannot be")]);
        assert!(error.problems()[0].help.as_deref().unwrap().contains("1e-30 to 1e30"), "{error}");
    }
    bench.run("maps", json!({"class_weights": {"alpha": 0, "beta": 1e-30}})).unwrap();
}

#[test]
fn numbers_whose_square_is_infinite_are_refused_with_their_session() {
    let bench = Bench::new();
    bench.set("train.tsv", "age", "1e30", |row| row == 2);
    let change = json!({"task": "regression", "selection_metrics": ["loss"]});
    let error = bench.refused(change, &[(Code::BadValue, "1e30 in column \"age\" is too large")]);
    let problem = &error.problems()[0];
    assert!(problem.help.as_deref().unwrap().contains("another unit"), "{error}");
    assert!(problem.place.as_ref().unwrap().to_string().contains("sub-"), "{error}");
    // The absolute difference of such numbers is finite.
    let change = json!({"task": "regression", "selection_metrics": ["loss"], "loss": "L1Loss"});
    bench.run("maps", change).unwrap();
}

#[test]
fn a_class_that_validation_lacks_is_told() {
    let bench = Bench::new();
    assert!(bench.warnings(json!({})).unwrap().is_empty());
    bench.set("validation_baseline.tsv", "diagnosis", "alpha", |_| true);
    let warnings = bench.warnings(json!({})).unwrap();
    let expected = "validation of split 0 has no image of \"beta\"";
    assert!(warnings.iter().any(|text| text.contains(expected)), "{warnings:?}");
}

#[test]
fn voxels_that_are_no_probabilities_are_refused_before_training() {
    let bench = Bench::new();
    let change = json!({"task": "reconstruction", "architecture": "tiny_vae",
        "loss": "VAEBernoulliLoss", "data": {"normalize": false}, "selection_metrics": ["loss"]});
    let error = bench.refused(change, &[(Code::BadValue, "voxels with VAEBernoulliLoss")]);
    assert!(error.problems()[0].help.as_deref().unwrap().contains("normalize"), "{error}");
}

/// SGD without momentum keeps nothing, Adam two numbers for each weight.
#[test]
fn the_memory_of_a_check_is_that_of_the_optimizer() {
    let bench = Bench::new();
    let (catalog, stop) = (catalog(), AtomicBool::new(false));
    let session = Session { catalog: &catalog, scripts: &[], stop: &stop, events: &|_| () };
    let report = |change| check(&bench.options("none", change), &session).unwrap();
    let (sgd, adam) = (report(json!({"optimizer": "SGD"})), report(json!({})));
    assert_eq!(adam.memory_bytes - sgd.memory_bytes, 8 * adam.parameters);
    let frozen = report(json!({"freeze": ["convolutions"]}));
    assert_eq!(adam.memory_bytes - frozen.memory_bytes, 12 * frozen.frozen);
}
