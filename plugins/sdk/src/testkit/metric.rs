//! Contracts of metrics.

use super::{Check, Draw, Registered, call, close, ensure, on_two_threads};
use crate::abi;

fn value(
    registered: &Registered,
    raw: &abi::Metric,
    outputs: usize,
    columns: &[(f64, f64, Vec<f64>)],
) -> Result<f64, super::Failed> {
    let truth: Vec<f64> = columns.iter().map(|row| row.0).collect();
    let predicted: Vec<f64> = columns.iter().map(|row| row.1).collect();
    let scores: Vec<f64> = columns.iter().flat_map(|row| row.2.clone()).collect();
    let rows = abi::Rows {
        struct_size: size_of::<abi::Rows>() as u32,
        reserved: 0,
        rows: columns.len(),
        outputs,
        truth: truth.as_ptr(),
        predicted: predicted.as_ptr(),
        scores: scores.as_ptr(),
    };
    let (mut value, data) = (0.0, registered.kind.item().data);
    call("value", |error| {
        // SAFETY: all pointers are into what lives until the call returns.
        raw.value.map_or(abi::INVALID, |f| unsafe { f(data, &rows, &mut value, error) })
    })?;
    Ok(value)
}

pub(super) fn check(registered: &Registered, raw: &abi::Metric) -> Check {
    ensure(raw.value.is_some(), || "value is missing".into())?;
    for (rows, outputs) in [(40, 2), (30, 3), (1, 2), (0, 2)] {
        let scores = Draw(rows as u64).probabilities(rows, outputs);
        let mut columns = Vec::new();
        for (row, scores) in scores.chunks_exact(outputs).enumerate() {
            let largest = (0..outputs).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
            columns.push((
                (row * 7 % outputs) as f64,
                largest.unwrap_or(0) as f64,
                scores.to_vec(),
            ));
        }
        let found = match value(registered, raw, outputs, &columns) {
            Ok(found) => found,
            Err(failed) if rows == 0 => {
                failed.polite()?;
                continue;
            }
            Err(failed) => return Err(failed.into()),
        };
        ensure(!found.is_infinite(), || format!("expected a finite value or NaN, not {found}"))?;
        on_two_threads(&found.to_bits(), || {
            Ok(value(registered, raw, outputs, &columns)?.to_bits())
        })?;
        columns.reverse();
        let turned = value(registered, raw, outputs, &columns)?;
        ensure(close(&[found], &[turned], 1e-9), || {
            format!("expected another order of rows to change nothing: {found} and {turned}")
        })?;
    }
    Ok(())
}
