//! Tables of splits, as they are laid out by those who write them.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder of tables, one line each: the file, then the ids.
fn tables(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, rows) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, rows).unwrap();
    }
    folder
}

/// A table with these participants, each with a diagnosis.
fn people(ids: &[usize]) -> String {
    let row = |id: &usize| format!("sub-{id:02}\tses-M000\t{}\n", id % 2);
    let rows: String = ids.iter().map(row).collect();
    format!("participant_id\tsession_id\tdiagnosis\n{rows}")
}

fn report(path: PathBuf, caps: Option<&Path>) -> Report {
    let request = Request {
        preprocessing: None,
        caps,
        verdicts: None,
        fresh: false,
        threads: 1,
        progress: &|_, _| (),
    };
    check(&path, &request).unwrap()
}

fn messages(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.message.as_str()).collect()
}

/// As `host tsv split` and `host tsv kfold` write them.
#[test]
fn a_test_set_is_compared_with_the_folds_within_its_folder() {
    let (train, validation) = (people(&[1, 2, 3, 4]), people(&[5, 6]));
    let test = people(&[4, 7]);
    let folder = tables(&[
        ("lk/train.tsv", &people(&[1, 2, 3, 5, 6])),
        ("lk/test_baseline.tsv", &test),
        ("lk/labels.tsv", &people(&[1, 2, 3, 4, 5, 6, 7])),
        ("lk/2_fold/split-0/train.tsv", &train),
        ("lk/2_fold/split-0/validation_baseline.tsv", &validation),
        ("lk/2_fold/split-1/train.tsv", &people(&[2, 3, 5, 6])),
        ("lk/2_fold/split-1/validation_baseline.tsv", &people(&[1])),
    ]);
    let leak = |of: &str| format!("sub-04 is in train and in test{of}");
    let at = |path: &str| report(folder.path().join(path), None);
    let whole = at("lk");
    assert_eq!(messages(&whole)[..1], [leak(" of 2_fold/split-0")], "{:?}", messages(&whole));
    assert_eq!(whole.errors(), 1);
    assert_eq!(messages(&at("lk/2_fold"))[0], leak(" of split-0"));
    assert_eq!(messages(&at("lk/2_fold/split-0"))[0], leak(""));
    assert_eq!(at("lk/2_fold/split-1").errors(), 0);
    // Every table that was read is named, and so is the one that is no side.
    let read = whole.tallies.iter().find(|tally| tally.of == "sessions in the tables").unwrap();
    assert_eq!(read.counts.len(), 6);
    assert!(read.counts.contains(&("2_fold/split-0/train.tsv".to_owned(), 4)), "{read:?}");
    let passed = whole.tallies.iter().find(|tally| tally.of == "tables that are no sides").unwrap();
    assert_eq!(passed.counts, [("labels.tsv".to_owned(), 1)]);
}

#[test]
fn one_id_in_two_cohorts_stands_for_two_people() {
    let table = |rows: &[(&str, &str)]| {
        let row = |(cohort, id): &(&str, &str)| format!("{cohort}\t{id}\tses-M000\n");
        let rows: String = rows.iter().map(row).collect();
        format!("cohort\tparticipant_id\tsession_id\n{rows}")
    };
    let folder = tables(&[
        ("splits/train.tsv", &table(&[("north", "sub-1"), ("south", "sub-1")])),
        ("splits/validation.tsv", &table(&[("north", "sub-2"), ("south", "sub-3")])),
        ("splits/test.tsv", &table(&[("north", "sub-3"), ("south", "sub-3")])),
        ("caps/subjects/sub-1/ses-M000/notes", ""),
        ("both.tsv", &table(&[("north", "sub-1"), ("south", "sub-1")])),
    ]);
    let expected = "sub-3 of cohort south is in test and in validation";
    let found = report(folder.path().join("splits"), None);
    let errors = found.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<&Finding> = errors.collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].message, expected);
    assert_eq!(errors[0].cohort.as_deref(), Some("south"));
    assert_eq!(report(folder.path().join("both.tsv"), None).errors(), 0);
    // In one CAPS the same id is one person, whatever a column says.
    let caps = folder.path().join("caps");
    let found = report(folder.path().join("both.tsv"), Some(&caps));
    assert!(messages(&found).iter().any(|text| text.contains("row 2 already")), "{found:?}");
}

#[test]
fn a_code_is_a_class_in_a_small_validation_set_too() {
    let train: Vec<usize> = (0..40).collect();
    let folder =
        tables(&[("train.tsv", &people(&train)), ("validation.tsv", &people(&[41, 43, 45, 47]))]);
    let found = report(folder.path().to_owned(), None);
    let told = "diagnosis \"0\" is in train (20 times), not in validation";
    assert!(messages(&found).contains(&told), "{:?}", messages(&found));
    assert!(found.tallies.iter().any(|tally| tally.of == "diagnosis in validation"));
}
