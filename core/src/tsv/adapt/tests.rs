use serde_json::json;

use super::*;
use crate::tsv::labels::tests::{fixture, unpack};

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn tables_are_put_together_as_clinicadl_does() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    unpack(&fixture()["old"], &old);
    let written = adapt(&old, &new).unwrap();
    let expected = fixture()["adapted"].as_object().unwrap().clone();
    let mut names: Vec<String> =
        written.iter().map(|one| one.file.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, expected.keys().cloned().collect::<Vec<_>>());
    for one in &written {
        let text = std::fs::read_to_string(new.join(&one.file)).unwrap();
        // ClinicaDL's order is that of the disk.
        let theirs = expected[&*one.file.to_string_lossy()].as_str().unwrap();
        assert_eq!(sorted(&text), sorted(theirs), "{}", one.file.display());
        assert_eq!(one.rows + 1, text.lines().count());
    }
    assert_eq!(adapt(&old, &new).unwrap_err().code(), Code::OutputInUse);
}

/// Refused with this code, and nothing is written.
#[track_caller]
fn refused(change: impl Fn(&Path), code: Code, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    unpack(&fixture()["old"], &old);
    change(&old);
    let error = adapt(&old, &new).unwrap_err();
    assert!(error.problems().iter().any(|problem| problem.code == code), "{error}");
    assert!(error.to_string().contains(words) && !new.exists(), "{error}");
}

#[test]
fn what_cannot_be_put_together_is_refused_whole() {
    let both = |old: &Path| {
        let text = "participant_id\tsession_id\tdiagnosis\nsub-A\tses-M000\tCN\n";
        std::fs::write(old.join("CN.tsv"), text).unwrap();
    };
    refused(both, Code::DuplicateRow, "AD.tsv, too: sub-A ses-M000");
    let absent =
        |old: &Path| std::fs::remove_dir_all(old.join("train/train_splits-2/split-1")).unwrap();
    refused(absent, Code::FileNotFound, "train_splits-2/split-1");
    for (record, words) in [
        (json!({ "subset_name": "../x" }), "no name of a folder"),
        (json!({ "n_splits": 2 }), "no name of a folder"),
        (json!({ "subset_name": "validation", "n_splits": 1e9 }), "no number of folds"),
        (json!({ "subset_name": "validation", "n_splits": -1 }), "no number of folds"),
    ] {
        let wrong =
            |old: &Path| std::fs::write(old.join("train/kfold.json"), record.to_string()).unwrap();
        refused(wrong, Code::BadSplit, words);
    }
    let empty = |old: &Path| {
        std::fs::remove_dir_all(old).unwrap();
        std::fs::create_dir(old).unwrap();
    };
    refused(empty, Code::EmptySelection, "holds no table");
    // A folder that names itself does not go on for ever.
    let round = |old: &Path| {
        std::fs::remove_dir_all(old).unwrap();
        std::fs::create_dir(old).unwrap();
        std::fs::write(old.join("split.json"), json!({ "subset_name": "test" }).to_string())
            .unwrap();
    };
    refused(round, Code::FileNotFound, "train");
}
