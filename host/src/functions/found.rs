//! What a call of a script found.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult};
use serde::Serialize;

use super::train::{halted, to_value};

/// What was found, as scripts hold it; nothing where scripts are only checked.
pub(super) struct Found<T>(Option<Arc<T>>);

impl<T> Found<T> {
    pub(super) fn new(found: Option<T>) -> Self {
        Self(found.map(Arc::new))
    }

    /// What was found, or the quiet end of a script that needs it.
    pub(super) fn get(&self) -> Result<&T, Box<EvalAltResult>> {
        self.0.as_deref().ok_or_else(halted)
    }

    /// A part of it as a script's value.
    pub(super) fn part<P: Serialize>(
        &self,
        part: impl Fn(&T) -> &P,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        to_value(part(self.get()?))
    }
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
