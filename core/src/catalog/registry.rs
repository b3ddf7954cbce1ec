//! The entries of one kind, each with a name and an origin.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result, did_you_mean};

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Origin {
    /// Part of this program.
    BuiltIn,
    /// A compiled plugin.
    Plugin {
        /// The plugin's own name.
        plugin: String,
        /// Its version.
        version: String,
        /// The library it was loaded from.
        file: PathBuf,
        /// The library's BLAKE3 hash.
        blake3: String,
    },
    /// A script.
    Script {
        /// The script's file, or a name such as `zoo/conv5_fc3` for an embedded one.
        file: PathBuf,
        /// The line of the registration, from 1.
        line: usize,
        /// The BLAKE3 hash of the script's text.
        blake3: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => write!(f, "built in"),
            Self::Plugin { plugin, version, file, .. } => {
                write!(f, "plugin {plugin} {version} ({})", file.display())
            }
            Self::Script { file, line, .. } => write!(f, "{}:{line}", file.display()),
        }
    }
}

/// Something with a name and an origin.
pub trait Entry {
    /// The registered name.
    fn name(&self) -> &str;
    /// Where it comes from.
    fn origin(&self) -> &Origin;
}

/// The entries of one kind, in the order of their registration.
#[derive(Debug)]
pub struct Registry<E> {
    what: &'static str,
    /// Names that mean something else where entries of this kind are named.
    reserved: &'static [&'static str],
    entries: Vec<Arc<E>>,
}

impl<E: Entry> Registry<E> {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, reserved: &[], entries: Vec::new() }
    }

    pub(super) fn reserving(self, reserved: &'static [&'static str]) -> Self {
        Self { reserved, ..self }
    }

    /// What one entry is called: `layer`, `vote`, ….
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What one entry is called, with its article.
    fn one(&self) -> String {
        let article = if self.what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        format!("{article} {}", self.what)
    }

    /// Whether an entry of this name and origin could be added.
    ///
    /// # Errors
    /// [`Code::NameTaken`] if the name is malformed or taken; the message names both origins.
    pub fn check(&self, name: &str, origin: &Origin) -> Result<()> {
        self.check_name(name)?;
        match self.find(name) {
            None => Ok(()),
            Some(other) => Err(Error::new(
                Code::NameTaken,
                format!(
                    "the {} {name:?} of {origin} is already registered: {}",
                    self.what,
                    other.origin()
                ),
            )
            .help("choose another name, or say that it replaces the other")),
        }
    }

    pub(crate) fn check_name(&self, name: &str) -> Result<()> {
        let well_formed = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.reserved.contains(&name) {
            let message = format!("{} cannot be called {name:?}, which is taken", self.one());
            return Err(Error::new(Code::NameTaken, message).help("choose another name"));
        }
        if !name.is_empty() && name.len() <= 64 && well_formed {
            return Ok(());
        }
        let shown: String = name.chars().take(64).collect();
        Err(Error::new(Code::NameTaken, format!("{} cannot be called {shown:?}", self.one()))
            .help("names are made of letters, digits and _, at most 64 of them"))
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// As [`Registry::check`].
    pub fn register(&mut self, entry: E) -> Result<()> {
        self.check(entry.name(), entry.origin())?;
        self.entries.push(Arc::new(entry));
        Ok(())
    }

    /// Puts an entry in the place of the one of the same name; adds it where there is none.
    ///
    /// # Errors
    /// [`Code::NameTaken`] if the name is malformed.
    pub fn replace(&mut self, entry: E) -> Result<()> {
        self.check_name(entry.name())?;
        match self.entries.iter().position(|other| other.name() == entry.name()) {
            Some(place) => self.entries[place] = Arc::new(entry),
            None => self.entries.push(Arc::new(entry)),
        }
        Ok(())
    }

    /// Takes an entry out.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name() != name);
    }

    /// The entry of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<E>> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// The entry of this name, or an error that suggests the nearest.
    ///
    /// # Errors
    /// [`Code::UnknownName`].
    pub fn get(&self, name: &str) -> Result<&Arc<E>> {
        self.find(name).ok_or_else(|| {
            let near = did_you_mean(name, self.names());
            let known: Vec<_> = self.names().collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            Error::new(Code::UnknownName, format!("there is no {} {name:?}{near}", self.what))
                .help(format!("known are: {known}"))
        })
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name())
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<E>> {
        self.entries.iter()
    }
}
