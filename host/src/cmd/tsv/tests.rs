//! What the commands say.

use clap::Parser;

use super::*;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// What `host tsv` with these words does; `T` is a table of `rows`, `O` an output, `M` another table
/// of sessions with a column more.
fn said(rows: &[String], words: &str) -> Result<Done> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let head = "participant_id\tsession_id\tage\tdiagnosis\n";
    std::fs::write(file("T"), format!("{head}{}", rows.concat())).unwrap();
    std::fs::write(file("M"), "participant_id\tsession_id\tsite\n").unwrap();
    let words = words.split_whitespace().map(|word| match word {
        "T" | "M" | "O" => file(word).display().to_string(),
        word => word.to_owned(),
    });
    done(Line::parse_from(["tsv".to_owned()].into_iter().chain(words)).args)
}

/// Participants, the first of whom are ill.
fn rows(ill: usize, n: usize) -> Vec<String> {
    let diagnosis = |i| if i < ill { "AD" } else { "CN" };
    (0..n).map(|i| format!("{i:02}\tses-M000\t{}\t{}\n", 60 + i * i, diagnosis(i))).collect()
}

#[test]
fn sides_without_a_diagnosis_are_told_of() {
    let nobody = |side: &str| format!("nobody in {side} has diagnosis AD");
    for words in ["kfold T --output O", "experiment T --output O --balance none"] {
        let found = said(&rows(3, 20), words).unwrap().warnings;
        let folds = ["split-3 validation", "split-4 validation"].map(nobody);
        assert!(folds.iter().all(|fold| found.contains(fold)), "{words}: {found:?}");
        assert!(said(&rows(10, 20), words).unwrap().warnings.is_empty());
    }
    let words = "split T --output O --balance none --size 2";
    assert_eq!(said(&rows(1, 20), words).unwrap().warnings, [nobody("validation")]);
    let words = "split T --output O --balance none --size 2 --stratify none";
    assert_eq!(said(&rows(20, 20), words).unwrap().warnings, [""; 0]);
}

#[test]
fn what_is_usually_done_and_cannot_be_is_told() {
    let found = said(&rows(10, 20), "split T --output O").unwrap().warnings;
    let sex = "there is no column sex: the sides are not balanced in it; name another column with \
               --balance, or none";
    assert!(found.iter().any(|text| text == sex), "{found:?}");
    let folder = tempfile::tempdir().unwrap();
    let (table, output) = (folder.path().join("T"), folder.path().join("O"));
    std::fs::write(&table, "participant_id\tsession_id\n1\ts\n2\ts\n").unwrap();
    let words = ["tsv", "kfold", &table.display().to_string(), "--splits", "2", "--output"]
        .map(str::to_owned)
        .into_iter()
        .chain([output.display().to_string()]);
    let found = done(Line::parse_from(words).args).unwrap().warnings;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("there is no column diagnosis: the sides are not stratified"));
}

#[test]
fn lines_of_an_experiment_have_names_of_their_own() {
    let words = "experiment T --output O --balance none --validation 0.25";
    let text = said(&rows(10, 20), words).unwrap().text;
    let names = ["train  ", "test  ", "split train  ", "split validation  "];
    assert_eq!(names.map(|name| text.matches(&format!("\n{name}")).count()), [1; 4], "{text}");
}

#[test]
fn of_missing_sessions_twenty_are_named() {
    let warnings = |n| said(&rows(2, n), "metadata T M --output O").unwrap().warnings;
    assert_eq!(warnings(20).len(), 20);
    let many = warnings(25);
    assert_eq!(many.len(), 20);
    assert!(many[0].starts_with("00 ses-M000 is not in "), "{many:?}");
    assert!(many[19].starts_with("19 ses-M000 ") && many[19].ends_with(", and 5 more"), "{many:?}");
}

#[test]
fn what_cannot_be_balanced_says_which_option_helps() {
    let error = said(&rows(4, 8), "split T --output O --balance age=1 --attempts 9").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no division of 9 into train and validation"), "{text}");
    assert!(text.contains("--balance age=0.5,sex=0.5, or for nothing: --balance none"), "{text}");
    // Other mistakes keep their own help.
    let text = said(&rows(4, 8), "split T --output O --size 8").unwrap_err().to_string();
    assert!(text.contains("8 of 8 participants") && !text.contains("--balance"), "{text}");
}

#[test]
fn a_horizon_lies_ahead() {
    let line =
        |months| Line::try_parse_from(["tsv", "progression", "T", "-o", "O", "--horizon", months]);
    assert!(line("1").is_ok() && line("0").is_err());
}
