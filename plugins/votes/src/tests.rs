//! Expected scores are numpy's, scipy's and scikit-learn's: tests/fixtures/make_plugins.py.

use neurhai_plugin::serde_json::{self, Value, json};
use neurhai_plugin::{Ballot, Fit, Options, Vote, testkit};

use crate::confidence::Confidence;
use crate::median::Median;
use crate::product_of_experts::ProductOfExperts;
use crate::stacking::Stacking;
use crate::trimmed_mean::TrimmedMean;

#[test]
fn every_vote_keeps_the_contract() {
    testkit::check(&crate::neurhai_plugin);
}

fn options(value: Value) -> Options {
    Options::new(value.as_object().unwrap().clone())
}

/// All numbers of nested lists.
fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

#[track_caller]
fn vote(vote: &dyn Vote, ballot: &Ballot<'_>, given: &Value) -> Vec<f64> {
    let images = ballot.values.len() / ballot.parts / ballot.outputs;
    let mut scores = vec![0.0; images * ballot.outputs];
    vote.vote(ballot, &options(given.clone()), &mut scores).unwrap();
    scores
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}, number {i}: {a} instead of {b}");
    }
}

/// Runs `test` on each case of the fixture.
fn each_case(test: impl Fn(&Value, Ballot<'_>)) {
    let file = include_str!("../../../tests/fixtures/plugins/votes.json");
    let cases: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let (values, weights) = (flat(&case["values"]), flat(&case["weights"]));
        let outputs = case["classes"].as_u64().unwrap() as usize;
        let (parts, values, weights) = (weights.len(), &values[..], &weights[..]);
        test(case, Ballot { parts, outputs, values, weights, fitted: None });
    }
}

#[test]
fn scores_agree_with_numpy() {
    each_case(|case, ballot| {
        let rows: [(&str, &dyn Vote, Value); 5] = [
            ("median", &Median, json!({})),
            ("trimmed_mean_0.1", &TrimmedMean, json!({"trim": 0.1})),
            ("trimmed_mean_0.2", &TrimmedMean, json!({"trim": 0.2})),
            ("product_of_experts", &ProductOfExperts, json!({})),
            ("confidence", &Confidence, json!({})),
        ];
        for (name, strategy, given) in rows {
            assert_close(&vote(strategy, &ballot, &given), &flat(&case[name]), 1e-9, name);
        }
    });
}

#[test]
fn stacking_agrees_with_scikit_learn() {
    each_case(|case, ballot| {
        let truth = flat(&case["truth"]);
        for (name, l2, features) in [
            ("stacking", 1.0, "log_probabilities"),
            ("stacking_probabilities", 0.3, "probabilities"),
        ] {
            let given = json!({"l2": l2, "features": features});
            let fitted = Stacking.fit(&ballot, &truth, &options(given.clone())).unwrap();
            let ballot = Ballot { fitted: Some(&fitted), ..ballot };
            assert_close(&vote(&Stacking, &ballot, &given), &flat(&case[name]), 1e-6, name);
        }
    });
}

/// One image with two parts, two classes.
fn pair<'a>(values: &'a [f64], weights: &'a [f64]) -> Ballot<'a> {
    Ballot { parts: weights.len(), outputs: 2, values, weights, fitted: None }
}

#[test]
fn formulas_hold_by_hand() {
    let check = |strategy: &dyn Vote, values: &[f64], weights: &[f64], given, expected: &[f64]| {
        let found = vote(strategy, &pair(values, weights), &given);
        assert_close(&found, expected, 1e-12, &strategy.info_name());
    };
    // 0.9, 0.6 and 0.3: the middle one decides.
    check(&Median, &[0.9, 0.1, 0.3, 0.7, 0.6, 0.4], &[0.2, 0.2, 0.6], json!({}), &[0.6, 0.4]);
    // √(0.8·0.5) : √(0.2·0.5) = 2 : 1.
    check(
        &ProductOfExperts,
        &[0.8, 0.2, 0.5, 0.5],
        &[0.5, 0.5],
        json!({}),
        &[2.0 / 3.0, 1.0 / 3.0],
    );
    // Confidences 0.6 and 0: only the first part counts.
    check(&Confidence, &[0.8, 0.2, 0.5, 0.5], &[0.5, 0.5], json!({}), &[0.8, 0.2]);
    // Nobody is sure of anything.
    check(&Confidence, &[0.5, 0.5, 0.5, 0.5], &[0.5, 0.5], json!({}), &[0.5, 0.5]);
    // A quarter off either side of 0.2 (weight 0.5) and 0.8 (weight 0.5): equal halves stay.
    check(&TrimmedMean, &[0.8, 0.2, 0.2, 0.8], &[0.5, 0.5], json!({"trim": 0.25}), &[0.5, 0.5]);
    // Sorted 0.2 (0.7), 0.8 (0.3) for the first class: 0.25 to 0.7 and 0.7 to 0.75 are left.
    let first = (0.2 * 0.45 + 0.8 * 0.05) / 0.5;
    let given = json!({"trim": 0.25});
    check(&TrimmedMean, &[0.8, 0.2, 0.2, 0.8], &[0.3, 0.7], given, &[first, 1.0 - first]);
}

#[test]
fn identical_parts_return_themselves() {
    let votes: [&dyn Vote; 4] = [&Median, &TrimmedMean, &ProductOfExperts, &Confidence];
    for strategy in votes {
        let ballot = pair(&[0.73, 0.27, 0.73, 0.27, 0.73, 0.27], &[0.2, 0.3, 0.5]);
        let found = vote(strategy, &ballot, &json!({"trim": 0.1}));
        assert_close(&found, &[0.73, 0.27], 1e-12, &strategy.info_name());
    }
}

#[test]
fn stacking_says_what_it_lacks() {
    let given = || options(json!({"l2": 1.0, "features": "probabilities"}));
    let ballot = pair(&[0.8, 0.2, 0.5, 0.5], &[0.5, 0.5]);
    let error = Stacking.fit(&ballot, &[0.0], &given()).unwrap_err().to_string();
    assert!(error.contains("none of class 1"), "{error}");
    let error = Stacking.fit(&ballot, &[2.0], &given()).unwrap_err().to_string();
    assert!(error.contains("not among the network's outputs"), "{error}");
    let error = Stacking.vote(&ballot, &given(), &mut [0.0; 2]).unwrap_err().to_string();
    assert!(error.contains("has not been fitted"), "{error}");
    let other = Ballot { fitted: Some(&[0.0; 4]), ..ballot };
    let error = Stacking.vote(&other, &given(), &mut [0.0; 2]).unwrap_err().to_string();
    assert!(error.contains("other numbers of parts"), "{error}");
}

/// A part that is always right, beside one that knows nothing, separates the classes perfectly; the
/// penalty keeps the regression finite.
#[test]
fn stacking_learns_whom_to_trust() {
    let (mut values, mut truth) = (Vec::new(), Vec::new());
    for image in 0..40 {
        let (right, noise) = (image % 2, f64::from(image % 5) / 10.0 + 0.3);
        let sure = [[0.7, 0.3], [0.3, 0.7]][right as usize];
        values.extend([noise, 1.0 - noise, sure[0], sure[1]]);
        truth.push(f64::from(right));
    }
    let ballot = pair(&values, &[0.9, 0.1]);
    let given = json!({"l2": 1e-4, "features": "log_probabilities"});
    let fitted = Stacking.fit(&ballot, &truth, &options(given.clone())).unwrap();
    let scores = vote(&Stacking, &Ballot { fitted: Some(&fitted), ..ballot }, &given);
    for (scores, truth) in scores.chunks_exact(2).zip(&truth) {
        assert!(scores[*truth as usize] > 0.99, "{scores:?}");
    }
}

/// A thousand patches of three classes: 9000 coefficients, without a matrix of their squares.
#[test]
fn stacking_copes_with_many_parts() {
    let (images, parts) = (30, 1000);
    let truth: Vec<f64> = (0..images).map(|image| f64::from(image % 3)).collect();
    let values: Vec<f64> = (0..images as usize * parts)
        .flat_map(|i| {
            let class = i / parts % 3;
            let p = 0.3 + 0.1 * ((i * 7919 % 101) as f64 / 101.0);
            (0..3).map(move |c| if c == class { p } else { (1.0 - p) / 2.0 })
        })
        .collect();
    let weights = vec![1.0 / parts as f64; parts];
    let ballot = Ballot { parts, outputs: 3, values: &values, weights: &weights, fitted: None };
    let given = options(json!({"l2": 1.0, "features": "log_probabilities"}));
    let start = std::time::Instant::now();
    let fitted = Stacking.fit(&ballot, &truth, &given).unwrap();
    assert_eq!(fitted.len(), 9003);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

trait InfoName {
    fn info_name(&self) -> String;
}

impl InfoName for dyn Vote + '_ {
    fn info_name(&self) -> String {
        format!("{:?}", self.info())
    }
}
