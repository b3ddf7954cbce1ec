//! Plugins by force: what is wrong with a file or a plugin is said in a line that names it, nothing
//! of it stays registered, and the program goes on.

mod calls;
mod files;
mod panics;
pub(crate) mod shipped;

use std::path::{Path, PathBuf};
use std::process::Command;

use neurhai_core::catalog::Catalog;
use neurhai_core::contract;
use neurhai_core::plugin::{Found, Policy, load_folders};

use crate::root;

/// The libraries of the shipped plugins, which cargo builds beside the tests.
fn shipped_libraries() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("")
}

/// A folder of plugins.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Compiles hostile.c for one case into `NAME.so`.
    fn hostile(&self, name: &str, case: &str) -> PathBuf {
        self.compile(name, &[&format!("-DCASE={case}")])
    }

    fn compile(&self, name: &str, defines: &[&str]) -> PathBuf {
        self.compile_source("hostile.c", name, defines)
    }

    fn compile_source(&self, source: &str, name: &str, defines: &[&str]) -> PathBuf {
        let file = self.file(&format!("{name}.so"));
        let source = root().join("tests/fixtures/plugins").join(source);
        let output = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
            .args(["-std=gnu99", "-w", "-fPIC", "-shared"])
            .args(defines)
            .arg(source)
            .arg("-o")
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    }

    /// Loads the folder into a fresh catalog.
    fn load(&self) -> (Catalog, Found) {
        self.load_with(Policy::default())
    }

    fn load_with(&self, policy: Policy) -> (Catalog, Found) {
        let mut catalog = Catalog::built_in().unwrap();
        let found = load_folders(&mut catalog, &[self.path().into()], policy).unwrap();
        (catalog, found)
    }

    /// Loads the folder, which must hold one bad plugin and nothing else; the refusal says all
    /// `parts`, and the catalog is what it was.
    #[track_caller]
    fn refused(&self, parts: &[&str]) -> String {
        let (catalog, found) = self.load();
        assert!(found.plugins.is_empty(), "{:?}", found.plugins);
        let [refused] = &found.refused[..] else { panic!("{:?}", found.refused) };
        let text = refused.error.to_string();
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
        assert!(text.len() < 4000, "{} bytes", text.len());
        let shown = neurhai_host::plugins::refusal(refused);
        assert!(!shown.contains('\n') && shown.contains(".so"), "{shown}");
        assert_eq!(
            contract::entries(&catalog),
            contract::entries(&Catalog::built_in().unwrap()),
            "nothing of a refused plugin remains"
        );
        text
    }
}
