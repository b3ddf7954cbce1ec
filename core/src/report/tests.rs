use std::fs;

use super::*;
use crate::import::Prediction;

fn row(participant: &str, truth: f64, probabilities: &[f64]) -> Prediction {
    let best = (0..probabilities.len()).fold(0, |best, class| {
        if probabilities[class] > probabilities[best] { class } else { best }
    });
    Prediction {
        cohort: None,
        participant: participant.into(),
        session: "ses-M000".into(),
        part: 0,
        truth: Some(truth),
        predicted: best as f64,
        probabilities: probabilities.to_vec(),
    }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

/// By hand: of the pairs of a positive and a negative image (0.9, 0.6, 0.4 against 0.6, 0.2), 4 are in
/// order, 1 ties and 1 is not: (4 + ½) / 6.
#[test]
fn two_classes_have_the_figures_that_they_have_by_hand() {
    let rows = [
        row("a", 0.0, &[0.9, 0.1]),
        row("b", 0.0, &[0.6, 0.4]),
        row("c", 0.0, &[0.4, 0.6]),
        row("d", 1.0, &[0.6, 0.4]),
        row("e", 1.0, &[0.2, 0.8]),
    ];
    let names = ["AD".to_owned(), "CN".to_owned()];
    let catalog = Catalog::built_in().unwrap();
    let found = classes::figures(&rows, &names, &catalog).unwrap().unwrap();
    assert_eq!(found.counts, [[2, 1], [1, 1]]);
    near(found.recall[0].unwrap().0, 2.0 / 3.0);
    let [roc] = &found.roc[..] else { panic!("one curve for two classes") };
    near(roc.area.unwrap(), 4.5 / 6.0);
    assert_eq!(roc.images, (3, 2));
    let third = 1.0 / 3.0;
    let expected = [(0.0, 0.0), (0.0, third), (0.5, 2.0 * third), (0.5, 1.0), (1.0, 1.0)];
    for (point, expected) in roc.points.iter().zip(expected) {
        near(point.0, expected.0);
        near(point.1, expected.1);
    }
    assert_eq!(roc.points.len(), 5);
    // Bins of 0.2, 0.4, 0.6 (two images, one of them AD) and 0.9.
    let bins: Vec<_> = found.calibration.iter().map(|b| (b.images, b.share)).collect();
    assert_eq!(bins, [(1, 0.0), (1, 1.0), (2, 0.5), (1, 1.0)]);
    // (0.1² + 0.4² + 0.6² + 0.6² + 0.2²) / 5.
    near(found.brier.unwrap(), 0.93 / 5.0);
}

#[test]
fn each_of_several_classes_stands_against_the_rest_and_unlabelled_images_do_not_count() {
    let mut rows = vec![
        row("a", 0.0, &[0.6, 0.3, 0.1]),
        row("b", 1.0, &[0.2, 0.5, 0.3]),
        row("c", 2.0, &[0.1, 0.5, 0.4]),
        row("d", 2.0, &[0.1, 0.2, 0.7]),
    ];
    rows.push(Prediction { truth: None, ..row("e", 0.0, &[0.6, 0.3, 0.1]) });
    let names = ["x", "y", "z"].map(str::to_owned);
    let catalog = Catalog::built_in().unwrap();
    let found = classes::figures(&rows, &names, &catalog).unwrap().unwrap();
    assert_eq!(found.counts, [[1, 0, 0], [0, 1, 0], [0, 1, 1]]);
    let areas: Vec<f64> = found.roc.iter().map(|roc| roc.area.unwrap()).collect();
    // y: 0.5 against 0.3, 0.5 and 0.2, of which one ties.
    assert_eq!(areas.len(), 3);
    [1.0, 2.5 / 3.0, 1.0].iter().zip(&areas).for_each(|(expected, found)| near(*found, *expected));
    let bins: u64 = found.calibration.iter().map(|bin| bin.images).sum();
    assert_eq!(bins, 4);
    assert!(classes::figures(&rows[4..], &names, &catalog).unwrap().is_none());
    let error = classes::figures(&[row("f", 7.0, &[0.1, 0.2, 0.7])], &names, &catalog).unwrap_err();
    assert_eq!(error.code(), crate::Code::BadClasses);
}

/// Errors −1, 1, 3: mean 1, standard deviation 2, limits 1 ± 3.92; t(0.975, 2) = 4.302653 of SciPy.
#[test]
fn a_regression_has_bland_and_altman_s_limits() {
    let number = |truth: f64, predicted: f64| Prediction { predicted, ..row("a", truth, &[]) };
    let rows = [number(10.0, 9.0), number(20.0, 21.0), number(30.0, 33.0)];
    let found = numbers::figures(&rows).unwrap();
    near(found.bias.value, 1.0);
    near(found.deviation.unwrap(), 2.0);
    let [lower, upper] = found.limits.unwrap();
    near(lower.value, -2.92);
    near(upper.value, 4.92);
    let t = 4.302_652_729_749_464;
    let (low, high) = found.bias.interval.unwrap();
    assert!((low - (1.0 - t * 2.0 / 3f64.sqrt())).abs() < 1e-6, "{low}");
    assert!((high - (1.0 + t * 2.0 / 3f64.sqrt())).abs() < 1e-6, "{high}");
    // The errors grow evenly with the truth.
    near(found.error_with_truth.unwrap(), 1.0);
    assert_eq!(found.errors.counts.iter().sum::<u64>(), 3);
    near(found.errors.quartiles[2], 1.0);
    assert!(numbers::figures(&[]).is_none());
    assert!(numbers::figures(&rows[..1]).unwrap().limits.is_none());
}

#[test]
fn histograms_hold_every_value_the_largest_too() {
    let values = [0.0, 1.0, 2.0, 3.0, 10.0, f64::NAN];
    let found = numbers::histogram("x", &values).unwrap();
    assert_eq!((found.bins, &found.counts[..]), ((0.0, 2.0), &[2, 2, 0, 0, 1][..]));
    assert_eq!(found.quartiles, [0.0, 1.0, 2.0, 3.0, 10.0]);
    assert_eq!(numbers::histogram("x", &[4.0, 4.0]).unwrap().counts.iter().sum::<u64>(), 2);
    assert!(numbers::histogram("x", &[f64::NAN]).is_none());
}

/// An experiment folder by hand: one finished split of two, with these rows in validation.
pub(crate) fn folder(root: &Path, rows: &[Prediction], maps: serde_json::Value) {
    let write = |name: &str, text: &str| {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let mut whole = serde_json::json!({
        "network_task": "classification", "label": "diagnosis", "label_code": { "AD": 0, "CN": 1 },
        "selection_metrics": ["loss"], "split": [0], "architecture": "Small",
        "neurhai": { "configuration": {
            "epochs": 3, "learning_rate": 0.001, "data": { "mode": "image", "normalize": true },
        } },
    });
    for (key, value) in maps.as_object().unwrap() {
        whole[key] = value.clone();
    }
    write("maps.json", &whole.to_string());
    let mut table =
        "participant_id\tsession_id\timage_id\ttrue_label\tpredicted_label\tproba0\tproba1\n"
            .to_owned();
    let mut members = "participant_id\tsession_id\tcohort\tdiagnosis\n".to_owned();
    for row in rows {
        let (who, truth) = (&row.participant, row.truth.unwrap());
        let [first, second] = row.probabilities[..] else { panic!("two classes") };
        let visit = &row.session;
        table += &format!("{who}\t{visit}\t0\t{truth}\t{}\t{first}\t{second}\n", row.predicted);
        members += &format!("{who}\t{visit}\tsingle\t{}\n", ["AD", "CN"][truth as usize]);
    }
    let best = "split-0/best-loss/validation/validation_image_level";
    write(&format!("{best}_prediction.tsv"), &table);
    let right = rows.iter().filter(|row| row.truth == Some(row.predicted)).count();
    let share = right as f64 / rows.len() as f64;
    write(
        &format!("{best}_metrics.tsv"),
        &format!(
            "Metrics\tBA\taccuracy\nValues\t{share}\t{share}\nLower bound CI\t0.2\t0.2\nUpper bound CI\t0.9\t0.9\nSE\t0.1\t0.1\n"
        ),
    );
    write("groups/validation/split-0/data.tsv", &members);
    let mut train = "participant_id\tsession_id\tcohort\tdiagnosis\n".to_owned();
    (0..8).for_each(|i| {
        train += &format!("sub-T{i}\tses-M000\tsingle\t{}\n", if i < 6 { "AD" } else { "CN" })
    });
    write("groups/train/split-0/data.tsv", &train);
    write(
        "split-0/training_logs/training.tsv",
        "epoch\titeration\tloss_train\tloss_valid\n0\t2\t0.9\t0.8\n0\t4\t0.7\t0.75\n1\t4\t0.5\t0.6\n2\t4\tn/a\t0.65\n",
    );
}

fn mistaken() -> Vec<Prediction> {
    vec![
        row("sub-A", 0.0, &[0.7, 0.3]),
        row("sub-B", 0.0, &[0.2, 0.8]),
        row("sub-C", 1.0, &[0.9, 0.1]),
        row("sub-D", 1.0, &[0.4, 0.6]),
        row("sub-E", 1.0, &[0.45, 0.55]),
    ]
}

#[test]
fn a_folder_is_read_with_what_a_reader_should_know() {
    let folder = tempfile::tempdir().unwrap();
    let maps = serde_json::json!({ "split": [0, 1] });
    self::folder(folder.path(), &mistaken(), maps);
    let leaked = folder.path().join("groups/validation/split-0/leaked.tsv");
    fs::write(leaked, "participant_id\tlearned_in\nsub-A\ttrain\n").unwrap();
    let found = report(folder.path(), &Catalog::built_in().unwrap()).unwrap();
    let steps: Vec<_> = found.flow.iter().map(|s| (s.step.as_str(), s.images)).collect();
    assert_eq!(steps, [("train, split 0", 8), ("validation, split 0", 5)]);
    assert_eq!(found.flow[0].classes, [("AD".to_owned(), 6), ("CN".to_owned(), 2)]);
    let curve = &found.curves[0].curves[0];
    assert_eq!((&curve.epochs[..], curve.best), (&[0.5, 1.0, 2.0, 3.0][..], Some(2)));
    assert_eq!((curve.train[3], found.curves[0].epochs), (None, 3));
    let worst: Vec<_> =
        found.groups[0].worst.iter().map(|case| case.participant.as_str()).collect();
    assert_eq!(worst, ["sub-C", "sub-B"]);
    assert!(found.groups[0].worst[0].pictures.is_empty());
    let warned = |gravity: Gravity, words: &str| {
        let all = &found.warnings;
        let there = all.iter().any(|one| one.gravity == gravity && one.text.contains(words));
        assert!(there, "{words:?} is not in {all:#?}");
    };
    warned(Gravity::Problem, "Leakage: people in validation were also learned from (1 in split 0)");
    warned(Gravity::Problem, "Split 1 is not begun");
    warned(Gravity::Caution, "Few images in validation: 5.");
    warned(Gravity::Caution, "6 images of AD and 2 of CN");
    warned(
        Gravity::Caution,
        "The interval of BA does not exclude chance, 0.5: validation (split 0, best loss): 0.20 to 0.90.",
    );
    assert!(found.warnings.is_sorted_by_key(|warning| warning.gravity));
    assert_eq!((&found.finished[..], found.planned), (&[0][..], 2));
    assert!(found.methods.contains("1 of 2 planned splits is finished"), "{}", found.methods);
    // One that nobody allowed, as ClinicaDL might have it.
    fs::remove_file(folder.path().join("groups/validation/split-0/leaked.tsv")).unwrap();
    let train = folder.path().join("groups/train/split-0/data.tsv");
    let text = fs::read_to_string(&train).unwrap();
    fs::write(&train, text.replace("sub-T0", "sub-A")).unwrap();
    let found = report(folder.path(), &Catalog::built_in().unwrap()).unwrap();
    assert_eq!(found.shared_people, 1);
    assert!(found.warnings[0].text.starts_with("Leakage: 1 people"), "{:#?}", found.warnings);
    assert!(found.methods.contains("Some participants were on both sides"), "{}", found.methods);
}

/// What `host predict` wrote of a group is told where its scores are.
#[test]
fn people_of_a_group_who_were_learned_from_are_told() {
    let folder = tempfile::tempdir().unwrap();
    self::folder(folder.path(), &mistaken(), serde_json::json!({}));
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let metrics = "Metrics\tBA\nValues\t1.0\n";
    write("split-0/best-loss/seen/seen_image_level_metrics.tsv", metrics);
    let about = r#"{ "caps_directory": "/caps", "neurhai": { "leaked": ["sub-A", "sub-B"] } }"#;
    write("groups/seen/maps.json", about);
    let catalog = Catalog::built_in().unwrap();
    let found = report(folder.path(), &catalog).unwrap();
    assert_eq!(found.leaked, [("seen".to_owned(), 2)]);
    let first = &found.warnings[0];
    assert_eq!(first.gravity, Gravity::Problem);
    assert!(
        first.text.starts_with("Leakage: the networks were trained or chosen on 2 of"),
        "{first:?}"
    );
    for words in ["no set of people whom they had not seen", "on 2 of the people of the group seen"]
    {
        assert!(found.methods.contains(words), "{words:?} is not in {}", found.methods);
    }
    // Another group that nobody of had been seen is one that tells.
    write("split-0/best-loss/new/new_image_level_metrics.tsv", metrics);
    write("groups/new/maps.json", r#"{ "neurhai": { "leaked": [] } }"#);
    let found = report(folder.path(), &catalog).unwrap();
    assert!(!found.methods.contains("no set of people"), "{}", found.methods);
}

/// Splits are a k-fold division where nobody is in validation of two of them.
#[test]
fn repeated_splits_are_not_called_folds() {
    let folder = tempfile::tempdir().unwrap();
    let maps = serde_json::json!({ "split": [0, 1], "validation": "KFoldSplit" });
    self::folder(folder.path(), &mistaken(), maps);
    fs::create_dir_all(folder.path().join("split-1")).unwrap();
    let members = |people: [&str; 2]| {
        for (group, person) in [("train", "sub-T0"), ("validation", people[0])] {
            let file = folder.path().join("groups").join(group).join("split-1/data.tsv");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let rows = [person, people[1]].map(|who| format!("{who}\tses-M000\tsingle\tAD\n"));
            let head = "participant_id\tsession_id\tcohort\tdiagnosis\n";
            fs::write(file, format!("{head}{}", rows.concat())).unwrap();
        }
        report(folder.path(), &Catalog::built_in().unwrap()).unwrap()
    };
    let found = members(["sub-X", "sub-Y"]);
    assert!(found.folds && found.methods.contains("2 splits of a k-fold division were used"));
    let found = members(["sub-A", "sub-Y"]);
    assert!(!found.folds && found.methods.contains("2 splits were used"), "{}", found.methods);
}

/// Ages come from the tables that training read, not from what lies in their place now.
#[test]
fn tables_that_changed_tell_nothing_of_who_took_part() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let table = data.path().join("train.tsv");
    let text =
        "participant_id\tsession_id\tage\tsex\nsub-A\tses-M000\t60\tF\nsub-B\tses-M000\t70\tM\n";
    fs::write(&table, text).unwrap();
    let neurhai = serde_json::json!({ "configuration": { "splits": data.path(), "epochs": 3 } });
    self::folder(folder.path(), &mistaken(), serde_json::json!({ "neurhai": neurhai }));
    let hash = files::text_hash(text);
    let groups = folder.path().join("groups");
    let listed = format!("what\tfile\tblake3\ntable\t{}\t{hash}\n", table.display());
    fs::write(groups.join("sources.tsv"), listed).unwrap();
    let used = "participant_id\tsession_id\nsub-A\tses-M000\nsub-B\tses-M000\n";
    fs::write(groups.join("train+validation.tsv"), used).unwrap();
    // What training did not read is not asked.
    fs::write(data.path().join("test.tsv"), text.replace("60", "90")).unwrap();
    let catalog = Catalog::built_in().unwrap();
    let found = report(folder.path(), &catalog).unwrap();
    let (mean, _, low, high, n) = found.demographics.age.unwrap();
    assert_eq!((mean, low, high, n), (65.0, 60.0, 70.0, 2));
    assert_eq!((found.flow[0].images, found.demographics.sex.len()), (2, 2));
    fs::write(&table, text.replace("60", "61")).unwrap();
    let found = report(folder.path(), &catalog).unwrap();
    assert_eq!((found.demographics.age, found.demographics.sex.len()), (None, 0));
    assert!(!found.flow[0].step.starts_with("rows in the tables"), "{:?}", found.flow[0]);
    let told = |one: &Warning| one.text.contains("train.tsv is gone, or has changed");
    assert!(found.warnings.iter().any(told), "{:#?}", found.warnings);
}

/// Two groups with the same ids from other folders have images of their own, and only those that are
/// still what was read.
#[test]
fn images_are_those_of_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let image = |name: &str, value: f32| {
        let file = folder.path().join(name);
        let affine = [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ];
        crate::volume::write(&file, [2, 2, 2], &[value; 8], &affine).unwrap();
        let hash = files::hash(&file, "read").unwrap();
        format!(
            "participant_id\tsession_id\tfile\tblake3\nsub-A\tses-M000\t{}\t{hash}\n",
            file.display()
        )
    };
    let (own, other) = (image("own.nii", 1.0), image("other.nii", 2.0));
    fs::create_dir_all(folder.path().join("groups/test")).unwrap();
    fs::create_dir_all(folder.path().join("groups/bare")).unwrap();
    fs::write(folder.path().join("groups/inputs.tsv"), own).unwrap();
    fs::write(folder.path().join("groups/test/inputs.tsv"), other).unwrap();
    let images = images::Images::of(folder.path()).unwrap();
    let key = ("single".to_owned(), "sub-A".to_owned(), "ses-M000".to_owned());
    let first = |group: &str| images.read(group, &key).map(|volume| volume.voxels[0]);
    assert_eq!([first("validation"), first("test"), first("bare")], [Some(1.0), Some(2.0), None]);
    image("other.nii", 3.0);
    assert_eq!([first("validation"), first("test")], [Some(1.0), None]);
}

/// The folder says which epoch was kept; a metric that nobody knows has no best value otherwise.
#[test]
fn the_kept_epoch_is_the_one_that_training_kept() {
    let folder = tempfile::tempdir().unwrap();
    let maps = serde_json::json!({ "selection_metrics": ["own"] });
    self::folder(folder.path(), &mistaken(), maps);
    let logs = folder.path().join("split-0/training_logs/training.tsv");
    fs::write(
        &logs,
        "epoch\titeration\town_train\town_valid\n0\t2\t0.5\t0.7\n1\t2\t0.6\t0.9\n2\t2\t0.7\t0.8\n",
    )
    .unwrap();
    let catalog = Catalog::built_in().unwrap();
    let best = || report(folder.path(), &catalog).unwrap().curves[0].curves[0].best;
    assert_eq!(best(), None);
    let best_model = crate::train::Best {
        metric: "own".into(),
        direction: Direction::Higher,
        record: Some((0.9, 1)),
    };
    let progress =
        serde_json::json!({ "epoch": 3, "batch": 0, "stopped": false, "best": [best_model] });
    let header =
        serde_json::json!({ "__metadata__": { "progress": progress.to_string() } }).to_string();
    let state = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    fs::write(folder.path().join("split-0/last.safetensors"), state).unwrap();
    assert_eq!(best(), Some(1));
}

#[test]
fn perfect_scores_are_not_taken_for_certain() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..8).map(|i| row(&format!("sub-{i}"), 0.0, &[0.9, 0.1])).collect();
    self::folder(folder.path(), &rows, serde_json::json!({}));
    let found = report(folder.path(), &Catalog::built_in().unwrap()).unwrap();
    // Wilson's lower bound of 8 in 8 is 1 / (1 + 1.96² / 8).
    assert!(
        found.warnings.iter().any(|one| one.text.contains("as low as 0.68")),
        "{:#?}",
        found.warnings
    );
    assert_eq!(found.groups[0].classes.as_ref().unwrap().roc[0].area, None);
    // Ranked right, though classified wrong.
    let both = [row("sub-1", 0.0, &[0.9, 0.1]), row("sub-2", 0.0, &[0.8, 0.2])];
    let wrong = [row("sub-3", 1.0, &[0.7, 0.3]), row("sub-4", 1.0, &[0.6, 0.4])];
    let folder = tempfile::tempdir().unwrap();
    self::folder(folder.path(), &[both, wrong].concat(), serde_json::json!({}));
    let found = report(folder.path(), &Catalog::built_in().unwrap()).unwrap();
    let curve = &found.groups[0].classes.as_ref().unwrap().roc[0];
    assert_eq!((curve.area, curve.interval), (Some(1.0), None));
    let told = |one: &Warning| one.text.contains("an area under the ROC curve of 1, in validation");
    assert!(found.warnings.iter().any(told), "{:#?}", found.warnings);
}

#[test]
fn what_is_damaged_or_no_experiment_is_an_error() {
    let catalog = Catalog::built_in().unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(report(folder.path(), &catalog).unwrap_err().code(), crate::Code::BadMaps);
    self::folder(folder.path(), &mistaken(), serde_json::json!({}));
    let table =
        folder.path().join("split-0/best-loss/validation/validation_image_level_prediction.tsv");
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replace("\t0.7\t", "\tmuch\t")).unwrap();
    let error = report(folder.path(), &catalog).unwrap_err().to_string();
    assert!(error.contains("\"much\"") && error.contains("proba0"), "{error}");
    // Codes of no class are told with their place, whether of what is true or of what was predicted.
    for (was, is) in [("\t0\t0\t0\t", "\t0\t-1\t0\t"), ("\t0\t0\t0\t", "\t0\t0\t0.7\t")] {
        fs::write(&table, text.replacen(was, is, 1)).unwrap();
        let error = report(folder.path(), &catalog).unwrap_err();
        assert_eq!(error.code(), crate::Code::BadClasses);
        assert!(error.to_string().contains("prediction.tsv, row 2"), "{error}");
    }
    fs::write(folder.path().join("maps.json"), "{").unwrap();
    assert_eq!(report(folder.path(), &catalog).unwrap_err().code(), crate::Code::BadMaps);
}
