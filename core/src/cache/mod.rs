//! What is kept between runs in the user's cache folder: nothing in it is needed, and everything can be
//! made again.

use std::path::PathBuf;

mod contents;
mod entry;
mod stamp;
mod verdicts;
mod volumes;

pub use contents::{Contents, Kept, Removed, clear, list};
pub(crate) use entry::Key;
pub(crate) use stamp::Stamp;
pub use verdicts::Verdicts;
pub use volumes::Volumes;

/// The user's cache folder: `NEURHAI_CACHE`, else `neurhai` in `XDG_CACHE_HOME`, else
/// `~/.cache/neurhai`; nothing where none of these is set.
pub fn folder() -> Option<PathBuf> {
    // Tests leave the user's folder alone.
    if cfg!(test) {
        return None;
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // By the XDG specification a relative path is to be ignored.
    let xdg = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("NEURHAI_CACHE").or_else(|| Some(xdg().or_else(home)?.join("neurhai")))
}
