//! Where plugins are looked for, and what is said about those that are refused.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use neurhai_core::catalog::Catalog;
use neurhai_core::plugin::{Found, Policy, Refused, Registered, load_folders};
use neurhai_core::{Code, Error, Problems, Result};

/// How plugins are found.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Plugins")]
pub struct Options {
    /// A folder of plugins; may be given several times
    #[arg(long, global = true, value_name = "DIR")]
    pub plugins: Vec<PathBuf>,

    /// Load no plugins
    #[arg(long, global = true, conflicts_with = "plugins")]
    pub no_plugins: bool,

    /// Stop at a plugin that cannot be loaded
    #[arg(long, global = true)]
    pub strict_plugins: bool,

    /// Take plugins from files and folders that every user may write to
    #[arg(long, global = true)]
    pub allow_writable_plugins: bool,

    /// Take plugins in which a panic ends this program
    #[arg(long, global = true)]
    pub allow_panic_abort: bool,
}

impl Options {
    /// As they are written on a command line.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let folders = self.plugins.iter().flat_map(|folder| ["--plugins".into(), folder.into()]);
        let flags = [
            ("--no-plugins", self.no_plugins),
            ("--strict-plugins", self.strict_plugins),
            ("--allow-writable-plugins", self.allow_writable_plugins),
            ("--allow-panic-abort", self.allow_panic_abort),
        ];
        let flags = flags.into_iter().filter(|(_, given)| *given);
        folders.chain(flags.map(|(flag, _)| flag.into())).collect()
    }

    /// What is accepted.
    pub fn policy(&self) -> Policy {
        Policy {
            allow_writable: self.allow_writable_plugins,
            allow_panic_abort: self.allow_panic_abort,
        }
    }

    /// The folders that are looked into: those given, those of `NEURHAI_PLUGINS`, `plugins` beside
    /// the script, and the user's own. Of the last three only those that exist.
    pub fn folders(&self, script_folder: Option<&Path>) -> Vec<PathBuf> {
        if self.no_plugins {
            return Vec::new();
        }
        let mut folders = self.plugins.clone();
        folders.extend(named_by_variable().into_iter().filter(|folder| folder.is_dir()));
        let own = [script_folder.map(|folder| folder.join("plugins")), user_folder()];
        folders.extend(own.into_iter().flatten().filter(|folder| folder.is_dir()));
        folders
    }

    /// Loads all plugins into the catalog. With `--strict-plugins` one that cannot be loaded is an
    /// error.
    ///
    /// # Errors
    /// A folder that cannot be listed, or everything that was refused.
    pub fn load(&self, catalog: &mut Catalog, script_folder: Option<&Path>) -> Result<Found> {
        let found = load_folders(catalog, &self.folders(script_folder), self.policy())?;
        if self.strict_plugins {
            let mut problems = Problems::default();
            for refused in found.refused.iter().filter(|refused| !refused.repeated) {
                problems.push(refused.error.clone());
            }
            problems.into_result()?;
        }
        Ok(found)
    }
}

fn named_by_variable() -> Vec<PathBuf> {
    let variable = std::env::var_os("NEURHAI_PLUGINS").unwrap_or_default();
    std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The folders of `NEURHAI_PLUGINS` that are not there.
pub fn missing_folders() -> Vec<PathBuf> {
    named_by_variable().into_iter().filter(|folder| !folder.is_dir()).collect()
}

/// `~/.local/share/neurhai/plugins`, or where `XDG_DATA_HOME` leads.
fn user_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let data = set("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/share")));
    Some(data?.join("neurhai/plugins"))
}

/// A line for each entry that took the place of another, as results depend on it.
pub fn replacements(found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    for plugin in &found.plugins {
        for entry in &plugin.entries {
            let Registered { kind, name, replaces: Some(origin) } = entry else { continue };
            let by = format!("plugin {} {}", plugin.manifest.name, plugin.manifest.version);
            lines.push(format!("{by} replaces the {kind} {name:?} ({origin})"));
        }
    }
    lines
}

/// One line about a file that was refused.
pub fn refusal(refused: &Refused) -> String {
    let why = |error: &Error| {
        let problem = &error.problems()[0];
        match &problem.cause {
            // The first line of a cause is the reason; what follows is detail for its author.
            Some(cause) => {
                format!("{}: {}", problem.message, cause.lines().next().unwrap_or_default())
            }
            None => problem.message.clone(),
        }
    };
    let code = refused.error.code();
    let code = if code == Code::BadPlugin { String::new() } else { format!(" [{}]", code.id()) };
    format!("plugin refused{code}: {}: {}", refused.file.display(), why(&refused.error))
}
