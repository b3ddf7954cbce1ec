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
fn folds_without_a_rare_diagnosis_are_told_of() {
    let expected = "there are fewer participants of AD than folds: some folds hold none";
    for words in ["kfold T --output O", "experiment T --output O --balance none"] {
        assert_eq!(said(&rows(3, 20), words).unwrap().warnings, [expected], "{words}");
        assert!(said(&rows(10, 20), words).unwrap().warnings.is_empty());
    }
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
