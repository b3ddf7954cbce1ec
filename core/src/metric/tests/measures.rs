//! Metrics of probabilities, numbers and images against scikit-learn, scikit-image and SciPy.

use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::check;
use crate::metric::*;

/// Made by `tests/fixtures/make_measures.py`.
fn fixture() -> Value {
    serde_json::from_str(include_str!("../../../../tests/fixtures/measures.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn counts(case: &Value) -> Vec<u32> {
    numbers(&case["counts"]).into_iter().map(|n| n as u32).collect()
}

#[track_caller]
fn check_weighed(weighed: &Weighed<'_>, case: &Value, name: &str, rows: usize) {
    check(weighed(&vec![1; rows]), &case["values"][name], &format!("{name} of {case}"));
    let what = format!("weighed {name} of {case}");
    check(weighed(&counts(case)), &case["weighed"][name], &what);
    assert_eq!(weighed(&vec![0; rows]), None, "{name} of no rows");
}

#[test]
fn metrics_of_probabilities_are_those_of_scikit_learn() {
    let cases = fixture();
    for case in cases["scores"].as_array().unwrap() {
        let truth: Vec<usize> = numbers(&case["truth"]).iter().map(|code| *code as usize).collect();
        let rows = case["scores"].as_array().unwrap();
        let classes = rows[0].as_array().unwrap().len();
        let scores: Vec<f64> = rows.iter().flat_map(numbers).collect();
        let predicted: Vec<_> = scores.chunks_exact(classes).map(crate::vote::winner).collect();
        let rows = Rows { classes, truth: &truth, predicted: &predicted, scores: &scores };
        for metric in of_scores() {
            check_weighed(&metric.weighed(&rows), case, &metric.info().name, truth.len());
        }
    }
}

#[test]
fn metrics_of_numbers_are_those_of_scikit_learn() {
    let cases = fixture();
    for case in cases["numbers"].as_array().unwrap() {
        let (truth, predicted) = (numbers(&case["truth"]), numbers(&case["predicted"]));
        for metric in of_numbers() {
            let weighed = metric.weighed(&truth, &predicted);
            check_weighed(&weighed, case, &metric.info().name, truth.len());
        }
    }
}

fn image(values: &[f64], shape: &[i64]) -> Tensor {
    Tensor::from_slice(values).to_kind(Kind::Float).view(shape)
}

/// The metric of this name, of images.
fn values(name: &str, output: &Tensor, target: &Tensor) -> Vec<f64> {
    let metrics = of_images();
    let metric = metrics.iter().find(|metric| metric.info().name == name).unwrap();
    metric.values(output, target).unwrap()
}

#[test]
fn metrics_of_images_are_those_of_scikit_image_and_scipy() {
    let fixture = fixture();
    let border = fixture["border"].as_i64().unwrap();
    for case in fixture["images"].as_array().unwrap() {
        let shape: Vec<i64> = numbers(&case["shape"]).iter().map(|size| *size as i64).collect();
        let output = image(&numbers(&case["output"]), &shape);
        let target = image(&numbers(&case["target"]), &shape);
        for metric in of_images() {
            let name = metric.info().name;
            let found = match name.as_str() {
                "SSIM" => {
                    let widths = vec![border; 2 * (shape.len() - 2)];
                    let [output, target] = [&output, &target].map(|x| x.constant_pad_nd(&widths));
                    metric.values(&output, &target).unwrap()
                }
                _ => metric.values(&output, &target).unwrap(),
            };
            let expected = numbers(&case["values"][&name]);
            assert_eq!(found.len(), expected.len(), "{name} of {shape:?}");
            for (found, expected) in found.iter().zip(&expected) {
                let close = (found - expected).abs() <= 2e-5 * expected.abs().max(1.0);
                assert!(close, "{name} of {shape:?}: {found}, expected {expected}");
            }
        }
    }
}

#[test]
fn identical_images_have_the_best_value_and_constant_ones_a_defined_one() {
    let drawn = |shift: f64| {
        let mut random = crate::random::Random::new(4, "images", &[]);
        let values: Vec<f64> = (0..600).map(|_| random.unit() + shift).collect();
        image(&values, &[2, 1, 15, 20])
    };
    for shift in [0.0, -3.0] {
        let same = drawn(shift);
        for (name, best, slack) in [
            ("MAE", 0.0, 0.0),
            ("RMSE", 0.0, 0.0),
            ("PSNR", 100.0, 0.0),
            ("SSIM", 1.0, 1e-5),
            ("LNCC", 1.0, 1e-5),
        ] {
            for value in values(name, &same, &same) {
                assert!((value - best).abs() <= slack, "{name}: {value}");
            }
        }
    }
    for constant in [0.0, 0.5, -7.0] {
        let target = Tensor::full([1, 1, 15, 20], constant, (Kind::Float, Device::Cpu));
        for metric in of_images() {
            let name = metric.info().name;
            for output in [drawn(0.0).narrow(0, 0, 1), target.shallow_clone()] {
                let value = metric.values(&output, &target).unwrap()[0];
                assert!(!value.is_nan(), "{name} of an image of {constant}");
            }
        }
        assert_eq!(values("LNCC", &target, &target), [0.0]);
        assert_eq!(values("PSNR", &target, &target), [100.0]);
    }
}

/// What ClinicaDL cannot say: the background of a skull-stripped image is constant.
#[test]
fn lncc_leaves_out_what_is_constant() {
    let mut random = crate::random::Random::new(5, "images", &[]);
    let mut drawn = || {
        let values: Vec<f64> = (0..20 * 20).map(|_| random.unit()).collect();
        image(&values, &[1, 1, 20, 20])
    };
    let (target, output) = (drawn(), drawn());
    let with_background = |x: &Tensor, width: i64| x.constant_pad_nd([width, 0, 0, width]);
    let value = |output: &Tensor, target: &Tensor, width: i64| {
        values("LNCC", &with_background(output, width), &with_background(target, width))[0]
    };
    let [little, much] = [20, 60].map(|width| value(&output, &target, width));
    assert!((little - much).abs() < 1e-4, "{little} {much}");
    assert!((value(&target, &target, 20) - 1.0).abs() < 1e-5);
}

#[test]
fn samples_are_judged_alike_in_any_batch() {
    let mut random = crate::random::Random::new(6, "images", &[]);
    // More voxels than are judged at a time.
    let size = 3 * 130 * 120 * 110;
    let drawn: Vec<f32> = (0..size).map(|_| random.unit() as f32).collect();
    let target = Tensor::from_slice(&drawn).view([3, 1, 130, 120, 110]);
    let output = (&target * 0.9).flip([2]);
    for metric in of_images() {
        let together = metric.values(&output, &target).unwrap();
        assert_eq!(together.len(), 3);
        let last = metric.values(&output.narrow(0, 2, 1), &target.narrow(0, 2, 1)).unwrap();
        assert!((together[2] - last[0]).abs() < 1e-5, "{}", metric.info().name);
    }
}

fn random_rows(n: usize) -> (Vec<usize>, Vec<usize>, Vec<f64>) {
    let mut random = crate::random::Random::new(7, "rows", &[n as u64]);
    let truth: Vec<usize> = (0..n).map(|_| random.below(2) as usize).collect();
    let of_first = truth.iter().map(|code| random.unit() * 0.7 + 0.3 * (1 - code) as f64);
    let scores: Vec<f64> = of_first.flat_map(|p| [p, 1.0 - p]).collect();
    let predicted = scores.chunks_exact(2).map(crate::vote::winner).collect();
    (truth, predicted, scores)
}

#[test]
fn intervals_of_weighed_metrics_are_those_of_rows_drawn_one_by_one() {
    let (truth, predicted, scores) = random_rows(60);
    let rows = Rows { classes: 2, truth: &truth, predicted: &predicted, scores: &scores };
    struct OfRows(Box<dyn ScoreMetric>);
    impl RowMetric for OfRows {
        fn value(&self, rows: &Rows<'_>) -> Result<Option<f64>> {
            Ok(self.0.weighed(rows)(&vec![1; rows.truth.len()]))
        }
    }
    let weighed: Vec<_> = of_scores().iter().map(|metric| metric.weighed(&rows)).collect();
    let drawn = bootstrap_weighed(60, &weighed, 4000, 1, &|| false).unwrap();
    for (metric, found) in of_scores().into_iter().zip(drawn) {
        let (name, found) = (metric.info().name, found.unwrap());
        let expected = bootstrap_rows(&rows, &OfRows(metric), 4000, 2, || false).unwrap().unwrap();
        let spread = expected.standard_error;
        for (a, b) in [(found.lower, expected.lower), (found.upper, expected.upper)] {
            assert!((a - b).abs() < 0.25 * spread, "{name}: {found:?}, expected {expected:?}");
        }
        assert!((found.standard_error / spread - 1.0).abs() < 0.06, "{name}");
        assert_eq!(found.resamples, 4000);
    }
}

#[test]
fn a_weighed_bootstrap_depends_on_the_seed_alone_and_can_be_stopped() {
    let (truth, predicted, scores) = random_rows(30);
    let rows = Rows { classes: 2, truth: &truth, predicted: &predicted, scores: &scores };
    let weighed: Vec<_> = of_scores().iter().map(|metric| metric.weighed(&rows)).collect();
    let run = |metrics: &[Weighed<'_>], seed| {
        bootstrap_weighed(30, metrics, 101, seed, &|| false).unwrap()
    };
    let first = run(&weighed, 1);
    assert_eq!(first, run(&weighed, 1));
    assert_ne!(first, run(&weighed, 2));
    assert_eq!(first[2..], run(&weighed[2..], 1), "other metrics change nothing");
    let stopped = bootstrap_weighed(30, &weighed, 101, 1, &|| true).unwrap_err();
    assert_eq!(stopped.code(), crate::Code::Interrupted);
    for rows in [0, 1] {
        assert_eq!(bootstrap_weighed(rows, &weighed, 100, 1, &|| false).unwrap(), [None; 4]);
    }
}

/// A set that resamples may leave with one class: intervals hold where the metric is defined.
#[test]
fn resamples_of_one_class_are_left_out() {
    let (truth, scores) = ([0, 1, 1], [0.6, 0.4, 0.7, 0.3, 0.2, 0.8]);
    let rows = Rows { classes: 2, truth: &truth, predicted: &[0, 0, 1], scores: &scores };
    let auc = [roc_auc::RocAuc.weighed(&rows)];
    let interval = bootstrap_weighed(3, &auc, 3000, 0, &|| false).unwrap()[0].unwrap();
    // One class only: (1/3)³ + (2/3)³ = 1/3 of the resamples.
    assert!((interval.resamples as f64 / 3000.0 - 2.0 / 3.0).abs() < 0.03, "{interval:?}");
    assert_eq!((interval.lower, interval.upper), (0.0, 1.0));
}
