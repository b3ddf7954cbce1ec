use super::*;

fn options(vote: &dyn Vote) -> Options {
    Options::check(&vote.info().options, &serde_json::Map::new(), "vote").unwrap()
}

#[track_caller]
fn check(vote: &dyn Vote, outputs: usize, values: &[f64], weights: &[f64], expected: &[f64]) {
    let ballot = Ballot { parts: weights.len(), outputs, values, weights, fitted: &[] };
    let scores = vote.vote(&ballot, &options(vote)).unwrap();
    assert_eq!(scores.len(), expected.len());
    for (score, expected) in scores.iter().zip(expected) {
        assert!((score - expected).abs() < 1e-12, "{scores:?}");
    }
}

#[test]
fn votes_follow_their_formulas() {
    // Weights 0.5 and 1.0 normalised, p of class 1 is 0.2 and 0.8: 0.2/3 + 0.8·2/3 = 0.6.
    check(&soft::Soft, 2, &[0.8, 0.2, 0.2, 0.8], &[1.0 / 3.0, 2.0 / 3.0], &[0.4, 0.6]);
    check(&soft::Soft, 2, &[0.8, 0.2, 0.2, 0.8], &[0.0, 1.0], &[0.2, 0.8]);
    check(
        &hard::Hard,
        3,
        &[0.4, 0.3, 0.3, 0.1, 0.5, 0.4, 0.0, 0.6, 0.4, 0.9, 0.1, 0.0, 0.9, 0.1, 0.0, 0.5, 0.5, 0.0],
        &[1.0 / 3.0; 3],
        &[1.0 / 3.0, 2.0 / 3.0, 0.0, 1.0, 0.0, 0.0],
    );
}

/// Where as many parts are for one class as for another, and where a part is for two classes alike, the
/// first class wins.
#[test]
fn of_classes_with_equal_votes_the_first_wins() {
    let values = [0.2, 0.1, 0.7, 0.1, 0.8, 0.1, 0.4, 0.2, 0.4, 0.3, 0.4, 0.3];
    let ballot =
        Ballot { parts: 2, outputs: 3, values: &values, weights: &[0.9, 0.1], fitted: &[] };
    let scores = hard::Hard.vote(&ballot, &options(&hard::Hard)).unwrap();
    assert_eq!(scores, [0.0, 0.5, 0.5, 0.5, 0.5, 0.0]);
    assert_eq!([winner(&scores[..3]), winner(&scores[3..])], [1, 0]);
}

#[test]
fn parts_without_weight_have_no_vote() {
    check(&hard::Hard, 2, &[0.9, 0.1, 0.2, 0.8], &[0.0, 1.0], &[0.0, 1.0]);
}
