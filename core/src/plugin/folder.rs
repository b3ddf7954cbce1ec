//! Folders of plugins.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Plugin, Policy, Read, library, register};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Place, Result};

/// What was found in folders.
#[derive(Debug, Default)]
pub struct Found {
    /// The plugins that were loaded, in order.
    pub plugins: Vec<Plugin>,
    /// The files that were not, in order, and why.
    pub refused: Vec<Refused>,
}

/// A file that looks like a plugin and was not loaded.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// The file.
    pub file: PathBuf,
    /// Whether it is only left out because the same plugin was found before, which is no mistake.
    pub repeated: bool,
    /// Why.
    #[serde(skip)]
    pub error: Error,
}

/// Loads every plugin in these folders, in the order of the folders and then of the file names.
/// Only files with this system's suffix for libraries are looked at.
///
/// # Errors
/// A folder that cannot be listed. A bad plugin is no error: it is among those refused.
pub fn load_folders(catalog: &mut Catalog, folders: &[PathBuf], policy: Policy) -> Result<Found> {
    let mut found = Found::default();
    for folder in folders {
        for file in libraries(folder)? {
            match load_new(catalog, &file, policy, &found.plugins) {
                Ok(plugin) => found.plugins.push(plugin),
                Err((error, repeated)) => found.refused.push(Refused { file, repeated, error }),
            }
        }
    }
    Ok(found)
}

/// The files in a folder that may be plugins, in the order of their names.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io(folder, "look into the folder of plugins", &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(std::env::consts::DLL_SUFFIX) && !name.starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn load_new(
    catalog: &mut Catalog,
    file: &Path,
    policy: Policy,
    loaded: &[Plugin],
) -> Result<Plugin, (Error, bool)> {
    let wrong = |error| (error, false);
    let real = library::resolve(file).map_err(wrong)?;
    let read = Read::from(&real).map_err(wrong)?;
    if let Some(same) =
        loaded.iter().find(|plugin| plugin.file == real || plugin.blake3 == read.blake3)
    {
        let message = format!("the same plugin was loaded from {}", same.file.display());
        let error = Error::new(Code::BadPlugin, message).at(Place::File(file.into()));
        return Err((error, true));
    }
    if let Ok(manifest) = &read.manifest
        && let Some(other) = loaded.iter().find(|other| other.manifest.name == manifest.name)
    {
        let error = Error::new(
            Code::BadPlugin,
            format!(
                "a plugin called {:?} was loaded already: version {} from {}",
                manifest.name,
                other.manifest.version,
                other.file.display()
            ),
        );
        let error = error.at(Place::File(file.into()));
        return Err(wrong(error.help("keep one of the two in the folders of plugins")));
    }
    library::check_rights(file, &real, policy).map_err(wrong)?;
    register(catalog, file, real, read, policy).map_err(wrong)
}
