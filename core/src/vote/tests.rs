use super::*;

#[track_caller]
fn check(vote: &dyn Vote, outputs: usize, values: &[f64], weights: &[f64], expected: &[f64]) {
    let ballot = Ballot { parts: weights.len(), outputs, values, weights };
    let scores = vote.vote(&ballot).unwrap();
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

/// What every vote promises: one part decides alone, the order of parts (with their weights) does
/// not matter, and probabilities stay probabilities.
#[test]
fn every_vote_keeps_the_contract() {
    for vote in built_in() {
        let name = vote.info().name;
        assert!(vote.info().help.len() > 10);
        let values = [0.7, 0.2, 0.1, 0.1, 0.6, 0.3, 0.2, 0.5, 0.3];
        let weights = [0.5, 0.3, 0.2];
        let all = Ballot { parts: 3, outputs: 3, values: &values, weights: &weights };
        let scores = vote.vote(&all).unwrap();
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
        let turned: Vec<f64> = values[3..].iter().chain(&values[..3]).copied().collect();
        let turned = Ballot { values: &turned, weights: &[0.3, 0.2, 0.5], ..all };
        for (a, b) in scores.iter().zip(vote.vote(&turned).unwrap()) {
            assert!((a - b).abs() < 1e-12, "{name}");
        }
        let one = Ballot { parts: 1, outputs: 3, values: &values[..3], weights: &[1.0] };
        assert_eq!(winner(&vote.vote(&one).unwrap()), 0, "{name}");
    }
}
