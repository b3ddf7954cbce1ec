use super::*;
use crate::tsv::labels::tests::{cells, fixture, unpack};

/// A folder with the tables of the fixture, and `labels.tsv`.
fn study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    unpack(&fixture()["given"], folder.path());
    let labels = fixture()["labels"]["all"].as_str().unwrap().to_owned();
    std::fs::write(folder.path().join("labels.tsv"), labels).unwrap();
    folder
}

#[test]
fn statistics_are_those_of_clinicadl() {
    let folder = study();
    let file = |name: &str| folder.path().join(name);
    let done = analysis(&file("labels.tsv"), &file("merged.tsv"), &[], &file("a.tsv")).unwrap();
    let found = cells(&std::fs::read_to_string(file("a.tsv")).unwrap());
    let expected = cells(fixture()["analysis"].as_str().unwrap());
    assert_eq!(found.len(), 3);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, value) in found {
            match (value.parse::<f64>(), expected[name].parse::<f64>()) {
                (Ok(value), Ok(expected)) => assert!((value - expected).abs() < 1e-12, "{name}"),
                _ => assert_eq!(*value, expected[name], "{name}"),
            }
        }
    }
    assert!(done.notes.is_empty(), "{:?}", done.notes);
    let one = analysis(&file("labels.tsv"), &file("merged.tsv"), &["MCI".into()], &file("b.tsv"));
    assert_eq!(one.unwrap().groups[0].0, "MCI");
}

/// A table of labels alone says age and sex.
#[test]
fn what_is_not_known_is_empty_and_told() {
    let folder = study();
    let file = |name: &str| folder.path().join(name);
    let done = analysis(&file("labels.tsv"), &file("labels.tsv"), &[], &file("a.tsv")).unwrap();
    let (name, values) = &done.groups[0];
    assert_eq!(
        (name.as_str(), values[0], values[5], values[6]),
        ("AD", Some(4.0), Some(1.0), Some(3.0))
    );
    assert!(values[7..16].iter().all(Option::is_none), "{values:?}");
    assert_eq!(done.notes.len(), 2, "{:?}", done.notes);
    let text = std::fs::read_to_string(file("labels.tsv")).unwrap();
    std::fs::write(file("few.tsv"), text.replace("70.0\tF", "\t")).unwrap();
    let done =
        analysis(&file("labels.tsv"), &file("few.tsv"), &["CN".into()], &file("b.tsv")).unwrap();
    assert!(
        done.notes.contains(&"CN: 1 of 2 participants without an age".to_owned()),
        "{:?}",
        done.notes
    );
}

#[test]
fn wrong_values_and_diagnoses_are_named() {
    let folder = study();
    let file = |name: &str| folder.path().join(name);
    let text = std::fs::read_to_string(file("merged.tsv")).unwrap();
    std::fs::write(file("wrong.tsv"), text.replace("70\t70\tF", "70\told\t2")).unwrap();
    let error = analysis(&file("labels.tsv"), &file("wrong.tsv"), &[], &file("a.tsv")).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("a sex is F or M, not \"2\"") && words.contains("row 2, column \"sex\""),
        "{words}"
    );
    assert!(words.contains("a number was expected, \"old\" was found"), "{words}");
    let wanted = ["AD".to_owned(), "NC".to_owned()];
    let error =
        analysis(&file("labels.tsv"), &file("merged.tsv"), &wanted, &file("a.tsv")).unwrap_err();
    assert_eq!(error.code(), Code::EmptySelection);
    assert!(!file("a.tsv").exists());
}

#[test]
fn ratings_that_are_none_and_missing_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let text = "participant_id\tsession_id\tdiagnosis\tage\tsex\tMMSE\tcdr_global\n\
                A\tses-M000\tAD\t70\tF\t20\t0.5\nB\tses-M000\tAD\t71\tM\t21\t0.7\n\
                C\tses-M000\tAD\t72\tF\t22\t\n";
    std::fs::write(file("t.tsv"), text).unwrap();
    let done = analysis(&file("t.tsv"), &file("t.tsv"), &[], &file("a.tsv")).unwrap();
    let of = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
    assert_eq!(done.groups[0].1[of("CDR_0.5")], Some(1.0));
    let expected = [
        "AD: 1 of 3 participants without a CDR",
        "AD: ratings that are no CDR are not counted: 0.7",
    ];
    assert_eq!(done.notes, expected);
}

/// Otherwise the last of them would win.
#[test]
fn a_session_that_is_known_twice_is_refused() {
    let folder = study();
    let file = |name: &str| folder.path().join(name);
    let text = std::fs::read_to_string(file("merged.tsv")).unwrap();
    let (head, rest) = text.split_once('\n').unwrap();
    let first = rest.lines().next().unwrap().replace("ses-M000", "ses-M00");
    std::fs::write(file("twice.tsv"), format!("{head}\n{first}\n{rest}")).unwrap();
    let error = analysis(&file("labels.tsv"), &file("twice.tsv"), &[], &file("a.tsv")).unwrap_err();
    assert_eq!(error.code(), Code::DuplicateRow);
}
