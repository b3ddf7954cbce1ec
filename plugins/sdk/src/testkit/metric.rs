//! Contracts of metrics.

use super::{Check, Draw, Failed, Registered, call, close, ensure, on_two_threads, winner};
use crate::abi;

/// The value over rows of these true classes and scores; NaN where it is not defined.
fn value(
    registered: &Registered,
    raw: &abi::Metric,
    truth: &[f64],
    scores: &[f64],
    outputs: usize,
) -> Result<f64, Failed> {
    let predicted: Vec<f64> = scores.chunks_exact(outputs).map(|row| winner(row) as f64).collect();
    let rows = abi::Rows {
        struct_size: size_of::<abi::Rows>() as u32,
        reserved: 0,
        rows: truth.len(),
        outputs,
        truth: truth.as_ptr(),
        predicted: predicted.as_ptr(),
        scores: scores.as_ptr(),
    };
    let (mut value, data) = (f64::NAN, registered.kind.item().data);
    call("value", |error| {
        // SAFETY: all pointers are into what lives until the call returns.
        raw.value.map_or(abi::INVALID, |f| unsafe { f(data, &rows, &mut value, error) })
    })?;
    Ok(value)
}

/// `[lowest, highest]`, `null` for no bound.
fn range(registered: &Registered) -> (f64, f64) {
    let more = registered.more();
    let bound = |at: usize| more.get("range").and_then(|range| range.get(at)?.as_f64());
    (bound(0).unwrap_or(f64::NEG_INFINITY), bound(1).unwrap_or(f64::INFINITY))
}

pub(super) fn check(registered: &Registered, raw: &abi::Metric) -> Check {
    ensure(raw.value.is_some(), || "value is missing".into())?;
    for outputs in [2, 3] {
        for rows in [1, 2, 40] {
            with_rows(registered, raw, rows, outputs)
                .map_err(|problem| format!("{rows} rows of {outputs} classes: {problem}"))?;
        }
    }
    // The host does not ask for the value over nothing.
    value(registered, raw, &[], &[], 2).map(drop).or_else(Failed::polite)
}

fn with_rows(registered: &Registered, raw: &abi::Metric, n: usize, outputs: usize) -> Check {
    let mut scores = Draw(n as u64).probabilities(n, outputs);
    let mut truth: Vec<f64> = (0..n).map(|row| (row * 7 / 3 % outputs) as f64).collect();
    let of = |truth: &[f64], scores: &[f64]| -> Result<f64, String> {
        Ok(value(registered, raw, truth, scores, outputs)?)
    };
    let first = of(&truth, &scores)?;
    let again = of(&truth, &scores)?;
    ensure(same(again, first), || "expected the same value again".into())?;
    let (low, high) = range(registered);
    let within = first.is_finite() && (low..=high).contains(&first);
    ensure(first.is_nan() || within, || {
        format!("expected a value from {low} to {high}, not {first}")
    })?;
    on_two_threads("the same value on two threads at once", &first.to_bits(), || {
        Ok(of(&truth, &scores)?.to_bits())
    })?;
    scores.rotate_left(n / 2 * outputs);
    truth.rotate_left(n / 2);
    let turned = of(&truth, &scores)?;
    ensure(same(first, turned) || close(&[first], &[turned]), || {
        format!("expected the order of the rows not to matter: {first} and {turned}")
    })
}

/// Equal, or both without a value.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}
