//! `host tsv`: tables before training.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use neurhai_core::data::table::Table;
use serde_json::Value;

use crate::{host, root, said};

/// Twelve participants, as many of each diagnosis and sex; the first has a later session.
fn study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("participant_id\tsession_id\tage\tsex\tdiagnosis\n");
    for i in 0..12 {
        let (age, sex, diagnosis) = (60 + i, ["F", "M"][i / 2 % 2], ["AD", "CN"][i % 2]);
        text += &format!("sub-{i:02}\tses-M000\t{age}\t{sex}\t{diagnosis}\n");
    }
    text += "sub-00\tses-M012\t61\tF\tAD\n";
    std::fs::write(folder.path().join("labels.tsv"), text).unwrap();
    folder
}

/// What `host tsv` says to these words.
#[track_caller]
fn tsv(folder: &Path, words: &str) -> Output {
    let output = host(folder).arg("tsv").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", said(&output));
    output
}

/// The values of columns, row by row.
fn rows(file: PathBuf, columns: &[&str]) -> Vec<String> {
    let table = Table::read(&file).unwrap();
    let columns: Vec<usize> = columns.iter().map(|name| table.column(name).unwrap()).collect();
    let row = |row| {
        let cells = columns.iter().map(|column| table.text(row, *column).unwrap_or("-"));
        cells.collect::<Vec<_>>().join(" ")
    };
    (0..table.len()).map(row).collect()
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

/// How many rows have this diagnosis.
fn count(file: PathBuf, diagnosis: &str) -> usize {
    rows(file, &["diagnosis"]).iter().filter(|one| *one == diagnosis).count()
}

#[test]
fn a_split_puts_away_the_participants_that_were_asked_for() {
    let folder = study();
    let output = tsv(folder.path(), "split labels.tsv --subset test --size 4 --balance none");
    assert!(said(&output).contains("written to split"), "{}", said(&output));
    let file = |name: &str| folder.path().join("split").join(name);
    let people = |name: &str| -> BTreeSet<String> {
        rows(file(name), &["participant_id"]).into_iter().collect()
    };
    let (train, test) = (people("train.tsv"), people("test_baseline.tsv"));
    assert_eq!((train.len(), test.len(), train.union(&test).count()), (8, 4, 12));
    assert_eq!(people("train_baseline.tsv"), train);
    for diagnosis in ["AD", "CN"] {
        assert_eq!(count(file("test_baseline.tsv"), diagnosis), 2);
        assert_eq!(count(file("train_baseline.tsv"), diagnosis), 4);
    }
    let again = host(folder.path()).args(["tsv", "split", "labels.tsv"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("E0601"), "{}", said(&again));
}

#[test]
fn of_folds_each_participant_is_in_one() {
    let folder = study();
    let output = tsv(folder.path(), "kfold labels.tsv --splits 3");
    assert!(said(&output).contains("split-2 validation"), "{}", said(&output));
    let mut validated = Vec::new();
    for split in 0..3 {
        let file = |name: &str| folder.path().join(format!("3_fold/split-{split}/{name}.tsv"));
        assert_eq!(count(file("validation_baseline"), "AD"), 2);
        let own = rows(file("validation_baseline"), &["participant_id"]);
        let train = rows(file("train"), &["participant_id"]);
        assert!(train.iter().all(|one| !own.contains(one)), "{train:?} {own:?}");
        validated.extend(own);
    }
    let everybody: Vec<String> = (0..12).map(|i| format!("sub-{i:02}")).collect();
    assert_eq!(sorted(validated), everybody);
}

/// Ours of the same table are of the sizes of ClinicaDL's own: `tests/fixtures/make_clinicadl.py`.
#[test]
fn folds_are_of_the_sizes_of_clinicadls() {
    let fixture = std::fs::read(root().join("tests/fixtures/clinicadl.json")).unwrap();
    let fixture: Value = serde_json::from_slice(&fixture).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("train.tsv"), fixture["train"].as_str().unwrap()).unwrap();
    tsv(folder.path(), "kfold train.tsv --splits 4 --output 4_fold");
    for name in ["train.tsv", "train_baseline.tsv", "validation_baseline.tsv"] {
        let counts = |split: usize| {
            let table = folder.path().join(format!("4_fold/split-{split}/{name}"));
            let of = |diagnosis| count(table.clone(), diagnosis);
            [rows(table.clone(), &["diagnosis"]).len(), of("AD"), of("CN")]
        };
        let folds = fixture["folds"].as_array().unwrap().iter();
        let mut expected: Vec<[usize; 3]> =
            folds.map(|fold| serde_json::from_value(fold[name].clone()).unwrap()).collect();
        let mut found: Vec<[usize; 3]> = (0..4).map(counts).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
}

/// Four and five folds have the sizes that ClinicaDL's have.
#[test]
fn folds_are_those_of_clinicadl_by_size() {
    let Some(shared) = crate::shared_data() else { return };
    let splits = shared.join("splits");
    for k in [4, 5] {
        let folder = tempfile::tempdir().unwrap();
        let table = splits.join("train.tsv");
        let words = format!("kfold {} --splits {k} --output {k}_fold", table.display());
        tsv(folder.path(), &words);
        let counts = |folder: &Path| {
            let mut counts = Vec::new();
            for split in 0..k {
                let split = folder.join(format!("{k}_fold/split-{split}"));
                for name in ["train.tsv", "train_baseline.tsv", "validation_baseline.tsv"] {
                    let of = |diagnosis| count(split.join(name), diagnosis);
                    counts.push((rows(split.join(name), &["diagnosis"]).len(), of("AD"), of("CN")));
                }
            }
            counts.sort_unstable();
            counts
        };
        assert_eq!(counts(folder.path()), counts(&splits), "{k}");
    }
}

/// Two diagnoses at many sites: the sites cannot be in proportion, the diagnoses are, and who is drawn
/// depends on the seed.
#[test]
fn diagnoses_are_in_proportion_however_many_sites_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("participant_id\tsession_id\tdiagnosis\tsite\n");
    for i in 0..40 {
        text += &format!("sub-{i:02}\tses-M000\t{}\t{}\n", ["AD", "CN"][i % 2], i / 2);
    }
    std::fs::write(folder.path().join("labels.tsv"), text).unwrap();
    let mut drawn = BTreeSet::new();
    for seed in 0..3 {
        let words = format!("labels.tsv --stratify diagnosis,site --seed {seed} --output");
        tsv(folder.path(), &format!("split {words} split-{seed} --balance none"));
        let file = folder.path().join(format!("split-{seed}/validation_baseline.tsv"));
        assert_eq!((count(file.clone(), "AD"), count(file.clone(), "CN")), (4, 4));
        drawn.insert(sorted(rows(file, &["participant_id"])));
        tsv(folder.path(), &format!("kfold {words} folds-{seed} --splits 4"));
        for split in 0..4 {
            let file = format!("folds-{seed}/split-{split}/validation_baseline.tsv");
            assert_eq!(count(folder.path().join(file), "AD"), 5);
        }
    }
    assert_eq!(drawn.len(), 3);
}

/// Written whole or not at all; a copy that lacks splits is refused.
#[test]
fn folds_of_which_some_are_gone_are_refused() {
    let place = crate::Place::new();
    std::fs::remove_dir_all(place.path().join("data/splits")).unwrap();
    tsv(place.path(), "kfold data/labels.tsv --splits 2 --output data/splits");
    std::fs::remove_dir_all(place.path().join("data/splits/split-1")).unwrap();
    place.refused("TRAIN", &["E0406", "2 splits were made by kfold.json"]);
}

#[test]
fn columns_of_another_table_are_added() {
    let folder = study();
    // One session is written otherwise there, one is missing.
    let known = "participant_id\tsession_id\tmmse\tsite\n\
                 sub-00\tses-M0\t29\tA\nsub-00\tses-M012\t27\tA\nsub-01\tses-M000\t30\tB\n";
    std::fs::write(folder.path().join("known.tsv"), known).unwrap();
    let output =
        tsv(folder.path(), "metadata labels.tsv known.tsv --output more.tsv --columns mmse");
    let said = said(&output);
    assert!(said.contains("added mmse\nwritten to more.tsv"), "{said}");
    assert!(said.contains("warning: sub-02 ses-M000 is not in known.tsv"), "{said}");
    let columns = ["participant_id", "session_id", "age", "mmse"];
    let found = rows(folder.path().join("more.tsv"), &columns);
    assert_eq!(found.len(), 13);
    assert_eq!(found[0], "sub-00 ses-M000 60 29");
    assert_eq!(found[1], "sub-01 ses-M000 61 30");
    assert_eq!(found[2], "sub-02 ses-M000 62 -");
    assert_eq!(found[12], "sub-00 ses-M012 61 27");
    let table = Table::read(&folder.path().join("more.tsv")).unwrap();
    assert!(table.find_column("site").is_none());
}

#[test]
fn who_gets_worse_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("participant_id\tsession_id\tdiagnosis\n");
    for (participant, courses) in [("a", ["CN", "CN"]), ("b", ["MCI", "AD"]), ("c", ["MCI", "CN"])]
    {
        for (month, diagnosis) in ["000", "036"].iter().zip(courses) {
            text += &format!("sub-{participant}\tses-M{month}\t{diagnosis}\n");
        }
    }
    std::fs::write(folder.path().join("labels.tsv"), text).unwrap();
    let output = tsv(folder.path(), "progression labels.tsv --output courses.tsv");
    assert!(said(&output).contains("s 1, p 1, r 1"), "{}", said(&output));
    let columns = ["participant_id", "session_id", "progression"];
    let found = sorted(rows(folder.path().join("courses.tsv"), &columns));
    let expected = [
        "sub-a ses-M000 s",
        "sub-a ses-M036 uk",
        "sub-b ses-M000 p",
        "sub-b ses-M036 uk",
        "sub-c ses-M000 r",
        "sub-c ses-M036 uk",
    ];
    assert_eq!(found, expected);
}

/// Writes the files of a part of tests/fixtures/tsvtools.json, which says what ClinicaDL makes of them.
fn unpack(part: &str, folder: &Path) {
    let file = root().join("tests/fixtures/tsvtools.json");
    let fixture: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for (name, text) in fixture[part].as_object().unwrap() {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text.as_str().unwrap()).unwrap();
    }
}

#[test]
fn from_a_merged_table_to_folds_and_their_statistics() {
    let folder = tempfile::tempdir().unwrap();
    unpack("given", folder.path());
    let said_of = |words: &str| said(&tsv(folder.path(), words));
    let text = said_of("labels merged.tsv --diagnoses AD,CN --variables MMSE");
    for part in
        ["named by their month (ses-M012)", "of AD, CN", "with t1w", "labels.tsv: AD 5, CN 4"]
    {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let columns = ["participant_id", "session_id", "age", "diagnosis", "MMSE"];
    let found = rows(folder.path().join("labels.tsv"), &columns);
    assert_eq!(found[1], "sub-A ses-M012 71 CN -");
    let text = said_of("analysis labels.tsv merged.tsv --output study.tsv");
    assert!(text.contains("mean_MMSE") && text.contains("written to study.tsv"), "{text}");
    let found = rows(folder.path().join("study.tsv"), &["group", "n_subjects", "sexF", "mean_age"]);
    assert_eq!(found, ["AD 4 1 72.375", "CN 2 2 65"]);
    said_of("kfold labels.tsv --splits 2");
    said_of("analysis 2_fold/split-0/train.tsv --output train.tsv");
    let none =
        host(folder.path()).args(["tsv", "labels", "merged.tsv", "--diagnoses", "XX"]).output();
    let none = none.unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("E0601"), "{}", said(&none));
}

#[test]
fn tables_of_an_old_clinicadl_become_those_of_today() {
    let folder = tempfile::tempdir().unwrap();
    unpack("old", &folder.path().join("old"));
    let text = said(&tsv(folder.path(), "adapt old new"));
    assert!(text.contains("12 rows  labels.tsv") && text.contains("written to new"), "{text}");
    assert_eq!(count(folder.path().join("new/split/2_fold/split-1/validation.tsv"), "AD"), 3);
}

/// Rows are stratified by any column, and by several.
#[test]
fn folds_are_stratified_by_any_column() {
    let folder = study();
    tsv(folder.path(), "kfold labels.tsv --splits 3 --stratify sex,diagnosis");
    tsv(folder.path(), "split labels.tsv --size 4 --stratify sex --balance none");
    for split in 0..3 {
        let file = folder.path().join(format!("3_fold/split-{split}/validation_baseline.tsv"));
        let found = sorted(rows(file, &["sex", "diagnosis"]));
        assert_eq!(found, ["F AD", "F CN", "M AD", "M CN"]);
    }
    let found = rows(folder.path().join("split/validation_baseline.tsv"), &["sex"]);
    assert_eq!(sorted(found), ["F", "F", "M", "M"]);
}

#[test]
fn with_json_a_program_reads_what_was_done() {
    let folder = study();
    let json = |words: &str, code| -> serde_json::Value {
        let words = format!("tsv {words} --json");
        let output = host(folder.path()).args(words.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = json("kfold labels.tsv --splits 3", 0);
    assert_eq!(found["output"], "3_fold");
    let divisions = found["divisions"].as_array().unwrap();
    assert_eq!(divisions.len(), 3);
    assert_eq!(divisions[0]["train"]["participants"], 8, "{found}");
    assert_eq!(found["warnings"].as_array().unwrap().len(), 0);
    let found = json("progression labels.tsv --output courses.tsv", 0);
    assert!(found["courses"].is_object(), "{found}");
    let found = json("analysis labels.tsv --output study.tsv --diagnoses AD", 0);
    assert!(found["groups"]["AD"]["n_subjects"].is_number(), "{found}");
    let wrong = json("kfold labels.tsv --splits 50 --output more", 1);
    assert_eq!(wrong["errors"][0]["code"], "E0104", "{wrong}");
}
