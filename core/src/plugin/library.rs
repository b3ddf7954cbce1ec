//! Files of plugins: their rights, their bytes, and loading them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use neurhai_abi::{self as abi, Structure};

use super::Policy;
use super::manifest::{self, Manifest};
use crate::error::{Code, Error, Place, Result};

/// Larger files are no plugins.
const MAX_BYTES: u64 = 1 << 30;

/// The file that `path` leads to, which must be there.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    let bad = |message: &str| Error::new(Code::BadPlugin, message).at(Place::File(path.into()));
    let real = path.canonicalize().map_err(|error| match path.is_symlink() {
        true => bad("the link leads nowhere").because(error),
        false => Error::io(path, "find the plugin", &error),
    })?;
    match std::fs::metadata(&real) {
        Ok(about) if about.is_dir() => Err(bad("it is a folder, not a library")),
        Ok(about) if !about.is_file() => Err(bad("it is not a regular file")),
        Ok(about) if about.len() > MAX_BYTES => Err(bad("the file is too large to be a plugin")),
        Ok(_) => Ok(real),
        Err(error) => Err(Error::io(path, "look at the plugin", &error)),
    }
}

/// Refuses what every user may change: the file, the folder it lies in, the folder that a link to it
/// lies in, and the folders above, where it could be exchanged. In folders above, the sticky bit keeps
/// others from that.
pub(super) fn check_rights(given: &Path, real: &Path, policy: Policy) -> Result<()> {
    if policy.allow_writable {
        return Ok(());
    }
    check_path(real, "file", false)?;
    let listed = match given.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let listed = listed.canonicalize().map_err(|e| Error::io(listed, "look at it", &e))?;
    for folder in [Some(listed.as_path()), real.parent()].into_iter().flatten() {
        check_path(folder, "folder", false)?;
        for above in folder.ancestors().skip(1) {
            check_path(above, "folder", true)?;
        }
    }
    Ok(())
}

fn check_path(path: &Path, what: &str, sticky_is_safe: bool) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path).map_err(|e| Error::io(path, "look at it", &e))?;
    let safe = about.mode() & 0o002 == 0 || (sticky_is_safe && about.mode() & 0o1000 != 0);
    if safe {
        return Ok(());
    }
    let message = format!("every user of this machine may write to this {what}");
    Err(Error::new(Code::UnsafePlugin, message)
        .at(Place::File(path.into()))
        .help(format!("chmod o-w {}, or pass --allow-writable-plugins", path.display())))
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Error::io(file, "read the plugin", &error))
}

/// What was loaded, by its path: the file's BLAKE3 hash. The system gives the code that it has for a
/// path, even if the file there is another one by now.
static LOADED: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// The function by which a plugin registers.
pub(super) type Init = unsafe extern "C" fn(*const abi::Host, abi::Sink) -> abi::Status;

/// Loads a library whose file has been judged; it stays loaded until the process ends.
pub(super) fn open(file: &Path, manifest: &Manifest, blake3: &str) -> Result<Init> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if loaded.get(file).is_some_and(|before| before != blake3) {
        return Err(Error::new(Code::BadPlugin, "an older build of this library is loaded")
            .help("restart the program, which then loads this one"));
    }
    let failed = |error: libloading::Error| {
        // The reason is in the source; the error itself says only what was tried.
        let cause =
            std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
        Error::new(Code::BadPlugin, "the system cannot load the library").because(cause)
    };
    // SAFETY: constructors of the library run now. It is a plugin for this interface and machine,
    // the user has put it where plugins are looked for, and it is whole.
    let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }.map_err(failed)?;
    let library = std::mem::ManuallyDrop::new(library);
    loaded.insert(file.into(), blake3.into());
    drop(loaded);
    // SAFETY: the symbol is data of the type `Entry`, as the manifest's magic number says.
    let entry = unsafe { library.get::<*const abi::Entry>(abi::ENTRY_SYMBOL.to_bytes_with_nul()) };
    let entry = entry.map_err(failed)?;
    // SAFETY: the symbol lies in a library that stays loaded, and in its file it has at least as many
    // bytes, none of which is padding.
    let bytes = unsafe { std::slice::from_raw_parts(entry.cast::<u8>(), abi::Entry::SIZE_0) };
    if manifest::decode(bytes).ok().as_ref() != Some(manifest) {
        return Err(Error::new(Code::BadPlugin, "the file changed while it was loaded"));
    }
    // SAFETY: as above; the size that it says was checked just now.
    let init = unsafe { abi::read(*entry) }.map(|entry| entry.init).ok().flatten();
    init.ok_or_else(|| Error::new(Code::BadPlugin, "the plugin has no init function"))
}
