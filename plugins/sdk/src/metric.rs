use std::ffi::c_void;

use neurhai_abi::{self as abi, Sink, Status};

use crate::call::{Failure, guard, object, place, slice, structure};
use crate::{Info, Result};

/// A measure of how good predictions are.
pub trait Metric: Send + Sync + 'static {
    /// Name, help, formula, direction and range.
    fn info(&self) -> Info;

    /// The value; NaN where it is not defined.
    ///
    /// # Errors
    /// Whatever makes it impossible.
    fn value(&self, rows: &Rows<'_>) -> Result<f64>;
}

/// The predictions for a set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    /// Outputs per row: one probability per class.
    pub outputs: usize,
    /// The true class code of each row.
    pub truth: &'a [f64],
    /// The predicted class code of each row.
    pub predicted: &'a [f64],
    /// `[row, output]`, the last fastest.
    pub scores: &'a [f64],
}

pub(crate) unsafe extern "C" fn value<T: Metric>(
    data: *mut c_void,
    rows: *const abi::Rows,
    value: *mut f64,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry, rows valid during the call, and a
        // place for the answer.
        let (metric, raw, value) = unsafe { (object::<T>(data)?, structure(rows)?, place(value)?) };
        let numbers = raw.rows.checked_mul(raw.outputs);
        let numbers = numbers.ok_or_else(|| Failure::Invalid("rows too many to count".into()))?;
        // SAFETY: the interface promises as many numbers behind each pointer.
        let rows = unsafe {
            Rows {
                outputs: raw.outputs,
                truth: slice(raw.truth, raw.rows)?,
                predicted: slice(raw.predicted, raw.rows)?,
                scores: slice(raw.scores, numbers)?,
            }
        };
        *value = metric.value(&rows)?;
        Ok(())
    })
}
