use super::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

use crate::data::participants::read_sessions;
use crate::data::table::Table;

mod cohorts;

const TRAIN: &str = "participant_id\tsession_id\tdiagnosis\tage\n\
    sub-A\tses-M000\tAD\t71.5\nsub-B\tses-M000\tCN\t66\nsub-B\tses-M012\tCN\t67\n";
const VALIDATION: &str = "participant_id\tsession_id\tdiagnosis\tage\n\
    sub-C\tses-M000\tCN\t80\nsub-D\tses-M000\tAD\t59\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn class(classes: Option<&[&str]>) -> SplitOptions {
    let classes = classes.map(|names| names.iter().copied().map(str::to_owned).collect());
    let target = Target::Class { column: "diagnosis".to_owned(), classes };
    SplitOptions { target, ..SplitOptions::default() }
}

fn show(split: &Split) -> String {
    let side = |file: &Path, rows: &[Row]| {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let label = match row.label {
                    Label::None => String::new(),
                    Label::Class(code) => format!("={code}"),
                    Label::Number(number) => format!("={number}"),
                };
                let Session { participant, session, row, .. } = &row.session;
                format!("{row} {participant} {session}{label}")
            })
            .collect();
        format!("{}: {}\n", file.file_name().unwrap().to_str().unwrap(), rows.join(", "))
    };
    let classes = split.classes.as_ref().map_or_else(String::new, |c| {
        format!("{} {:?} {:?}\n", c.names.join(","), c.train, c.validation)
    });
    let train = side(&split.train_file, &split.train);
    let validation = side(&split.validation_file, &split.validation);
    let leaked = split.leaked.iter().map(Person::to_string).collect::<Vec<_>>().join(",");
    format!("{train}{validation}{classes}{leaked}").trim_end().to_owned()
}

/// Reads split 0 of a folder with these files and compares the split, or the error, as text.
#[track_caller]
fn check(files: &[(&str, &str)], options: &SplitOptions, expected: &str) {
    let folder = folder(files);
    let shown = match Splits::open(folder.path()).and_then(|f| f.read(0, options)) {
        Ok(split) => show(&split),
        Err(error) => error.to_string().replace(&folder.path().display().to_string(), "DIR"),
    };
    assert_eq!(shown, expected);
}

#[track_caller]
fn check_open(files: &[(&str, &str)], open: &str, parts: &[&str]) {
    let folder = folder(files);
    let error = Splits::open(&folder.path().join(open)).unwrap_err();
    let shown = error.to_string().replace(&folder.path().display().to_string(), "DIR");
    for part in parts {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}

#[test]
fn a_single_split_with_classes() {
    check(
        &[("train.tsv", TRAIN), ("validation.tsv", VALIDATION)],
        &class(None),
        "train.tsv: 2 sub-A ses-M000=0, 3 sub-B ses-M000=1, 4 sub-B ses-M012=1\n\
         validation.tsv: 2 sub-C ses-M000=1, 3 sub-D ses-M000=0\n\
         AD,CN [1, 2] [1, 1]",
    );
}

#[test]
fn numbers_and_nothing_are_targets_too() {
    let files = [("train.tsv", TRAIN), ("validation.tsv", VALIDATION)];
    let age = Target::Number { column: "age".to_owned() };
    check(
        &files,
        &SplitOptions { target: age, ..SplitOptions::default() },
        "train.tsv: 2 sub-A ses-M000=71.5, 3 sub-B ses-M000=66, 4 sub-B ses-M012=67\n\
         validation.tsv: 2 sub-C ses-M000=80, 3 sub-D ses-M000=59",
    );
    let select = Selection { column: "diagnosis".to_owned(), values: vec!["CN".to_owned()] };
    check(
        &files,
        &SplitOptions { select: Some(select), ..SplitOptions::default() },
        "train.tsv: 3 sub-B ses-M000, 4 sub-B ses-M012\nvalidation.tsv: 2 sub-C ses-M000",
    );
}

#[test]
fn baseline_and_longitudinal_tables() {
    let header = "participant_id\tsession_id\n";
    let (a, b) = (format!("{header}sub-A\tses-1\n"), format!("{header}sub-B\tses-1\n"));
    let files = [
        ("train.tsv", a.as_str()),
        ("train_baseline.tsv", &a),
        ("validation.tsv", &b),
        ("validation_baseline.tsv", &b),
    ];
    for (baseline, valid_longitudinal, train, validation) in [
        (false, false, "train", "validation_baseline"),
        (true, false, "train_baseline", "validation_baseline"),
        (false, true, "train", "validation"),
    ] {
        let options = SplitOptions { baseline, valid_longitudinal, ..SplitOptions::default() };
        let expected = format!("{train}.tsv: 2 sub-A ses-1\n{validation}.tsv: 2 sub-B ses-1");
        check(&files, &options, &expected);
    }
    // What there is only one of is taken, unless the other was asked for.
    let options = SplitOptions::default();
    check(
        &[("train_baseline.tsv", &a), ("validation.tsv", &b)],
        &options,
        "train_baseline.tsv: 2 sub-A ses-1\nvalidation.tsv: 2 sub-B ses-1",
    );
    check(
        &[("train.tsv", &a), ("validation_baseline.tsv", &b)],
        &SplitOptions { baseline: true, valid_longitudinal: true, ..options },
        "E0406: looked for train_baseline.tsv; found train.tsv, validation_baseline.tsv\n  at DIR\n  \
         help: add the table, or leave out the option baseline\n\
         E0406: looked for validation.tsv; found train.tsv, validation_baseline.tsv\n  at DIR\n  \
         help: add the table, or leave out the option valid_longitudinal",
    );
}

#[test]
fn only_the_classes_wanted_take_part() {
    let rows = |ids: &str, values: &[&str]| {
        let rows = ids.chars().zip(values).map(|(id, value)| format!("sub-{id}\tses-1\t{value}\n"));
        format!("participant_id\tsession_id\tdiagnosis\n{}", rows.collect::<String>())
    };
    let train = rows("ABCD", &["MCI", "CN", "", "AD"]);
    let validation = rows("EFGH", &["AD", "CN", "n/a", "SMC"]);
    let files = [("train.tsv", train.as_str()), ("validation.tsv", &validation)];
    check(
        &files,
        &class(Some(&["CN", "AD"])),
        "train.tsv: 3 sub-B ses-1=1, 5 sub-D ses-1=0\n\
         validation.tsv: 2 sub-E ses-1=0, 3 sub-F ses-1=1\nAD,CN [1, 1] [1, 1]",
    );
    check(
        &files,
        &class(None),
        "E0407: class \"SMC\" is in validation (sessions: 1) but not in train\n  at DIR/train.tsv\n  \
         help: move participants of this class to train, or choose the classes without it\n\
         E0404: the cell is empty\n  at DIR/train.tsv, row 4, column \"diagnosis\"\n  \
         help: fill it in, or leave the row out\n\
         E0404: the cell is empty\n  at DIR/validation.tsv, row 4, column \"diagnosis\"\n  \
         help: fill it in, or leave the row out",
    );
    check(
        &files,
        &class(Some(&["CN", "ad"])),
        "E0409: no session has \"ad\" in column \"diagnosis\"; there are AD (2), CN (2), MCI (1), \
         SMC (1); did you mean \"AD\"?\n  at DIR/train.tsv",
    );
    check(
        &files,
        &class(Some(&["CN"])),
        "E0407: two classes or more are needed, \"diagnosis\" has CN (1) in train\n  \
         at DIR/train.tsv\n  help: choose another label column, other classes or another split",
    );
}

#[test]
fn numeric_classes_are_sorted_by_size_as_pandas_reads_them() {
    let rows = |ids: &str, values: [&str; 3]| {
        let rows = ids.chars().zip(values).map(|(id, value)| format!("sub-{id}\tses-1\t{value}\n"));
        format!("participant_id\tsession_id\tdiagnosis\n{}", rows.collect::<String>())
    };
    let (train, validation) = (rows("ABC", ["10", "2", "2"]), rows("DEF", ["10", "10", "10"]));
    check(
        &[("train.tsv", &train), ("validation.tsv", &validation)],
        &class(None),
        "train.tsv: 2 sub-A ses-1=1, 3 sub-B ses-1=0, 4 sub-C ses-1=0\n\
         validation.tsv: 2 sub-D ses-1=1, 3 sub-E ses-1=1, 4 sub-F ses-1=1\n2,10 [2, 1] [0, 3]",
    );
}

#[test]
fn a_participant_on_both_sides_is_an_error_unless_allowed() {
    let validation = format!("{VALIDATION}sub-B\tses-M024\tCN\t68\n");
    let files = [("train.tsv", TRAIN), ("validation.tsv", validation.as_str())];
    check(
        &files,
        &SplitOptions::default(),
        "E0405: on both sides of the split: sub-B (row 3 of train, 4 of validation)\n  \
         at DIR/validation.tsv\n  help: split by participant: all sessions of one belong to one side",
    );
    check(
        &files,
        &SplitOptions { allow_leakage: true, ..SplitOptions::default() },
        "train.tsv: 2 sub-A ses-M000, 3 sub-B ses-M000, 4 sub-B ses-M012\n\
         validation.tsv: 2 sub-C ses-M000, 3 sub-D ses-M000, 4 sub-B ses-M024\nsub-B",
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    check(
        &[
            ("train.tsv", "participant_id\tsession_id\tage\nA\t1\tx\n"),
            ("validation.tsv", "participant_id\tsession\tage\nA\t1\t5\n"),
        ],
        &SplitOptions {
            target: Target::Number { column: "age".to_owned() },
            ..SplitOptions::default()
        },
        "E0402: there is no column \"session_id\"; the columns are participant_id, session, age; \
         did you mean \"session\"?\n  at DIR/validation.tsv",
    );
    check(
        &[
            ("train.tsv", "participant_id\tsession_id\tage\nA\t1\tx\nB\t1\t7\n"),
            ("validation.tsv", "participant_id\tsession_id\tage\nA\t1\t\n"),
        ],
        &SplitOptions {
            target: Target::Number { column: "age".to_owned() },
            ..SplitOptions::default()
        },
        "E0405: on both sides of the split: A (row 2 of train, 2 of validation)\n  \
         at DIR/validation.tsv\n  help: split by participant: all sessions of one belong to one side\n\
         E0408: a number was expected, \"x\" was found\n  at DIR/train.tsv, row 2, column \"age\"\n\
         E0404: the cell is empty\n  at DIR/validation.tsv, row 2, column \"age\"\n  \
         help: fill it in, or leave the row out",
    );
    check(
        &[("train.tsv", TRAIN), ("validation.tsv", "participant_id\tsession_id\tdiagnosis\n")],
        &class(None),
        "E0409: the table has a header but no rows\n  at DIR/validation.tsv\n  \
         help: both sides of a split need at least one session",
    );
}

#[test]
fn a_folder_one_level_too_high_or_too_low_is_led_to_the_right_one() {
    let folds = [
        ("split/train.tsv", TRAIN),
        ("split/test_baseline.tsv", VALIDATION),
        ("split/5_fold/kfold.json", "{}"),
        ("split/5_fold/split-0/train.tsv", TRAIN),
        ("split/5_fold/split-0/validation.tsv", VALIDATION),
        ("split/5_fold/split-1/train.tsv", TRAIN),
    ];
    let found = "found 5_fold/, test_baseline.tsv, train.tsv";
    check_open(&folds, "split", &["E0406", "looked for train.tsv", found, "give DIR/split/5_fold"]);
    check_open(&folds, "", &["found split/", "give DIR/split/5_fold"]);
    let low = ["this is split 0", "give DIR/split/5_fold and ask for split 0"];
    check_open(&folds, "split/5_fold/split-0", &low);
    check_open(&folds, "split/5_fold/split-1", &["found train.tsv", "give DIR/split/5_fold"]);
    check_open(&folds, "split/5_fold/kfold.json", &["this is a file", "give DIR/split/5_fold"]);
    check_open(&folds, "split/5_flod", &["E0301", "did you mean \"5_fold\"?"]);
    check_open(&folds, "split/nothing/at/all", &["E0301"]);
    check_open(&[("a/b.txt", "")], "a", &["found b.txt", "tsvtools kfold"]);
    let both = [("train.tsv", TRAIN), ("validation.tsv", VALIDATION), ("split-0/train.tsv", TRAIN)];
    check_open(&both, "", &["both a single split", "split-0"]);
    let few = [
        ("kfold.json", "{\"n_splits\": 3}"),
        ("split-0/train.tsv", TRAIN),
        ("split-2/train.tsv", TRAIN),
    ];
    check_open(&few, "", &["E0406", "3 splits were made", "there are 2: 0, 2", "DIR/kfold.json"]);
    let twice = [("split-0/train.tsv", ""), ("fold-0/train.tsv", "")];
    check_open(&twice, "", &["split 0 is there twice: fold-0 and split-0"]);
}

#[test]
fn folds_are_found_by_number_under_both_names() {
    for word in ["split", "fold"] {
        let names: Vec<_> = (0..12)
            .flat_map(|k| ["train", "validation"].map(|side| format!("{word}-{k}/{side}.tsv")))
            .collect();
        let texts = [TRAIN, VALIDATION].into_iter().cycle();
        let files: Vec<_> = names.iter().map(String::as_str).zip(texts).collect();
        let folder = folder(&files);
        let splits = Splits::open(folder.path()).unwrap();
        assert_eq!(splits.indices(), (0..12).collect::<Vec<_>>());
        let all = splits.read_all(&splits.indices(), &class(None)).unwrap();
        assert!(all.iter().zip(0..).all(|(split, index)| split.index == index));
        let error = splits.read(12, &class(None)).unwrap_err().to_string();
        assert!(error.contains("no split 12; there are 0, 1, 2"), "{error}");
    }
}

#[test]
fn splits_trained_together_must_have_the_same_classes() {
    let other = TRAIN.replace("AD", "MCI");
    let other_validation = VALIDATION.replace("AD", "MCI");
    let folder = folder(&[
        ("split-0/train.tsv", TRAIN),
        ("split-0/validation.tsv", VALIDATION),
        ("split-1/train.tsv", &other),
        ("split-1/validation.tsv", &other_validation),
    ]);
    let splits = Splits::open(folder.path()).unwrap();
    let error = splits.read_all(&[0, 1], &class(None)).unwrap_err();
    assert_eq!(error.code(), Code::BadClasses);
    assert!(error.to_string().contains("split 0 has the classes AD, CN, but split 1 has CN, MCI"));
}

#[test]
fn options_are_read_strictly() {
    let options: SplitOptions = serde_json::from_str(
        r#"{"target": {"class": {"column": "diagnosis"}}, "valid_longitudinal": true}"#,
    )
    .unwrap();
    assert_eq!(options, SplitOptions { valid_longitudinal: true, ..class(None) });
    assert!(serde_json::from_str::<SplitOptions>(r#"{"longitudinal": true}"#).is_err());
}

#[test]
fn the_shared_splits_read() {
    let Some(shared) = crate::shared_data::shared_data() else { return };
    let root = shared.join("splits");
    let error = Splits::open(&root).unwrap_err().to_string();
    assert!(error.contains("splits/4_fold or ") && error.contains("splits/5_fold"), "{error}");
    let folds = Splits::open(&root.join("4_fold")).unwrap();
    assert_eq!(folds.indices(), [0, 1, 2, 3]);
    let split = folds.read(0, &class(None)).unwrap();
    assert_eq!((split.train.len(), split.validation.len()), (24, 8));
    let classes = split.classes.unwrap();
    assert_eq!(classes.names, ["AD", "CN"]);
    assert_eq!((classes.train, classes.validation), (vec![12, 12], vec![4, 4]));
    // ClinicaDL wrote this one with pandas' index in front.
    let group = "clinicadl_maps/patch_single/groups/train/split-1/data.tsv";
    let table = Table::read(&shared.join(group)).unwrap();
    assert_eq!(read_sessions(&table, &["diagnosis"]).unwrap().len(), 24);
}

#[test]
fn numbers_that_float32_does_not_hold_are_refused() {
    let target = Target::Number { column: "age".to_owned() };
    let large = VALIDATION.replace("80", "-1e39");
    check(
        &[("train.tsv", TRAIN), ("validation.tsv", &large)],
        &SplitOptions { target, ..SplitOptions::default() },
        "E0408: -1e39 is too large to be learned\n  at DIR/validation.tsv, row 2, column \"age\"\n  \
         help: give the column in another unit, or take its logarithm",
    );
}
