//! `host check` of data: everything that is wrong is told at once, and once read is known.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use neurhai_core::volume::{self, Volume};
use serde_json::Value;

use crate::{Place, host, said, shared_data};

fn check(place: &Place, words: &str) -> Output {
    host(place.path()).arg("check").args(words.split_whitespace()).output().unwrap()
}

/// The findings as JSON, of a check that must end with this code.
#[track_caller]
fn found(place: &Place, words: &str, code: i32) -> Vec<Value> {
    let output = check(place, &format!("{words} --json"));
    assert_eq!(output.status.code(), Some(code), "{words}: {}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// Asserts that one of the findings has this code and severity and holds these words.
#[track_caller]
fn has(findings: &[Value], code: &str, severity: &str, words: &[&str]) {
    let fits = |finding: &&Value| {
        let text = finding.to_string();
        finding["code"] == code
            && finding["severity"] == severity
            && words.iter().all(|w| text.contains(w))
    };
    let shown: Vec<String> = findings.iter().map(Value::to_string).collect();
    assert_eq!(
        findings.iter().filter(fits).count(),
        1,
        "{code} {words:?} in\n{}",
        shown.join("\n")
    );
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Volume)) {
    let mut volume = volume::read(file).unwrap();
    change(&mut volume);
    volume.write(file).unwrap();
}

/// Waits until the times of the images would show a change; some file systems count whole seconds.
fn settle(place: &Place) {
    let seconds = |image: &PathBuf| image.metadata().unwrap().ctime_nsec() == 0;
    let tick = if place.images().iter().any(seconds) { 2100 } else { 80 };
    std::thread::sleep(Duration::from_millis(tick));
}

#[test]
fn a_sound_caps_is_read_once() {
    let place = Place::new();
    settle(&place);
    let first = check(&place, "data/caps");
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let text = said(&first);
    for part in ["20×22×18 (12)", "RAS (12)", "float32 (12)", "nothing is wrong; 12 images; "] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("not changed since"), "{text}");
    let second = said(&check(&place, "data/caps"));
    assert!(second.contains("all checked before and not changed since (--fresh"), "{second}");
    let fresh = said(&check(&place, "data/caps --fresh"));
    assert!(!fresh.contains("not changed since"), "{fresh}");
    // One image changes, and that one is read.
    rewrite(&place.images()[3], |volume| volume.voxels[0] += 1.0);
    let third = said(&check(&place, "data/caps"));
    assert!(third.contains("11 checked before and not changed since"), "{third}");
}

#[test]
fn everything_that_is_wrong_with_images_is_told_at_once_and_again_from_memory() {
    let place = Place::new();
    let images = place.images();
    let whole = std::fs::read(&images[0]).unwrap();
    std::fs::write(&images[0], &whole[..whole.len() / 2]).unwrap();
    let mut flipped = std::fs::read(&images[1]).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    std::fs::write(&images[1], flipped).unwrap();
    rewrite(&images[2], |volume| volume.voxels[5] = f32::NAN);
    rewrite(&images[3], |volume| volume.voxels.iter_mut().for_each(|voxel| *voxel = 2.5));
    // Mirrored: the same voxels, said to lie the other way round.
    rewrite(&images[4], |volume| {
        volume.affine[0][0] *= -1.0;
        volume.voxels[0] += 1.0;
    });
    rewrite(&images[5], |volume| volume.affine[1][3] += 7.5);
    rewrite(&images[6], |volume| (0..3).for_each(|axis| volume.affine[axis][axis] *= 2.0));
    let small = volume::read(&images[7]).unwrap();
    volume::write(&images[7], [18, 22, 20], &small.voxels, &small.affine).unwrap();
    // A copy under another's name, packed otherwise.
    let copied = volume::read(&images[9]).unwrap();
    volume::write(&images[8], copied.shape, &copied.voxels, &copied.affine).unwrap();
    std::fs::remove_file(&images[10]).unwrap();
    settle(&place);
    let findings = found(&place, "data/caps", 1);
    has(&findings, "E0304", "error", &["sub-PHAN000", "cut short"]);
    has(&findings, "E0304", "error", &["sub-PHAN001", "damaged"]);
    has(&findings, "E0309", "error", &["sub-PHAN002", "1 voxels are NaN"]);
    has(&findings, "E0308", "error", &["sub-PHAN003", "2.5"]);
    has(&findings, "E0318", "error", &["sub-PHAN004", "lead LAS, those of the others RAS"]);
    has(&findings, "E0318", "warning", &["sub-PHAN005", "up to 7.5 mm"]);
    has(&findings, "E0318", "error", &["sub-PHAN006", "mm apart"]);
    has(&findings, "E0310", "error", &["sub-PHAN007", "18×22×20"]);
    has(&findings, "E0319", "error", &["sub-PHAN009", "the image of sub-PHAN008 ses-M000"]);
    has(&findings, "E0306", "warning", &["sub-PHAN010"]);
    assert_eq!(findings.len(), 10, "{findings:#?}");
    // Sorted: errors first, then by code.
    let order: Vec<(bool, &str)> =
        findings.iter().map(|f| (f["severity"] != "error", f["code"].as_str().unwrap())).collect();
    assert!(order.is_sorted(), "{order:?}");
    // What is known from the first time says the same, and so does one thread.
    assert_eq!(found(&place, "data/caps", 1), findings);
    assert_eq!(found(&place, "data/caps --fresh", 1), findings);
    // What is asked for, every session must have.
    let asked = found(&place, "data/caps --preprocessing t1-linear", 1);
    has(&asked, "E0306", "error", &["sub-PHAN010"]);
    // The table tells each remedy once.
    let text = said(&check(&place, "data/caps"));
    assert!(text.contains("all checked before and not changed since"), "{text}");
    assert_eq!(text.matches("copy the file again").count(), 1, "{text}");
    assert!(text.contains("8 errors and 2 warnings; 11 images; "), "{text}");
}

#[test]
fn a_table_is_read_cell_by_cell() {
    let place = Place::new();
    let file = place.path().join("t.tsv");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let mut text = String::from("participant_id\tsession_id\tage\tdiagnosis\n");
    for i in 0..12 {
        let diagnosis = ["AD", "CN"][i % 2];
        text += &format!("sub-PHAN{i:03}\tses-M000\t{}\t{diagnosis}\n", 60 + i);
    }
    write(&text);
    let fine = check(&place, "t.tsv --caps data/caps");
    assert_eq!(fine.status.code(), Some(0), "{}", said(&fine));
    assert!(said(&fine).contains("AD (6), CN (6)"), "{}", said(&fine));
    assert!(said(&fine).contains("nothing is wrong; 12 images"), "{}", said(&fine));
    text += "sub-PHAN12\tses-M0\t61,5\tad\nsub-PHAN012\tses-M000\t\tCN\n";
    write(&text);
    let findings = found(&place, "t.tsv --caps data/caps", 1);
    has(&findings, "E0412", "warning", &["sub-PHAN12", "sub-PHAN012", "\"row\":14"]);
    has(&findings, "E0412", "warning", &["ses-M0", "ses-M000", "session_id"]);
    has(
        &findings,
        "E0412",
        "warning",
        &["\\\"ad\\\" and \\\"AD\\\" (6 times)", "\"column\":\"diagnosis\""],
    );
    has(&findings, "E0408", "warning", &["61,5", "write decimals with a point", "\"row\":14"]);
    has(&findings, "E0404", "warning", &["1 of 14 cells of \\\"age\\\"", "rows 15"]);
    has(&findings, "E0306", "error", &["sub-PHAN12", "ses-M0"]);
    has(&findings, "E0306", "error", &["sub-PHAN012", "the participant has no folder"]);
    write(&format!("{text}sub-PHAN000\tses-M000\t60\tAD\n\tses-M000\t60\tAD\n"));
    let findings = found(&place, "t.tsv", 1);
    has(&findings, "E0403", "error", &["row 2 already", "\"row\":16"]);
    has(&findings, "E0404", "error", &["participant_id", "\"row\":17"]);
    write("participant_id,session_id\nsub-1,ses-1\n");
    has(&found(&place, "t.tsv", 1), "E0401", "error", &["separated by ','"]);
    std::fs::write(&file, b"participant_id\tsession_id\nsub-\xff\tses-1\n").unwrap();
    has(&found(&place, "t.tsv", 1), "E0401", "error", &["not UTF-8", "\"row\":2"]);
}

#[test]
fn leakage_is_found_between_sides_folds_and_the_test_set() {
    let place = Place::new();
    assert_eq!(found(&place, "data/splits --caps data/caps", 0), Vec::<Value>::new());
    let splits = place.path().join("folds");
    let table = |file: &str, rows: &[usize]| {
        let path = splits.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut text = String::from("participant_id\tsession_id\tdiagnosis\n");
        for i in rows {
            text += &format!("sub-{i:02}\tses-M000\t{}\n", ["AD", "CN"][i % 2]);
        }
        std::fs::write(path, text).unwrap();
    };
    let all: Vec<usize> = (0..30).collect();
    table("split-0/train.tsv", &all[..20]);
    table("split-0/validation_baseline.tsv", &all[20..]);
    table("split-1/train.tsv", &all[9..]);
    table("split-1/validation_baseline.tsv", &all[..10]);
    table("split-2/train.tsv", &all[..10]);
    let odd: Vec<usize> = (0..10).map(|i| 2 * i + 11).collect();
    table("split-2/validation_baseline.tsv", &odd);
    table("test_baseline.tsv", &[29, 40]);
    let findings = found(&place, "folds", 1);
    has(
        &findings,
        "E0405",
        "error",
        &[
            "sub-09 is in train and in validation of split-1",
            "\"participant\":\"sub-09\"",
            "\"row\":11",
        ],
    );
    has(&findings, "E0405", "error", &["sub-29 is in validation and in test of split-0"]);
    has(&findings, "E0405", "error", &["sub-29 is in train and in test of split-1"]);
    has(
        &findings,
        "E0405",
        "warning",
        &["split-0 and split-2 both validate on 5 participants: sub-21"],
    );
    has(
        &findings,
        "E0407",
        "warning",
        &["\\\"AD\\\" is in train (5 times), not in validation", "split-2"],
    );
    // 5 and 5 against 0 and 10: scipy.stats.chi2_contingency([[5, 5], [0, 10]], correction=False).pvalue
    has(&findings, "E0407", "warning", &["AD 50 % and 0 %, CN 50 % and 100 %", "p = 9.8e-3"]);
}

#[test]
fn a_script_is_told_of_copied_images_too() {
    let place = Place::new();
    let images = place.images();
    let whole = std::fs::read(&images[0]).unwrap();
    std::fs::copy(&images[1], &images[0]).unwrap();
    place.script("TRAIN");
    let output = check(&place, "script.rhai");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["E0319", "the image of sub-PHAN000", "it would run, but on data with errors"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!place.path().join("maps").exists());
    // A mirrored image is told where training begins, too.
    std::fs::write(&images[0], whole).unwrap();
    rewrite(&images[0], |volume| volume.affine[0][0] *= -1.0);
    let text = said(&place.run("TRAIN"));
    assert!(text.contains("warning: E0318: its axes lead LAS, those of the others RAS"), "{text}");
    let refused = check(&place, "script.rhai --fresh");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}

/// Where no id of a table is the CAPS's own, each session says how it is written there.
#[test]
fn ids_that_are_written_otherwise_are_told_with_those_that_are_there() {
    let place = Place::new();
    let labels = std::fs::read_to_string(place.path().join("data/labels.tsv")).unwrap();
    let padded = labels.replace("ses-M000", "ses-M0");
    std::fs::write(place.path().join("padded.tsv"), padded).unwrap();
    let output = check(&place, "padded.tsv --caps data/caps");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("12 errors") && text.contains("ses-M000 is there"), "{text}");
    let output = check(&place, "data/no_such_caps");
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(text.contains("there is nothing at \"data/no_such_caps\""), "{text}");
}

#[test]
fn what_is_no_data_is_said_so() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    std::fs::write(place.path().join("data/README"), "text").unwrap();
    for (path, code, words) in [
        ("empty", 1, "there is no folder subjects/"),
        ("empty", 1, "empty: a folder"),
        ("data/README", 2, "is no script, nor data"),
        ("absent.tsv", 2, "absent.tsv"),
        ("absent.rhai", 2, "there is no script"),
        ("data/caps --preprocessing pet-linear", 2, "pet-linear needs --tracer"),
        ("data/caps --tracer 18FFDG", 2, "--tracer needs --preprocessing"),
    ] {
        let output = check(&place, path);
        assert_eq!(output.status.code(), Some(code), "{path}: {}", said(&output));
        assert!(said(&output).contains(words), "{path}: {}", said(&output));
    }
}

#[test]
fn an_image_is_described() {
    let place = Place::new();
    let image: PathBuf = place.images().remove(0);
    let info = |words: &[&str]| {
        let output = host(place.path()).arg("info").arg(&image).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = info(&[]);
    for part in ["20 × 22 × 18", "RAS", "float32"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let facts: Value = serde_json::from_str(&info(&["--json"])).unwrap();
    assert_eq!(facts["shape"], serde_json::json!([20, 22, 18]));
    assert_eq!(facts["not_finite"], 0);
}

/// The data that ClinicaDL was measured on, where they lie beside the repository.
#[test]
fn the_shared_data_are_in_order() {
    let Some(data) = shared_data() else { return };
    let place = Place::new();
    for path in ["caps", "labels.tsv", "splits", "splits/4_fold", "splits/5_fold"] {
        let output = host(place.path()).arg("check").arg(data.join(path)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{path}: {}", said(&output));
    }
}
