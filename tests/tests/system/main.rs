//! Whole-system tests: the program as a user starts it, on real files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should fail where it stands")]

mod bad_input;
mod cache;
mod check;
mod compare;
mod configuration;
mod contract;
mod examples;
mod force;
mod generate;
mod interpret;
mod list;
mod manners;
mod plugins;
mod predict;
mod prepare;
mod readme;
mod records;
mod repl;
mod report;
mod resume;
mod scripts;
mod search;
mod structure;
mod track;
mod tsv;
mod write;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use neurhai_core::data::phantom::{PhantomOptions, generate};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_host-under-test");

/// The program, to be started in `folder`.
fn host(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    at_home(&mut command, folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

/// A command in `folder`, which is all that it sees of the user's plugins and history.
fn at_home<'c>(command: &'c mut Command, folder: &Path) -> &'c mut Command {
    for variable in [
        "CLICOLOR_FORCE",
        "MKL_NUM_THREADS",
        "NEURHAI_CACHE",
        "NEURHAI_PLUGINS",
        "NEURHAI_TRACK",
        "OMP_NUM_THREADS",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ] {
        command.env_remove(variable);
    }
    command.current_dir(folder).env("HOME", folder)
}

/// Cargo, to be started in the folder of a crate; what it needs was fetched for this build.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// Says that the test that calls this is left out, past the capture of what tests print.
fn left_out(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "{test} is left out: {why}");
}

/// As [`left_out`], where `NEURHAI_ALL_TESTS` does not ask for all of them.
#[track_caller]
fn may_be_left_out(why: &str) {
    assert!(std::env::var_os("NEURHAI_ALL_TESTS").is_none(), "{why}");
    left_out(why);
}

/// A Python that has these modules: the one that `NEURHAI_PYTHON` names, or the system's.
#[track_caller]
fn python(modules: &[&str]) -> Option<PathBuf> {
    // A folder of the name of a module has no origin.
    let find = "import sys; from importlib.util import find_spec as find\n\
                found = [find(name) for name in sys.argv[1:]]\n\
                sys.exit(not all(one and one.origin for one in found))";
    let named = std::env::var_os("NEURHAI_PYTHON").map(PathBuf::from);
    let mut known = named.into_iter().chain(["python3", "/usr/bin/python3"].map(PathBuf::from));
    let found = known.find(|python| {
        let asked = Command::new(python).args(["-c", find]).args(modules).output();
        asked.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        may_be_left_out(&format!("no Python has {}", modules.join(" and ")));
    }
    found
}

/// The real data that may lie beside the repository, for which they are too large.
fn shared_data() -> Option<PathBuf> {
    let data = root().join("../shared/data");
    if data.is_dir() {
        return Some(data);
    }
    left_out("there is no ../shared/data");
    None
}

/// What the program said: its output, then its messages.
fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A folder of its own with a small CAPS of phantoms (`data/caps`, `data/labels.tsv`, `data/splits`).
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&phantoms(), &folder.path().join("data"));
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes `text` as a script; `TRAIN` in it stands for a training that takes a second or two.
    fn script(&self, text: &str) -> PathBuf {
        let file = self.path().join("script.rhai");
        std::fs::write(&file, text.replace("TRAIN", TRAIN)).unwrap();
        file
    }

    fn run(&self, text: &str) -> Output {
        self.script(text);
        host(self.path()).args(["run", "script.rhai"]).output().unwrap()
    }

    /// Runs a script that must fail with code 1, say all `parts`, and leave no experiment folder.
    #[track_caller]
    fn refused(&self, text: &str, parts: &[&str]) {
        let output = self.run(text);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
        assert!(!self.path().join("maps").exists(), "a refused run leaves nothing behind");
    }

    /// All images, sorted.
    fn images(&self) -> Vec<PathBuf> {
        let caps = self.path().join("data/caps");
        let mut images: Vec<PathBuf> = files(&caps.join("subjects"));
        images.retain(|file| file.to_string_lossy().ends_with(".nii.gz"));
        images
    }

    fn table(&self, name: &str) -> PathBuf {
        self.path().join("data/splits").join(name)
    }
}

impl Drop for Place {
    /// What commands left in experiment folders is known to `host describe`, whatever the test was about.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            records::assert_known(self.path());
        }
    }
}

const TRAIN: &str = r#"
    architecture("Tiny", #{}, |p| [
        conv(4, 3, #{ stride: 2 }), batch_norm(), relu(), max_pool(2), flatten(), linear(p.outputs)
    ]);
    train(#{ data: caps("data/caps"), splits: "data/splits", architecture: "Tiny", epochs: 2,
             batch_size: 4, learning_rate: 1e-3, device: "cpu", output: "maps" });
"#;

/// Phantoms that all tests copy, made once.
fn phantoms() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = PhantomOptions {
            participants_per_class: 6,
            image_size: [20, 22, 18],
            ..PhantomOptions::default()
        };
        let made = generate(&folder.path().join("made"), &options).unwrap();
        copy(&made.caps, &folder.path().join("data/caps"));
        copy(&made.splits, &folder.path().join("data/splits"));
        std::fs::copy(&made.labels, folder.path().join("data/labels.tsv")).unwrap();
        folder
    });
    folder.path().join("data")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
