//! What is kept between runs in the user's cache folder: nothing in it is needed, and everything can be
//! made again.

use std::path::PathBuf;

mod stamp;
mod verdicts;

pub(crate) use stamp::Stamp;
pub use verdicts::Verdicts;

/// The user's cache folder: `NEURHAI_CACHE`, else `neurhai` in `XDG_CACHE_HOME`, else
/// `~/.cache/neurhai`; nothing where none of these is set.
pub fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // By the XDG specification a relative path is to be ignored.
    let xdg = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("NEURHAI_CACHE").or_else(|| Some(xdg().or_else(home)?.join("neurhai")))
}
