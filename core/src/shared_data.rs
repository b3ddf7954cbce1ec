//! For tests: the real data that may lie beside the repository, for which they are too large.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder; where it is not there, the test that asks for it says that it is left out, past the
/// capture of what tests print.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if data.is_dir() {
        return Some(data);
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{test} is left out: there is no ../shared/data");
    None
}
