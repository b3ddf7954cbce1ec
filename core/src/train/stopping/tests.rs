use super::*;
use crate::random::Random;

const NAN: f64 = f64::NAN;
const INFINITE: f64 = f64::INFINITY;

/// Patience, tolerance, the validation losses, and after how many epochs training stops.
type Curve = (usize, f64, &'static [f64], Option<usize>);

/// Expected by hand from the rule: an epoch is better if its loss is below best · (1 − tolerance), of a
/// negative best · (1 + tolerance); training stops at the end of the first epoch that is the
/// `patience`-th in a row that is not.
const CURVES: [Curve; 24] = [
    // ClinicaDL's own numbers: 0.95 and 0.94 are not below 1.0 · 0.9.
    (2, 0.1, &[1.0, 0.95, 0.94, 0.93], Some(3)),
    // Better twice, then 0.81 and 0.82 are waited for.
    (2, 0.0, &[1.0, 0.9, 0.95, 0.8, 0.81, 0.82], Some(6)),
    (3, 0.0, &[1.0, 0.9, 0.8, 0.7], None),
    // A wait begins anew with each better loss.
    (3, 0.0, &[1.0, 2.0, 2.0, 0.9, 2.0, 2.0, 0.8, 2.0, 2.0], None),
    (1, 0.0, &[1.0, 0.5, 0.6], Some(3)),
    // Patience 0 never stops.
    (0, 0.0, &[1.0, 2.0, 3.0, 4.0], None),
    (0, 0.5, &[NAN, NAN, 1.0, 1.0, NAN], None),
    // A tie is not better.
    (1, 0.0, &[1.0, 1.0], Some(2)),
    (2, 0.0, &[1.0, 1.0, 0.5, 0.5, 0.5], Some(5)),
    // With tolerance the limit follows the best loss, not the last: 0.9 < 1 · 0.95 is better, 0.86 <
    // 0.9 · 0.95 = 0.855 is not, 0.85 is.
    (2, 0.05, &[1.0, 0.9, 0.86, 0.85, 0.84, 0.83], Some(6)),
    // Exactly at the limit is not below it.
    (1, 0.5, &[1.0, 0.5], Some(2)),
    (1, 0.5, &[1.0, 0.499], None),
    // Tolerance 1 asks for a loss below 0.
    (2, 1.0, &[1.0, 0.1, 0.001], Some(3)),
    (2, 1.0, &[1.0, 0.1, -0.001, 5.0], None),
    // Of a best loss of 0 every lower one is better.
    (2, 0.3, &[0.0, 0.0, -0.1, 0.0, 0.0], Some(5)),
    // Of negative losses: -1.05 is not below -1 · 1.1, and -0.95, which is worse, is not better either.
    (2, 0.1, &[-1.0, -1.05, -1.09], Some(3)),
    (2, 0.1, &[-1.0, -0.95, -0.92, -0.9], Some(3)),
    (2, 0.1, &[-1.0, -1.2, -1.3, -1.31], Some(4)),
    (2, 0.0, &[-1.0, -1.0, -1.1, -1.2], None),
    // NaN is waited for, also in the first epoch, and is never the best.
    (2, 0.0, &[NAN, 1.0, NAN, 1.5], Some(4)),
    (2, 0.0, &[NAN, NAN, 1.0], Some(2)),
    (2, 0.0, &[1.0, NAN, 0.5, NAN, 0.4], None),
    // So is an infinite loss.
    (3, 0.0, &[INFINITE, INFINITE, 2.0, 3.0, INFINITE, 1.9], None),
    (2, 0.1, &[INFINITE, 5.0, -INFINITE, 4.9], Some(4)),
];

fn stop(mut stopping: EarlyStopping, losses: &[f64]) -> Option<usize> {
    losses.iter().position(|loss| stopping.stops_after(*loss)).map(|i| i + 1)
}

fn saved<T: Serialize + for<'a> Deserialize<'a>>(state: &T) -> T {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

#[test]
fn training_stops_when_the_loss_no_longer_falls() {
    for (patience, tolerance, losses, expected) in CURVES {
        let found = stop(EarlyStopping::new(patience, tolerance), losses);
        assert_eq!(found, expected, "patience {patience}, tolerance {tolerance}: {losses:?}");
    }
}

/// Wherever training is interrupted, it stops where it would have stopped.
#[test]
fn a_stop_does_not_depend_on_interruptions() {
    for (patience, tolerance, losses, expected) in CURVES {
        for cut in 0..expected.unwrap_or(losses.len()) {
            let mut stopping = EarlyStopping::new(patience, tolerance);
            assert!(losses[..cut].iter().all(|loss| !stopping.stops_after(*loss)));
            let found = stop(saved(&stopping), &losses[cut..]).map(|epochs| epochs + cut);
            assert_eq!(found, expected, "{losses:?} cut after {cut}");
        }
    }
}

/// Without tolerance the best loss is the lowest, so training stops after the first epoch that is
/// `patience` epochs after the first one with the lowest loss so far.
#[test]
fn without_tolerance_the_lowest_loss_counts() {
    for trial in 0..500 {
        let mut random = Random::new(5, "curve", &[trial]);
        let patience = 1 + random.below(5) as usize;
        // Few values, so that there are ties; some are negative.
        let losses: Vec<f64> = (0..30).map(|_| random.below(12) as f64 / 4.0 - 1.0).collect();
        let lowest = |until: usize| {
            let low = losses[..=until].iter().copied().fold(f64::INFINITY, f64::min);
            losses.iter().position(|loss| *loss == low).unwrap()
        };
        let expected =
            (0..losses.len()).find(|epoch| epoch - lowest(*epoch) >= patience).map(|e| e + 1);
        let found = stop(EarlyStopping::new(patience, 0.0), &losses);
        assert_eq!(found, expected, "patience {patience}: {losses:?}");
    }
}

#[test]
fn only_a_strictly_better_value_is_the_best() {
    let check = |direction, values: &[Option<f64>], improved: &[bool], record| {
        for cut in 0..values.len() {
            let mut best = Best::new("x", direction);
            for (epoch, (value, improved)) in values.iter().zip(improved).enumerate() {
                assert_eq!(best.improves(*value, epoch), *improved, "{values:?} at {epoch}");
                if epoch == cut {
                    best = saved(&best);
                }
            }
            assert_eq!(best.record, record);
        }
    };
    let higher = [None, Some(NAN), Some(0.5), Some(0.5), Some(0.4), Some(0.6), Some(INFINITE)];
    let improved = [false, false, true, false, false, true, false];
    check(Direction::Higher, &higher, &improved, Some((0.6, 5)));
    let lower = [Some(2.0), Some(1.0), Some(1.5), Some(1.0), Some(-1.0), Some(-INFINITE), None];
    let improved = [true, true, false, false, true, false, false];
    check(Direction::Lower, &lower, &improved, Some((-1.0, 4)));
}
