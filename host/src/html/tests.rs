use std::path::PathBuf;

use neurhai_core::Task;
use neurhai_core::compare::{Differing, Family, PairTest, RunScore, Scores, Together};
use neurhai_core::metric::Direction;
use neurhai_core::report::{
    Attribution, Curve, Curves, Demographics, Gravity, Group, Level, Report, Shown, Step, Warning,
    Whose,
};
use neurhai_core::train::OverSplits;

use neurhai_core::trials::ranking::Trial;
use neurhai_core::trials::{Judge, Score, State, Trials};
use serde_json::json;

use super::*;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=y>";

fn empty() -> Report {
    Report {
        name: "study/maps".into(),
        task: Task::Classification,
        label: Some("diagnosis".into()),
        classes: vec!["AD".into(), "CN".into()],
        selection_metrics: vec!["loss".into()],
        warnings: Vec::new(),
        flow: Vec::new(),
        demographics: Demographics::default(),
        shared_people: 0,
        leaked: Vec::new(),
        finished: Vec::new(),
        planned: 0,
        folds: false,
        curves: Vec::new(),
        groups: Vec::new(),
        over_splits: Vec::new(),
        weights: Vec::new(),
        attributions: Vec::new(),
        methods: String::new(),
        options: Vec::new(),
        environment: Vec::new(),
        used: Vec::new(),
        parameters: None,
        network: String::new(),
        script: None,
        inputs: None,
    }
}

#[track_caller]
fn harmless(page: &str) {
    for tag in ["<script", "<img src=x", "onerror=y>"] {
        let escaped = page.to_lowercase().replace("&lt;", "").replace("onerror=y&gt;", "");
        assert!(!escaped.contains(tag), "{tag} is in the page");
    }
    for outside in ["http:", "https:", "//", "url(", "@import"] {
        // The style sheet and the page itself name nothing that lies elsewhere.
        assert!(!page.contains(outside), "{outside} is in the page");
    }
}

#[test]
fn what_users_wrote_cannot_become_part_of_the_page() {
    let mut report = empty();
    report.name = HOSTILE.into();
    report.label = Some(HOSTILE.into());
    report.classes = vec![HOSTILE.into()];
    report.methods = HOSTILE.into();
    report.script = Some(HOSTILE.into());
    report.network = HOSTILE.into();
    report.environment = vec![(HOSTILE.into(), HOSTILE.into())];
    report.warnings = vec![Warning { gravity: Gravity::Problem, text: HOSTILE.into() }];
    report.flow = vec![Step {
        step: HOSTILE.into(),
        images: 1,
        people: 1,
        classes: vec![(HOSTILE.into(), 1)],
        cohorts: vec![(HOSTILE.into(), 1)],
    }];
    let picture = Shown { caption: HOSTILE.into(), png: vec![1, 2, 3] };
    report.attributions = vec![Attribution {
        folder: HOSTILE.into(),
        name: HOSTILE.into(),
        about: serde_json::json!({ HOSTILE: HOSTILE }),
        pictures: vec![picture],
    }];
    let (page, left_out) = super::report(&report).unwrap();
    harmless(&page.replace("data:image/png;base64,", "").replace("</", "<"));
    assert_eq!(left_out, None);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"), "it is shown as it is");
    assert!(page.contains("data:image/png;base64,AQID"));
}

/// Each picture is 300 kB, so that 40 of them are 16 MB in base64.
#[test]
fn pages_stay_under_their_limit_and_say_what_is_left_out() {
    let mut report = empty();
    let picture = Shown { caption: "mean".into(), png: vec![7; 300_000] };
    report.attributions = vec![Attribution {
        folder: "split-0".into(),
        name: "gradients".into(),
        about: serde_json::Value::Null,
        pictures: vec![picture; 40],
    }];
    report.script = Some("x".repeat(20_000_000));
    let (page, left_out) = super::report(&report).unwrap();
    assert!(page.len() < 5_000_000, "{}", page.len());
    let left_out = left_out.unwrap();
    assert_eq!(left_out, "To keep the page under 5 MB, 31 pictures are left out.");
    assert!(page.contains(&left_out) && page.contains("more bytes, in the experiment folder"));
    // Where everything else is too much, pictures go first.
    report.methods = "y".repeat(4_000_000);
    let (page, left_out) = super::report(&report).unwrap();
    assert!(page.len() < 5_000_000 && left_out.unwrap().contains("40 pictures"), "{}", page.len());
    // So do the layers of a deep network; what cannot be shortened is told.
    report = empty();
    report.network = "z".repeat(6_000_000);
    let (page, left_out) = super::report(&report).unwrap();
    assert!(page.len() < 5_000_000 && left_out.is_none(), "{}", page.len());
    assert!(page.contains("more bytes, in the experiment folder"));
    report.methods = "y".repeat(6_000_000);
    let (_, left_out) = super::report(&report).unwrap();
    assert_eq!(left_out.unwrap(), "Nothing more can be left out, and the page has 6 MB.");
}

/// Networks of two splits, of which each predicted the same images.
#[test]
fn means_over_networks_have_no_interval_and_leaked_groups_are_marked() {
    let mut report = empty();
    let score = |value| neurhai_core::report::Score {
        metric: "BA".into(),
        value: Some(value),
        interval: Some((value - 0.11, value + 0.07)),
    };
    let group = |split: Option<usize>, value: f64| Group {
        whose: Whose { split, selection_metric: "loss".into(), group: "test".into() },
        levels: vec![Level { level: "image".into(), rows: None, scores: vec![score(value)] }],
        classes: None,
        numbers: None,
        errors: Vec::new(),
        worst: Vec::new(),
        cohorts: None,
        networks: None,
        lacking_parts: 0,
    };
    report.groups = vec![group(Some(0), 0.75), group(Some(1), 0.85)];
    report.over_splits = vec![OverSplits {
        selection_metric: "loss".into(),
        group: "test".into(),
        level: "image".into(),
        cohort: None,
        metric: "BA".into(),
        splits: vec![0, 1],
        mean: Some(0.8),
        standard_deviation: Some(0.0707),
        interval: None,
    }];
    report.leaked = vec![("test".into(), 3)];
    let first = |report: &Report| {
        let (page, _) = super::report(report).unwrap();
        page.split_once("id=\"flow\"").unwrap().0.to_owned()
    };
    let page = first(&report);
    for part in [
        "<strong>0.800 ± 0.071</strong></td>",
        "<td>split 0</td>",
        "0.640 to 0.820",
        "<td>split 1</td>",
        "leakage: 3 of its people had been learned from",
        "± is between networks and says nothing of other images",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    assert!(!page.contains("Student"), "{page}");
    // An ensemble's interval stands for those of its networks.
    report.groups.push(group(None, 0.9));
    let page = first(&report);
    assert!(page.contains("<td>ensemble of the splits</td>") && page.contains("0.790 to 0.970"));
    assert!(!page.contains("<td>split 0</td>"), "{page}");
}

#[test]
fn whole_epochs_are_written_as_they_are() {
    let mut report = empty();
    report.curves = vec![Curves {
        split: 0,
        network: None,
        epochs: 11,
        curves: vec![Curve {
            metric: "loss".into(),
            epochs: vec![0.5, 9.0, 10.0, 11.0],
            train: vec![None; 4],
            validation: vec![Some(0.75); 4],
            best: None,
        }],
    }];
    let (page, _) = super::report(&report).unwrap();
    let table = page.split_once("<th scope=\"col\">epoch</th>").unwrap().1;
    for cell in ["<td>0.500</td>", "<td>9</td>", "<td>10</td>", "<td>11</td>"] {
        assert!(table.contains(cell), "{cell} is not in {table:.600}");
    }
}

fn compared() -> Together {
    let score = RunScore {
        value: 0.75,
        standard_deviation: None,
        interval: Some((0.6, 0.9)),
        splits: vec![0],
    };
    let test = PairTest {
        a: 0,
        b: 1,
        metric: "accuracy".into(),
        test: "McNemar",
        n: 40,
        people: Some(40),
        values: (0.75, 0.5),
        difference: 0.25,
        interval: None,
        p: 0.0213,
        p_holm: 0.0426,
    };
    Together {
        runs: vec![PathBuf::from(HOSTILE), "b".into(), "c".into()],
        options: vec![Differing {
            name: HOSTILE.into(),
            values: vec![HOSTILE.into(), 2.into(), serde_json::Value::Null],
        }],
        scores: vec![Scores {
            group: "validation".into(),
            selection_metric: "loss".into(),
            level: "image".into(),
            metric: "BA".into(),
            runs: vec![Some(score.clone()), Some(score), None],
        }],
        tests: vec![Family {
            group: "validation".into(),
            selection_metric: "loss".into(),
            splits: vec![0, 1],
            tests: vec![test],
        }],
        notes: vec![HOSTILE.into()],
    }
}

#[test]
fn comparisons_show_values_intervals_and_both_p_values() {
    let page = comparison(&compared()).unwrap();
    harmless(&page.replace("</", "<"));
    for part in ["0.600 to 0.900", "40 images of 40 people", "0.021", "0.043", "Holm", "split 0, 1"]
    {
        assert!(page.contains(part), "{part} is not in the page");
    }
}

#[test]
fn searches_show_every_option_and_every_failure() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::open(folder.path(), &json!({ "script": HOSTILE })).unwrap();
    let judge = Judge {
        selection_metric: "loss".into(),
        selection: Direction::Lower,
        metric: "BA".into(),
        direction: Direction::Higher,
    };
    let trial = |number: usize, rate: f64, word: &str, mean: Option<f64>| Trial {
        name: format!("trial-00{number}"),
        state: if mean.is_some() { State::Finished } else { State::Failed },
        drawn: vec![
            ("learning_rate".into(), rate.into()),
            ("optimizer".into(), word.into()),
            ("epochs".into(), 3.into()),
        ],
        score: mean.map(|mean| Score {
            mean: Some(mean),
            best_epochs: vec![1],
            ..Score::default()
        }),
        error: mean.is_none().then(|| HOSTILE.into()),
    };
    let all = [
        trial(2, 1e-2, HOSTILE, Some(0.875)),
        trial(0, 1e-5, "adam", Some(0.5)),
        trial(1, 1e-4, "adam", Some(0.75)),
        trial(3, 1.0, "adam", None),
    ];
    let page = super::search(&all, &judge, &trials).unwrap();
    harmless(&page.replace("</", "<"));
    for part in [
        "The best is trial-002, with BA 0.875 in validation: learning_rate = 0.0100",
        "the best of 3 by the same validation",
        "<title>BA by learning_rate</title>",
        "log10 of learning_rate",
        "BA by optimizer: mean and range",
        "trial-003 failed: &lt;script&gt;",
        "adam: 0.625",
    ] {
        assert!(page.contains(part), "{part} is not in:\n{page}");
    }
    assert!(!page.contains("BA by epochs"), "what is the same in all explains nothing");
    let page = super::search(&all[3..], &judge, &trials).unwrap();
    assert!(page.contains("No trial has a score.") && !page.contains("<svg"), "{page}");
}
