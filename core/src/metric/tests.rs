//! All metrics against scikit-learn, and what must hold for each of them.

use serde_json::Value;

use super::*;
use crate::error::Code;
use crate::random::Random;

mod measures;

/// Made by `tests/fixtures/make_metrics.py`.
fn fixture() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/metrics.json")).unwrap()
}

fn codes(list: &Value) -> Vec<usize> {
    list.as_array().unwrap().iter().map(|code| code.as_u64().unwrap() as usize).collect()
}

fn confusion(case: &Value) -> Confusion {
    let n_classes = case["n_classes"].as_u64().unwrap() as usize;
    Confusion::new(&codes(&case["truth"]), &codes(&case["predicted"]), n_classes).unwrap()
}

#[track_caller]
fn check(found: Option<f64>, expected: &Value, what: &str) {
    match (found, expected.as_f64()) {
        (None, None) => {}
        (Some(found), Some(expected)) if (found - expected).abs() < 1e-12 => {}
        _ => panic!("{what}: found {found:?}, expected {expected}"),
    }
}

/// Rows whose prediction is right in half of the cases, every class among them.
fn rows(seed: u64, n: usize, n_classes: usize) -> (Vec<usize>, Vec<usize>) {
    let mut random = Random::new(seed, "rows", &[n as u64, n_classes as u64]);
    let mut class = || random.below(n_classes as u64) as usize;
    let truth: Vec<_> = (0..n).map(|row| if row < n_classes { row } else { class() }).collect();
    let predicted = truth.iter().map(|&t| [t, class()][class() % 2]).collect();
    (truth, predicted)
}

#[test]
fn values_are_those_of_scikit_learn() {
    let fixture = fixture();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() >= 29);
    for case in cases {
        let confusion = confusion(case);
        for metric in of_classes() {
            let name = metric.info().name;
            let what = format!("{name} of {}", case["name"]);
            check(metric.value(&confusion), &case["overall"][&name], &what);
            for class in 0..confusion.n_classes() {
                let found = metric.value_of_class(&confusion, class);
                check(found, &case["of_class"][&name][class], &format!("{what}, class {class}"));
            }
        }
    }
}

#[test]
fn intervals_are_those_of_rows_resampled_by_numpy() {
    let fixture = fixture();
    for case in fixture["bootstrap"].as_array().unwrap() {
        let metrics = of_classes();
        let metrics: Vec<&dyn Metric> = metrics.iter().map(AsRef::as_ref).collect();
        let resamples = 50_000;
        let intervals = bootstrap(&confusion(case), &metrics, resamples, 0);
        for (metric, interval) in metrics.iter().zip(intervals) {
            let name = metric.info().name;
            let (interval, expected) = (interval.unwrap(), &case["intervals"][&name]);
            let number = |key: &str| expected[key].as_f64().unwrap();
            let what = format!("{name} of {}: {interval:?}, expected {expected}", case["truth"]);
            // Chance moves a quantile, so it is enough to lie between near ones.
            for (found, key) in [(interval.lower, "lower"), (interval.upper, "upper")] {
                let near = |at: usize| expected[key][at].as_f64().unwrap();
                assert!((near(0) - 1e-12..=near(1) + 1e-12).contains(&found), "{what}");
            }
            assert!((interval.standard_error / number("se") - 1.0).abs() < 0.02, "{what}");
            let defined = interval.resamples as f64 / resamples as f64;
            assert!((defined - number("defined")).abs() < 0.01, "{what}");
        }
    }
}

#[test]
fn every_metric_describes_itself() {
    let infos: Vec<_> = built_in().into_iter().map(|(info, _)| info).collect();
    for info in &infos {
        assert!(info.help.ends_with('.') && info.help.len() < 90, "{}: {}", info.name, info.help);
        assert!(info.source.starts_with("https://"), "{info:?}");
        assert!(!info.formula.is_empty(), "{info:?}");
        assert!(info.range.0 < info.range.1, "{info:?}");
    }
    let names = |task: Task| {
        let judged = built_in().into_iter().filter_map(move |(info, measures)| {
            measures.iter().any(|measure| measure.task() == task).then_some(info.name)
        });
        judged.collect::<Vec<_>>().join(" ")
    };
    let clinicadl = "BA accuracy F1_score sensitivity specificity PPV NPV MCC MK LR_plus LR_minus";
    assert_eq!(names(Task::Classification), format!("{clinicadl} ROC_AUC PR_AUC Brier ECE"));
    assert_eq!(names(Task::Regression), "R2_score MAE RMSE");
    assert_eq!(names(Task::Reconstruction), "MAE RMSE PSNR SSIM LNCC");
}

/// The corner cases that files of metrics describe, for those of classes.
#[test]
fn metrics_of_few_or_uniform_rows_are_defined_as_described() {
    let value = |truth: &[usize], predicted: &[usize], name: &str| {
        let metrics = of_classes();
        let metric = metrics.iter().find(|metric| metric.info().name == name).unwrap();
        metric.value(&Confusion::new(truth, predicted, 2).unwrap())
    };
    // One row, which is right; one class, all right; one class, all wrong; constant predictions.
    let cases: [(&[usize], &[usize]); 4] =
        [(&[0], &[0]), (&[1, 1], &[1, 1]), (&[0, 0], &[1, 1]), (&[0, 1, 1, 1], &[1, 1, 1, 1])];
    for (name, expected) in [
        ("BA", [Some(1.0), Some(1.0), Some(0.0), Some(0.5)]),
        ("accuracy", [Some(1.0), Some(1.0), Some(0.0), Some(0.75)]),
        ("F1_score", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
        ("sensitivity", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
        ("specificity", [Some(0.0), Some(1.0), Some(0.0), Some(1.0)]),
        ("PPV", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
        ("NPV", [Some(0.0), Some(1.0), Some(0.0), Some(0.75)]),
        ("MCC", [Some(0.0), Some(0.0), Some(0.0), Some(0.0)]),
        ("MK", [None, None, None, None]),
        ("LR_plus", [None, None, None, None]),
        ("LR_minus", [None, None, None, Some(1.0)]),
    ] {
        let found = cases.map(|(truth, predicted)| value(truth, predicted, name));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_metric_stays_in_its_range_and_ignores_the_order_of_rows() {
    for (seed, n_classes) in (0..40).flat_map(|seed| [(seed, 2), (seed, 3), (seed, 5)]) {
        let (truth, predicted) = rows(seed, 8 + seed as usize, n_classes);
        let mut pairs: Vec<_> = truth.iter().copied().zip(predicted.iter().copied()).collect();
        Random::new(seed, "shuffle", &[]).shuffle(&mut pairs);
        let (shuffled_truth, shuffled): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let given = Confusion::new(&truth, &predicted, n_classes).unwrap();
        let other = Confusion::new(&shuffled_truth, &shuffled, n_classes).unwrap();
        for metric in of_classes() {
            let MetricInfo { name, range: (low, high), .. } = metric.info();
            assert_eq!(metric.value(&given), metric.value(&other), "{name}");
            let of_class = (0..n_classes).map(|class| metric.value_of_class(&given, class));
            for value in of_class.chain([metric.value(&given)]).flatten() {
                assert!((low - 1e-12..=high + 1e-12).contains(&value), "{name}: {value}");
            }
        }
    }
}

#[test]
fn perfect_predictions_have_the_best_value_and_an_interval_of_no_width() {
    for n_classes in 2..6 {
        let (truth, _) = rows(1, 12, n_classes);
        let perfect = Confusion::new(&truth, &truth, n_classes).unwrap();
        for metric in of_classes() {
            let MetricInfo { name, range: (low, high), direction, .. } = metric.info();
            let best = if direction == Direction::Higher { high } else { low };
            // An infinite value is not a value.
            let best = Some(best).filter(|best| best.is_finite());
            assert_eq!(metric.value(&perfect), best, "{name}");
            for class in 0..n_classes {
                assert_eq!(metric.value_of_class(&perfect, class), best, "{name}");
            }
            let interval = bootstrap(&perfect, &[metric.as_ref()], RESAMPLES, 5)[0];
            let bounds = interval.map(|i| [i.lower, i.upper, i.standard_error]);
            assert_eq!(bounds, best.map(|best| [best, best, 0.0]), "{name}");
        }
    }
}

#[test]
fn a_bootstrap_depends_on_the_seed_and_the_counts_alone() {
    let (truth, predicted) = rows(3, 30, 3);
    let confusion = Confusion::new(&truth, &predicted, 3).unwrap();
    let metrics = of_classes();
    let metrics: Vec<&dyn Metric> = metrics.iter().map(AsRef::as_ref).collect();
    let first = bootstrap(&confusion, &metrics, 200, 1);
    assert_eq!(first, bootstrap(&confusion, &metrics, 200, 1));
    assert_ne!(first, bootstrap(&confusion, &metrics, 200, 2));
    // A metric's interval is the same whatever other metrics are asked for.
    assert_eq!(first[3..4], bootstrap(&confusion, &metrics[3..4], 200, 1));
}

#[test]
fn nothing_comes_from_too_few_rows() {
    for (truth, predicted) in [(vec![], vec![]), (vec![1], vec![0])] {
        let confusion = Confusion::new(&truth, &predicted, 2).unwrap();
        for metric in of_classes() {
            assert_eq!(bootstrap(&confusion, &[metric.as_ref()], RESAMPLES, 0), [None]);
            if truth.is_empty() {
                assert_eq!(metric.value(&confusion), None);
                assert_eq!(metric.value_of_class(&confusion, 0), None);
            }
        }
    }
}

#[test]
fn an_improvement_is_strict_and_nan_is_none() {
    assert!(Direction::Higher.is_better(0.6, 0.5) && Direction::Lower.is_better(0.5, 0.6));
    for direction in [Direction::Higher, Direction::Lower] {
        assert!(!direction.is_better(0.5, 0.5) && !direction.is_better(f64::NAN, 0.5));
    }
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    let code = |truth: &[usize], predicted: &[usize], n_classes| {
        Confusion::new(truth, predicted, n_classes).unwrap_err().code()
    };
    assert_eq!(code(&[0, 1], &[0], 2), Code::Internal);
    assert_eq!(code(&[0], &[0], 1), Code::BadClasses);
    let error = Confusion::new(&[0, 1, 2], &[0, 3, 1], 3).unwrap_err();
    assert_eq!(error.code(), Code::BadClasses);
    assert!(error.to_string().contains("predicted class 3 at index 1"), "{error}");
}
