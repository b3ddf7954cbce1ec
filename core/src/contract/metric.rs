use tch::Tensor;

use super::{Findings, close, probabilities};
use crate::catalog::MetricEntry;
use crate::error::Result;
use crate::metric::{Confusion, ImageMetric, Measure, Rows};
use crate::random::Random;
use crate::vote::winner;

pub(super) fn check(entry: &MetricEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    for measure in &entry.measures {
        match measure {
            Measure::Images(metric) => of_images(entry, metric.as_ref(), findings),
            Measure::Numbers(_) => {
                for rows in [1, 2, 40] {
                    let drawn = probabilities(rows, 2, "contract numbers");
                    let (truth, predicted) = drawn.split_at(rows);
                    let value = |truth: &[f64], predicted: &[f64]| {
                        Ok(entry.value_of_numbers(truth, predicted))
                    };
                    let result = of_rows(entry, (truth, 1), (predicted, 1), value, findings);
                    findings.ok(&format!("a value of {rows} numbers"), result);
                }
            }
            _ => {
                for classes in [2, 3] {
                    for rows in [1, 2, 40] {
                        let result = of_classes(entry, rows, classes, findings);
                        let what = format!("a value of {rows} rows of {classes} classes");
                        findings.ok(&what, result);
                    }
                }
            }
        }
    }
}

fn of_classes(
    entry: &MetricEntry,
    n: usize,
    classes: usize,
    findings: &mut Findings,
) -> Result<()> {
    let scores = probabilities(n, classes, "contract metrics");
    let truth: Vec<usize> = (0..n).map(|row| (row * 7 / 3) % classes).collect();
    let value = |truth: &[usize], scores: &[f64]| {
        let predicted: Vec<usize> = scores.chunks_exact(classes).map(winner).collect();
        let confusion = Confusion::new(truth, &predicted, classes)?;
        entry.value(&Rows { classes, truth, predicted: &predicted, scores }, &confusion)
    };
    of_rows(entry, (&truth, 1), (&scores, classes), value, findings)
}

/// What holds for any rows: two columns, each with the number of its values in a row.
fn of_rows<A: Clone, B: Clone>(
    entry: &MetricEntry,
    (first, width): (&[A], usize),
    (second, other_width): (&[B], usize),
    value: impl Fn(&[A], &[B]) -> Result<Option<f64>>,
    findings: &mut Findings,
) -> Result<()> {
    let found = value(first, second)?;
    findings.that("the same value again", value(first, second)? == found);
    if let Some(found) = found {
        within(entry, found, 1e-9, findings);
    }
    let half = first.len() / width / 2;
    let (mut first, mut second) = (first.to_vec(), second.to_vec());
    first.rotate_left(half * width);
    second.rotate_left(half * other_width);
    let same = match (found, value(&first, &second)?) {
        (Some(a), Some(b)) => close(&[a], &[b]),
        (a, b) => a == b,
    };
    findings.that("the order of the rows not to matter", same);
    Ok(())
}

fn within(entry: &MetricEntry, value: f64, slack: f64, findings: &mut Findings) {
    let (low, high) = entry.info.range;
    let within = (low - slack..=high + slack).contains(&value);
    findings.that(&format!("a value from {low} to {high}, not {value}"), within);
}

fn of_images(entry: &MetricEntry, metric: &dyn ImageMetric, findings: &mut Findings) {
    for shape in [[1, 1, 9, 14, 1], [4, 2, 9, 14, 1], [3, 1, 6, 13, 5]] {
        let shape = if shape[4] == 1 { &shape[..4] } else { &shape[..] };
        let result = of_batch(entry, metric, shape, findings);
        findings.ok(&format!("values of images of {} axes", shape.len() - 2), result);
    }
}

fn of_batch(
    entry: &MetricEntry,
    metric: &dyn ImageMetric,
    shape: &[i64],
    findings: &mut Findings,
) -> Result<()> {
    let drawn = |what: &str| {
        let mut random = Random::new(1, what, &[shape.len() as u64]);
        let size: i64 = shape.iter().product();
        let values: Vec<f32> = (0..size).map(|_| random.unit() as f32).collect();
        Tensor::f_from_slice(&values)?.f_view(shape)
    };
    let (output, target) = (drawn("contract outputs")?, drawn("contract targets")?);
    let values = metric.values(&output, &target)?;
    findings.that("one value for each image", values.len() as i64 == shape[0]);
    findings.that("the same values again", metric.values(&output, &target)? == values);
    values.iter().for_each(|value| within(entry, *value, 1e-6, findings));
    let mut turned = metric.values(&output.f_flip([0])?, &target.f_flip([0])?)?;
    turned.reverse();
    let same = turned.iter().zip(&values).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
    findings.that("each image's value to depend on that image alone", same);
    Ok(())
}
