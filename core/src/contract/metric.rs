use super::{Findings, probabilities};
use crate::catalog::MetricEntry;
use crate::error::Result;
use crate::metric::{Confusion, Rows};
use crate::vote::winner;

pub(super) fn check(entry: &MetricEntry, findings: &mut Findings) {
    findings.help(&entry.info.help);
    for classes in [2, 3] {
        for rows in [1, 2, 40] {
            let result = with_rows(entry, rows, classes, findings);
            findings.ok(&format!("a value of {rows} rows of {classes} classes"), result);
        }
    }
}

fn with_rows(entry: &MetricEntry, n: usize, classes: usize, findings: &mut Findings) -> Result<()> {
    let scores = probabilities(n, classes, "contract metrics");
    let truth: Vec<usize> = (0..n).map(|row| (row * 7 / 3) % classes).collect();
    let value = |truth: &[usize], scores: &[f64]| {
        let predicted: Vec<usize> = scores.chunks_exact(classes).map(winner).collect();
        let confusion = Confusion::new(truth, &predicted, classes)?;
        entry.value(&Rows { classes, truth, predicted: &predicted, scores }, &confusion)
    };
    let first = value(&truth, &scores)?;
    findings.that("the same value again", value(&truth, &scores)? == first);
    let (low, high) = entry.info.range;
    if let Some(value) = first {
        let within = (low..=high).contains(&value);
        findings.that(&format!("a value from {low} to {high}, not {value}"), within);
    }
    let (mut turned, mut codes) = (scores, truth);
    turned.rotate_left(n / 2 * classes);
    codes.rotate_left(n / 2);
    let second = value(&codes, &turned)?;
    let same = match (first, second) {
        (Some(a), Some(b)) => super::close(&[a], &[b]),
        (a, b) => a == b,
    };
    findings.that("the order of the rows not to matter", same);
    Ok(())
}
