use serde_json::Value;

use super::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/statistics.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

/// Values of statsmodels.
#[test]
fn shares_have_wilson_intervals() {
    for case in fixture()["wilson"].as_array().unwrap() {
        let (part, whole) = (case["part"].as_u64().unwrap(), case["whole"].as_u64().unwrap());
        let (lower, upper) = wilson(part, whole).unwrap();
        near(lower, &case["lower"]);
        near(upper, &case["upper"]);
    }
    assert_eq!((wilson(0, 0), wilson(3, 2)), (None, None));
}

/// Values of statsmodels.
#[test]
fn who_is_right_alone_is_tested_exactly() {
    for case in fixture()["mcnemar"].as_array().unwrap() {
        near(mcnemar(case["b"].as_u64().unwrap(), case["c"].as_u64().unwrap()), &case["p"]);
    }
    assert_eq!(mcnemar(0, 0), 1.0);
}

/// Values of statsmodels.
#[test]
fn families_of_tests_are_adjusted() {
    for case in fixture()["holm"].as_array().unwrap() {
        let adjusted = holm(&numbers(&case["p"]));
        let expected = case["adjusted"].as_array().unwrap();
        assert_eq!(adjusted.len(), expected.len());
        adjusted.iter().zip(expected).for_each(|(found, expected)| near(*found, expected));
    }
    assert!(holm(&[]).is_empty());
}

/// Areas of scikit-learn; the covariance by the definition, over all pairs of images.
#[test]
fn areas_vary_as_delong_says() {
    for case in fixture()["delong"].as_array().unwrap() {
        let scores = [numbers(&case["a"]), numbers(&case["b"])];
        let positive: Vec<bool> = numbers(&case["positive"]).iter().map(|one| *one > 0.5).collect();
        let found = delong(&[&scores[0], &scores[1]], &positive).unwrap();
        for model in 0..2 {
            near(found.areas[model], &case["areas"][model]);
            for other in 0..2 {
                near(found.covariance[model][other], &case["covariance"][model][other]);
            }
        }
        let test = found.difference(0, 1).unwrap();
        near(test.p, &case["p"]);
        let (lower, upper) = test.interval.unwrap();
        near(lower, &case["lower"]);
        near(upper, &case["upper"]);
    }
}

#[test]
fn areas_without_a_variance_are_no_finding() {
    let perfect = [0.1, 0.2, 0.8, 0.9];
    let positive = [false, false, true, true];
    let same = delong(&[&perfect, &perfect], &positive).unwrap();
    let difference = same.difference(0, 1).unwrap();
    assert_eq!((difference.p, difference.interval), (1.0, None));
    assert_eq!(same.interval(0), None, "a perfect ranking does not tell how sure it is");
    let reversed = [0.9, 0.8, 0.2, 0.1];
    assert_eq!(delong(&[&perfect, &reversed], &positive).unwrap().difference(0, 1), None);
    assert_eq!(delong(&[&perfect], &[false, false, false, true]), None);
    assert_eq!(delong(&[&[f64::NAN, 0.2, 0.8, 0.9]], &positive), None);
}

/// Of two sets, each as in the fixture: the same difference, with half the variance.
#[test]
fn sets_of_images_are_averaged() {
    let fixture = fixture();
    let case = &fixture["delong"][0];
    let scores = [numbers(&case["a"]), numbers(&case["b"])];
    let positive: Vec<bool> = numbers(&case["positive"]).iter().map(|one| *one > 0.5).collect();
    let one = delong(&[&scores[0], &scores[1]], &positive).unwrap();
    let (alone, both) =
        (one.difference(0, 1).unwrap(), mean_difference(&[one.clone(), one], 0, 1).unwrap());
    assert!((both.difference - alone.difference).abs() < 1e-12);
    let width = |found: &Difference| found.interval.map(|(low, high)| high - low).unwrap();
    assert!((width(&both) - width(&alone) / 2f64.sqrt()).abs() < 1e-12);
    assert_eq!(mean_difference(&[], 0, 1), None);
}

/// The formula of the paper with SciPy's t distribution.
#[test]
fn splits_that_overlap_count_less() {
    for case in fixture()["corrected_t"].as_array().unwrap() {
        let ratio = case["ratio"].as_f64().unwrap();
        let found = corrected_t(&numbers(&case["differences"]), ratio).unwrap();
        near(found.t, &case["t"]);
        near(found.difference.p, &case["p"]);
        let (lower, upper) = found.difference.interval.unwrap();
        near(lower, &case["lower"]);
        near(upper, &case["upper"]);
    }
    assert_eq!(corrected_t(&[0.1], 0.25), None);
    assert_eq!(corrected_t(&[0.1, 0.1, 0.1], 0.25), None);
    assert_eq!(corrected_t(&[0.1, 0.2], f64::INFINITY), None);
}
