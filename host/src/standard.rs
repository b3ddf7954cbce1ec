//! The standard architectures come as scripts, which run after plugins are loaded. Their names are
//! taken before, so that a plugin clashes with them, or replaces them, as with anything built in.

use neurhai_core::catalog::{
    Architecture, ArchitectureEntry, ArchitectureRequest, Catalog, Entry, Origin,
};
use neurhai_core::network::NetworkSpec;
use neurhai_core::{Code, Error, Result};

use crate::imports::ARCHITECTURES;

/// Holds a name until the script has run.
struct Reserved;

impl Architecture for Reserved {
    fn build(&self, _: &ArchitectureRequest, _: &Catalog) -> Result<NetworkSpec> {
        Err(Error::new(Code::Internal, "the script of a standard architecture did not run"))
    }
}

fn reservation(module: &str) -> Origin {
    Origin::Script { file: module.into(), line: 1, blake3: String::new() }
}

/// A catalog with everything that is built in, for plugins to be loaded into.
///
/// # Errors
/// None, unless two built-in entries share a name, which a test excludes.
pub fn catalog() -> Result<Catalog> {
    let mut catalog = Catalog::built_in()?;
    for (module, name) in ARCHITECTURES {
        catalog.architectures.register(ArchitectureEntry {
            name: (*name).into(),
            help: String::new(),
            source: String::new(),
            options: Vec::new(),
            origin: reservation(module),
            architecture: Box::new(Reserved),
        })?;
    }
    Ok(catalog)
}

/// Whether a standard architecture should not register itself, because a plugin has taken its place;
/// its reservation is given up otherwise.
pub(crate) fn is_replaced(catalog: &mut Catalog, entry: &ArchitectureEntry) -> bool {
    let Origin::Script { file, .. } = &entry.origin else { return false };
    let standard = |(module, name): &&(&str, &str)| {
        *name == entry.name && file.as_os_str() == std::ffi::OsStr::new(module)
    };
    let Some((module, name)) = ARCHITECTURES.iter().find(standard) else { return false };
    match catalog.architectures.find(name).map(|other| other.origin()) {
        Some(Origin::Plugin { .. }) => true,
        Some(origin) if *origin == reservation(module) => {
            catalog.architectures.remove(name);
            false
        }
        _ => false,
    }
}
