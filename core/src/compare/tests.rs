use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog;
use crate::import::Prediction;
use crate::report::tests::folder;

/// An image of class `truth`, with this probability of class 0.
fn row(number: usize, truth: usize, first: f64) -> Prediction {
    Prediction {
        cohort: None,
        participant: format!("sub-{number:03}"),
        session: "ses-M000".into(),
        part: 0,
        truth: Some(truth as f64),
        predicted: if first > 0.5 { 0.0 } else { 1.0 },
        probabilities: vec![first, 1.0 - first],
    }
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    /// Runs whose probabilities of class 0 are the rows of a fixture, each of its images.
    fn new(runs: &[(&str, Vec<Prediction>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, rows) in runs {
            self::folder(&folder.path().join(name), rows, json!({}));
        }
        Self { folder }
    }

    fn together(&self, names: &[&str]) -> Together {
        let maps: Vec<_> = names.iter().map(|name| self.folder.path().join(name)).collect();
        let maps: Vec<&Path> = maps.iter().map(|maps| maps.as_path()).collect();
        together(&maps, &Catalog::built_in().unwrap()).unwrap()
    }
}

/// Values of statsmodels and of DeLong's definition, and NumPy's bootstrap.
#[test]
fn pairs_are_tested_on_the_images_that_both_predicted() {
    let text = include_str!("../../../tests/fixtures/paired.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let rows = |of: &str| -> Vec<Prediction> {
        let scores = fixture[of].as_array().unwrap().iter();
        let truth = fixture["truth"].as_array().unwrap();
        let both = scores.zip(truth).enumerate();
        both.map(|(i, (score, truth))| {
            row(i, truth.as_u64().unwrap() as usize, score.as_f64().unwrap())
        })
        .collect()
    };
    let (a, mut b) = (rows("a"), rows("b"));
    // An image that only one of them has counts for nothing, nor does the order.
    b.push(row(999, 0, 0.9));
    b.reverse();
    let case = Case::new(&[("a", a), ("b", b)]);
    let found = case.together(&["a", "b"]);
    let [family] = &found.tests[..] else { panic!("{:#?}", found.tests) };
    let test = |name: &str| family.tests.iter().find(|test| test.test == name).unwrap();
    let near = |found: f64, expected: &str, tolerance: f64| {
        let value = fixture[expected].as_f64().unwrap();
        assert!((found - value).abs() < tolerance, "{expected}: {found} {value}");
    };
    let mcnemar = test("McNemar");
    assert_eq!((mcnemar.n, mcnemar.people), (60, Some(60)));
    near(mcnemar.values.0, "accuracy_a", 1e-12);
    near(mcnemar.values.1, "accuracy_b", 1e-12);
    near(mcnemar.p, "mcnemar", 1e-9);
    let delong = test("DeLong");
    near(delong.values.0, "area_a", 1e-12);
    near(delong.p, "delong", 1e-9);
    let bootstrap = test("bootstrap");
    near(bootstrap.difference, "ba_difference", 1e-12);
    // Two draws of 3000 and of 100000 resamples differ a little.
    near(bootstrap.interval.unwrap().0, "ba_lower", 0.02);
    near(bootstrap.interval.unwrap().1, "ba_upper", 0.02);
    near(bootstrap.p, "ba_p", 0.03);
    assert!(family.tests.iter().all(|test| test.p_holm == test.p));
}

#[test]
fn three_runs_are_adjusted_for_three_pairs() {
    let rows = |wrong: usize| {
        (0..12).map(|i| row(i, i % 2, if i < wrong || i % 2 == 1 { 0.1 } else { 0.9 })).collect()
    };
    let case = Case::new(&[("a", rows(0)), ("b", rows(4)), ("c", rows(12))]);
    let found = case.together(&["a", "b", "c"]);
    let tests: Vec<_> = found.tests[0].tests.iter().filter(|test| test.test == "McNemar").collect();
    // The first is right alone in 2, 6 and 4 images: p = 2 · ½ⁿ.
    let p: Vec<f64> = tests.iter().map(|test| test.p).collect();
    [0.5, 0.03125, 0.125].iter().zip(&p).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{p:?}"));
    let holm: Vec<f64> = tests.iter().map(|test| test.p_holm).collect();
    [0.5, 0.09375, 0.25]
        .iter()
        .zip(&holm)
        .for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{holm:?}"));
    assert_eq!((tests[1].a, tests[1].b), (0, 2));
    let scores = &found.scores[0];
    assert_eq!(scores.metric, "BA");
    assert_eq!(scores.runs.iter().map(|run| run.as_ref().unwrap().splits.len()).sum::<usize>(), 3);
}

#[test]
fn what_one_alone_was_asked_after_training_is_no_difference() {
    let rows = || vec![row(1, 0, 0.9), row(2, 1, 0.1)];
    let case = Case::new(&[("a", rows()), ("b", rows())]);
    let root = |run: &str| case.folder.path().join(run);
    let compared = || compare(&root("a"), &root("b")).unwrap();
    assert!(compared().same() && compared().alone.is_empty());
    let best = "split-0/best-loss";
    for folder in ["groups/test", &format!("{best}/test"), &format!("{best}/train/interpret-x")] {
        std::fs::create_dir_all(root("b").join(folder)).unwrap();
    }
    let table = root("b").join(best).join("test/test_image_level_metrics.tsv");
    std::fs::write(table, "\tBA\nValues\t0.5\n").unwrap();
    let found = compared();
    assert!(found.same(), "{found:#?}");
    let alone: Vec<_> = found.alone.iter().map(|one| one.folder.to_str().unwrap()).collect();
    let expected = ["split-0/best-loss/test", "split-0/best-loss/train/interpret-x", "groups/test"];
    assert_eq!(alone, expected);
    assert!(found.alone.iter().all(|one| !one.first));
    // What both have counts.
    std::fs::create_dir_all(root("a").join(best).join("test")).unwrap();
    assert!(!compared().same());
}

#[test]
fn what_cannot_be_compared_is_told() {
    let case = Case::new(&[
        ("a", vec![row(1, 0, 0.9), row(2, 1, 0.1)]),
        ("b", vec![row(3, 0, 0.9), row(4, 1, 0.2)]),
    ]);
    let found = case.together(&["a", "b"]);
    assert!(found.tests.is_empty());
    assert!(found.notes[0].contains("no two of the experiments predicted the same images"));
    let other = json!({ "label_code": { "MCI": 0, "CN": 1 } });
    folder(&case.folder.path().join("c"), &[row(1, 0, 0.9)], other);
    let found = case.together(&["a", "c"]);
    assert!(found.notes[0].contains("learned something else"), "{:?}", found.notes);
    assert!(found.tests.is_empty() && found.scores.is_empty());
    // Another label for the same image leaves it out.
    folder(&case.folder.path().join("d"), &[row(1, 0, 0.9), row(2, 0, 0.1)], json!({}));
    let found = case.together(&["a", "d"]);
    assert!(
        found.notes.iter().any(|note| note.contains("1 images have another label")),
        "{:?}",
        found.notes
    );
    assert!(together(&[case.folder.path()], &Catalog::built_in().unwrap()).is_err());
}

/// Two splits whose BA differs by 0.5 and 0: mean 0.25, variance 0.125; (½ + 2 / 8) · 0.125 gives the
/// error 0.306186, so t = 0.816497 with one degree of freedom.
#[test]
fn splits_with_the_same_people_are_tested_together() {
    let (good, bad) = (vec![row(1, 0, 0.9), row(2, 1, 0.1)], vec![row(1, 0, 0.1), row(2, 1, 0.1)]);
    let second = vec![row(3, 0, 0.9), row(4, 1, 0.1)];
    let case = Case::new(&[("a", good), ("b", bad)]);
    for run in ["a", "b"] {
        // The second split is the first one of another folder.
        let other = tempfile::tempdir().unwrap();
        folder(other.path(), &second, json!({}));
        let root = case.folder.path().join(run);
        std::fs::rename(other.path().join("split-0"), root.join("split-1")).unwrap();
        for group in ["train", "validation"] {
            let from = other.path().join("groups").join(group).join("split-0");
            std::fs::rename(from, root.join("groups").join(group).join("split-1")).unwrap();
        }
    }
    let found = case.together(&["a", "b"]);
    let tests = &found.tests[0].tests;
    let corrected = tests.iter().find(|test| test.test == "corrected t").unwrap();
    assert_eq!((corrected.n, corrected.people, corrected.values), (2, None, (1.0, 0.75)));
    // scipy.stats.t.sf(0.25 / sqrt((0.5 + 0.25) * 0.125), 1) * 2
    assert!((corrected.p - 0.564_094_216_848_975_3).abs() < 1e-9, "{}", corrected.p);
    let mcnemar = tests.iter().find(|test| test.test == "McNemar").unwrap();
    assert_eq!(mcnemar.n, 4, "images of all splits count together");
}
