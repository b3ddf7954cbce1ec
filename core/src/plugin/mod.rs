//! Compiled plugins: found in folders, judged before any of their code runs, and registered all or
//! nothing. The interface is `neurhai-abi`; plugins are written with the SDK or in plain C.
//!
//! A plugin is code with all the rights of this process. What can be told from its file is checked
//! before it is loaded; what it gives is checked when it is used; a crash inside it cannot be caught.
//! Libraries are never unloaded, because nothing tells whether something of theirs is still alive.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::catalog::{Catalog, Origin};
use crate::error::{Code, Error, Place, Result};

mod architecture;
mod folder;
mod handle;
mod info;
mod layer;
mod library;
mod loss;
mod manifest;
mod metric;
mod stage;
mod text;
mod transpose;
mod vote;

pub use folder::{Found, Refused, load_folders};
pub use manifest::{Manifest, Tensors};

use handle::About;
use stage::Staging;

/// What is accepted beside plugins that are safe to load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// Files and folders that every user may write to.
    pub allow_writable: bool,
    /// Plugins in which a panic ends the process.
    pub allow_panic_abort: bool,
}

/// A plugin that was loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plugin {
    /// What its file says about it.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The library, with links resolved.
    pub file: PathBuf,
    /// The library's BLAKE3 hash.
    pub blake3: String,
    /// What it registered, in its own order.
    pub entries: Vec<Registered>,
}

/// An entry that a plugin registered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Registered {
    /// `layer`, `vote`, ….
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where the entry came from whose place it took, if it did.
    pub replaces: Option<Origin>,
}

/// Reads what a plugin's file says about it, without running any of its code.
///
/// # Errors
/// [`Code::BadPlugin`] with the reason.
pub fn inspect(file: &Path) -> Result<Manifest> {
    let data = library::read(file)?;
    manifest::read(&data).map_err(|error| error.at(Place::File(file.into())))
}

/// Loads a plugin and registers what it brings; if anything is wrong, nothing of it is registered.
///
/// # Errors
/// [`Code::BadPlugin`] or [`Code::UnsafePlugin`], with the file and the reason.
pub fn load(catalog: &mut Catalog, file: &Path, policy: Policy) -> Result<Plugin> {
    let real = library::resolve(file)?;
    library::check_rights(file, &real, policy)?;
    let read = Read::from(&real).map_err(|error| error.at(Place::File(file.into())))?;
    register(catalog, file, real, read, policy)
}

/// What a plugin's file says, and none of its code has run.
struct Read {
    blake3: String,
    manifest: Result<Manifest>,
}

impl Read {
    fn from(real: &Path) -> Result<Self> {
        let data = library::read(real)?;
        let blake3 = blake3::hash(&data).to_hex().to_string();
        Ok(Self { blake3, manifest: manifest::read(&data) })
    }
}

/// Opens a library whose rights were checked and registers what it brings.
fn register(
    catalog: &mut Catalog,
    file: &Path,
    real: PathBuf,
    Read { blake3, manifest }: Read,
    policy: Policy,
) -> Result<Plugin> {
    let at = |error: Error| error.at(Place::File(file.into()));
    let manifest = manifest.map_err(at)?;
    manifest.check(policy).map_err(at)?;
    let init = library::open(&real, &manifest, &blake3).map_err(at)?;
    let about = Arc::new(About {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        file: real.clone(),
        blake3: blake3.clone(),
        tensors: manifest.tensors != Tensors::None,
    });
    let staging = Staging::fill(catalog, about, init).map_err(|error| {
        let message = format!("the plugin {:?} failed while it registered", manifest.name);
        at(Error::new(Code::BadPlugin, message).because(&error).help("nothing of it is used"))
    })?;
    let entries = staging.commit(catalog).map_err(at)?;
    Ok(Plugin { manifest, file: real, blake3, entries })
}

#[cfg(test)]
mod tests;
