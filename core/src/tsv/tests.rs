//! Whole divisions of tables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::data::split::{SplitOptions, Splits, Target};
use crate::data::table::Table;

struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    /// `n` participants of two diagnoses, men and women of 60 to 89; every third has a later session.
    fn new(n: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("participant_id\tsession_id\tage\tsex\tdiagnosis\n");
        for i in 0..n {
            let age = 60 + i * 7 % 30;
            let (sex, diagnosis) = (["F", "M"][i / 2 % 2], ["AD", "CN"][i % 2]);
            text += &format!("sub-{i:03}\tses-M000\t{age}\t{sex}\t{diagnosis}\n");
            if i % 3 == 0 {
                text += &format!("sub-{i:03}\tses-M012\t{}\t{sex}\tAD\n", age + 1);
            }
        }
        std::fs::write(folder.path().join("labels.tsv"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn division(&self, output: &str) -> Division {
        Division {
            table: self.path("labels.tsv"),
            output: self.path(output),
            subset: "validation".into(),
            stratify: vec!["diagnosis".into()],
            balance: Vec::new(),
            required: true,
            attempts: 1000,
            longitudinal: false,
            seed: 0,
        }
    }
}

fn participants(file: &Path) -> BTreeSet<String> {
    let table = Table::read(file).unwrap();
    (0..table.len()).map(|row| table.text(row, 0).unwrap().to_owned()).collect()
}

fn sessions(file: &Path) -> usize {
    Table::read(file).unwrap().len()
}

#[test]
fn a_split_parts_participants_and_keeps_their_sessions_together() {
    let study = Study::new(40);
    let division = Division { longitudinal: true, ..study.division("split") };
    let sides = split(&division, Size::Count(10)).unwrap();
    let file = |name: &str| study.path("split").join(name);
    let (train, validation) =
        (participants(&file("train.tsv")), participants(&file("validation.tsv")));
    assert_eq!((train.len(), validation.len()), (30, 10));
    assert!(train.is_disjoint(&validation));
    assert_eq!(sessions(&file("train.tsv")) + sessions(&file("validation.tsv")), 54);
    assert_eq!(sessions(&file("train_baseline.tsv")), 30);
    assert_eq!(sessions(&file("validation_baseline.tsv")), 10);
    let counts: Vec<usize> = sides.summary.subset.strata.values().copied().collect();
    assert_eq!(counts, [5, 5]);
}

#[test]
fn the_same_seed_gives_the_same_split_and_another_one_another() {
    let study = Study::new(40);
    let run = |output: &str, seed| {
        let division = Division { seed, ..study.division(output) };
        split(&division, Size::Share(0.25)).unwrap();
        std::fs::read(study.path(output).join("train.tsv")).unwrap()
    };
    assert_eq!(run("a", 1), run("b", 1));
    assert_ne!(run("c", 2), run("d", 1));
}

#[test]
fn sides_are_as_alike_as_was_asked() {
    let study = Study::new(60);
    let balance = vec![("age".to_owned(), 0.9), ("sex".to_owned(), 0.9)];
    let division = Division { balance, ..study.division("split") };
    let sides = split(&division, Size::Count(20)).unwrap();
    assert_eq!(sides.summary.alike.len(), 2);
    assert!(sides.summary.alike.iter().all(|alike| alike.p >= 0.9), "{:?}", sides.summary.alike);
    let tests: Vec<Test> = sides.summary.alike.iter().map(|alike| alike.test).collect();
    assert_eq!(tests, [Test::Means, Test::Frequencies]);
}

#[test]
fn what_cannot_be_balanced_ends_with_what_was_found() {
    let study = Study::new(5);
    let balance = vec![("age".to_owned(), 1.0)];
    let division = Division { balance, attempts: 50, ..study.division("split") };
    let error = split(&division, Size::Count(2)).unwrap_err().to_string();
    assert!(
        error.contains("no division of 50 into train and validation has sides that are"),
        "{error}"
    );
    assert!(error.contains("at least age 1, the best had age 0."), "{error}");
    assert!(!study.path("split").exists());
}

#[test]
fn folds_validate_on_everybody_once_and_are_read_by_training() {
    let study = Study::new(43);
    let folds = kfold(&study.division("5_fold"), 5).unwrap();
    let mut seen = BTreeSet::new();
    for i in 0..5 {
        let file = |name: &str| study.path("5_fold").join(format!("split-{i}")).join(name);
        let validation = participants(&file("validation_baseline.tsv"));
        assert!(participants(&file("train.tsv")).is_disjoint(&validation));
        assert!(validation.iter().all(|one| seen.insert(one.clone())));
    }
    assert_eq!(seen.len(), 43);
    assert_eq!(folds.summaries.len(), 5);
    let options = SplitOptions {
        target: Target::Class { column: "diagnosis".into(), classes: None },
        select: None,
        baseline: true,
        valid_longitudinal: false,
        allow_leakage: false,
    };
    let read = Splits::open(&study.path("5_fold")).unwrap();
    assert_eq!(read.read_all(&[0, 4], &options).unwrap().len(), 2);
}

#[test]
fn an_experiment_has_a_test_set_and_folds_of_the_rest() {
    let study = Study::new(40);
    let done = experiment(&study.division("out"), Size::Share(0.2), Inner::Folds(4)).unwrap();
    let test = participants(&study.path("out/test_baseline.tsv"));
    assert_eq!(test.len(), 8);
    for i in 0..4 {
        let folder = study.path("out/4_fold").join(format!("split-{i}"));
        for name in ["train.tsv", "validation_baseline.tsv"] {
            assert!(participants(&folder.join(name)).is_disjoint(&test));
        }
    }
    assert_eq!(done.folds.unwrap().summaries[0].subset.participants, 8);
}

#[test]
fn an_experiment_whose_rest_cannot_be_divided_leaves_nothing() {
    let study = Study::new(10);
    for inner in [Inner::Folds(8), Inner::Split(Size::Count(5))] {
        let error = experiment(&study.division("out"), Size::Share(0.5), inner).unwrap_err();
        assert_eq!(error.code(), Code::BadOption);
        assert!(error.to_string().contains("5 participants that are not for the test"), "{error}");
        assert!(!study.path("out").exists());
    }
    experiment(&study.division("out"), Size::Share(0.5), Inner::Folds(5)).unwrap();
}

/// The rest is divided as its own table, which lies beside, would be.
#[test]
fn the_validation_set_of_an_experiment_is_that_of_its_training_table() {
    let study = Study::new(40);
    let inner = Inner::Split(Size::Share(0.25));
    let done = experiment(&study.division("out"), Size::Share(0.2), inner).unwrap();
    let summary = done.validation.unwrap().summary;
    assert_eq!([summary.train.name, summary.subset.name], ["split train", "split validation"]);
    let division = Division { table: study.path("out/train.tsv"), ..study.division("alone") };
    split(&division, Size::Share(0.25)).unwrap();
    for name in ["train.tsv", "train_baseline.tsv", "validation_baseline.tsv", "split.json"] {
        let read = |folder: &str| std::fs::read(study.path(folder).join(name)).unwrap();
        assert_eq!(read("out/split"), read("alone"), "{name}");
    }
}

#[test]
fn how_a_division_was_made_is_recorded() {
    let study = Study::new(20);
    let balance = vec![("age".to_owned(), 0.5)];
    let division = Division { balance, seed: 3, attempts: 70, ..study.division("split") };
    let attempt = split(&division, Size::Share(0.25)).unwrap().attempt;
    let text = std::fs::read(study.path("split/split.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let expected = serde_json::json!({
        "table": "labels.tsv", "subset_name": "validation", "stratification": ["diagnosis"],
        "balance": { "age": 0.5 }, "valid_longitudinal": false, "seed": 3, "attempts": 70,
        "n_test": 0.25, "attempt": attempt,
    });
    assert_eq!(record, expected);
}

#[test]
fn what_cannot_be_divided_is_refused_and_nothing_written() {
    let study = Study::new(4);
    for size in [Size::Count(0), Size::Count(4), Size::Share(0.1)] {
        assert_eq!(split(&study.division("x"), size).unwrap_err().code(), Code::BadOption);
    }
    for folds in [0, 1, 5] {
        assert_eq!(kfold(&study.division("x"), folds).unwrap_err().code(), Code::BadOption);
    }
    let division = Division { stratify: vec!["diagnosi".into()], ..study.division("x") };
    assert_eq!(kfold(&division, 2).unwrap_err().code(), Code::MissingColumn);
    assert!(!study.path("x").exists());
    kfold(&study.division("x"), 2).unwrap();
    assert_eq!(kfold(&study.division("x"), 2).unwrap_err().code(), Code::OutputInUse);
}

#[test]
fn where_balance_is_not_required_the_best_draw_is_taken() {
    let study = Study::new(12);
    let balance = vec![("age".to_owned(), 1.0), ("sex".to_owned(), 1.0)];
    let division = Division { balance, attempts: 40, ..study.division("best") };
    let strict = split(&division, Size::Count(5)).unwrap_err().to_string();
    let loose = split(&Division { required: false, ..division }, Size::Count(5)).unwrap();
    let p: Vec<String> =
        loose.summary.alike.iter().map(|a| format!("{} {:.3}", a.column, a.p)).collect();
    assert!(strict.contains(&format!("the best had {}", p.join(", "))), "{strict}\n{p:?}");
}
