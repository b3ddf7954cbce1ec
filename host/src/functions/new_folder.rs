//! `new_folder`: a path that nothing uses yet.

use std::path::Path;

use rhai::Engine;

/// `path` itself, or with -2, -3, … at its end: the first that is not there, or is an empty folder.
fn new_folder(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let free = |path: &String| match std::fs::read_dir(Path::new(path)) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !Path::new(path).exists(),
    };
    let numbered = (2u64..).map(|number| format!("{path}-{number}"));
    std::iter::once(path.to_owned()).chain(numbered).find(free).unwrap_or_default()
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("new_folder", new_folder);
}
