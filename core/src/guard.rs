//! Panics as errors, where one item of many is worked on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Code, Error, Result};

/// What `work` gives. What it changed before a panic is not looked at again.
///
/// # Errors
/// What it says; [`Code::Internal`] where it panics.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let words = payload.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(Error::new(Code::Internal, format!("a panic: {}", words.unwrap_or("without words"))))
    })
}
