//! The texts of all scripts that were loaded, so that excerpts show what was run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Script texts by name.
#[derive(Debug, Default)]
pub struct Sources(Mutex<BTreeMap<String, Arc<str>>>);

impl Sources {
    /// Keeps the text of a script.
    pub(crate) fn add(&self, name: &str, text: &str) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(name.to_owned(), text.into());
    }

    /// The text of a script.
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
