//! The texts of all scripts that were loaded, so that excerpts show what was run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use neurhai_core::catalog::Origin;
use neurhai_core::train::Script;

use super::CallSite;

/// Script texts by name.
#[derive(Debug, Default)]
pub struct Sources(Mutex<BTreeMap<String, Arc<str>>>);

impl Sources {
    /// Keeps the text of a script.
    pub(crate) fn add(&self, name: &str, text: &str) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(name.to_owned(), text.into());
    }

    /// All scripts, the one of this name first, then by name.
    pub(crate) fn all(&self, first: &str) -> Vec<Script> {
        let texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let script = |(name, text): (&String, &Arc<str>)| Script {
            name: name.clone(),
            text: text.to_string(),
            arguments: Vec::new(),
            replaced: Vec::new(),
        };
        let mut scripts: Vec<Script> = texts.iter().map(script).collect();
        scripts.sort_by_key(|script| script.name != first);
        scripts
    }

    /// The origin of what the call at `site` registers.
    pub(crate) fn origin(&self, site: &CallSite) -> Origin {
        let text = self.text(&site.source).unwrap_or_default();
        Origin::Script {
            file: site.source.clone().into(),
            line: site.line,
            blake3: neurhai_core::files::text_hash(&text),
        }
    }

    /// The text of a script.
    pub fn text(&self, name: &str) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
