//! A libtorch that the person has chosen by LIBTORCH or LIBTORCH_USE_PYTORCH: it wins, and is checked as torch-sys will.

use super::state::{self, HEADERS, is_right, wrong_version};
use super::{VERSION, tools};
use crate::error::{Error, Result};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The line that says which one is used, or what is wrong with it; `None` where nothing has been chosen.
pub(super) fn by_the_person(ours: &Path) -> Option<Result<String>> {
    // To torch-sys it matters that the variable is there, not what it holds, and it looks at this one first.
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return Some(pytorch());
    }
    let folder = other_than_ours(env::var_os("LIBTORCH").as_deref(), ours)?;
    // Headers that lie elsewhere are named by a variable of their own.
    let headers = env::var_os("LIBTORCH_INCLUDE").map_or_else(|| folder.clone(), PathBuf::from);
    let bypass = env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some();
    Some(in_folder(&folder, &headers, bypass))
}

/// The value of LIBTORCH, unless it is the one that `.cargo/config.toml` sets for every process that cargo starts.
fn other_than_ours(value: Option<&OsStr>, ours: &Path) -> Option<PathBuf> {
    value.map(PathBuf::from).filter(|folder| resolved(folder) != resolved(ours))
}

/// The path without links, also where its last part does not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let by_parent = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(by_parent).unwrap_or_else(|| path.to_owned())
}

fn in_folder(folder: &Path, headers: &Path, bypass: bool) -> Result<String> {
    let shown = folder.display();
    let remedy = format!(
        "Point LIBTORCH at a libtorch {VERSION}, or unset it and have .libtorch set up for you."
    );
    if !folder.is_dir() {
        return Err(Error::new(format!("LIBTORCH is `{shown}`, which is not a folder"), remedy));
    }
    let found = state::version(folder);
    if let Some(found) = found.as_ref().filter(|found| !is_right(found) && !bypass) {
        let what = format!("LIBTORCH is `{shown}`: {}", wrong_version(found));
        return Err(Error::new(what, remedy));
    }
    // Said here, because the compiler says it minutes later and in other words.
    if !headers.join(HEADERS).exists() {
        let what = format!("LIBTORCH is `{shown}`, but there is no {HEADERS} in it");
        return Err(Error::new(what, remedy));
    }
    Ok(match found {
        Some(found) => format!("libtorch {found} of {shown} is used, as LIBTORCH says"),
        None => format!(
            "libtorch of {shown} is used, as LIBTORCH says; which version it is ({VERSION} is needed) it does not tell"
        ),
    })
}

/// The same imports as torch-sys makes, so that what would fail in the middle of the build fails here.
const PRINT_VERSION: &str =
    "import torch; from torch.utils import cpp_extension; print(torch.__version__)";

fn pytorch() -> Result<String> {
    let python = tools::active_python();
    let remedy = format!(
        "Install it with `{python} -m pip install torch=={VERSION}`, or unset LIBTORCH_USE_PYTORCH and have .libtorch set up for you."
    );
    let output = Command::new(python).args(["-c", PRINT_VERSION]).output().map_err(|e| {
        Error::new(
            format!("LIBTORCH_USE_PYTORCH is set, but `{python}` cannot be run: {e}"),
            remedy.clone(),
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().next_back().unwrap_or("it says nothing");
        return Err(Error::new(
            format!("LIBTORCH_USE_PYTORCH is set, but `{python}` cannot import PyTorch: {last}"),
            remedy,
        ));
    }
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !is_right(&found) && env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_none() {
        let what = format!(
            "LIBTORCH_USE_PYTORCH is set, and the PyTorch of `{python}` does not fit: {}",
            wrong_version(&found)
        );
        return Err(Error::new(what, remedy));
    }
    Ok(format!("libtorch {found} of `{python}`'s PyTorch is used, as LIBTORCH_USE_PYTORCH says"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libtorch::state::tests::make;

    #[test]
    fn the_folder_that_cargo_sets_is_ours_however_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let ours = root.path().join(".libtorch");
        let link = root.path().join("link");
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        std::fs::create_dir(root.path().join("sub")).unwrap();
        for written in [&ours, &root.path().join("sub/../.libtorch"), &link.join(".libtorch")] {
            assert_eq!(
                other_than_ours(Some(written.as_os_str()), &ours),
                None,
                "{}",
                written.display()
            );
        }
        assert_eq!(other_than_ours(None, &ours), None);
        assert_eq!(
            other_than_ours(Some(OsStr::new("/opt/libtorch")), &ours),
            Some("/opt/libtorch".into())
        );
    }

    #[test]
    fn a_chosen_folder_is_judged_by_its_version() {
        let check = |version, bypass| {
            let folder = tempfile::tempdir().unwrap();
            make(folder.path(), version);
            in_folder(folder.path(), folder.path(), bypass).map_err(|error| error.to_string())
        };
        assert!(check(Some("2.13.0+cu130"), false).unwrap().contains("2.13.0+cu130"));
        let error = check(Some("2.4.0"), false).unwrap_err();
        assert!(
            error.contains("2.4.0") && error.contains("2.13.0") && error.contains("unset"),
            "{error}"
        );
        assert!(check(Some("2.4.0"), true).is_ok());
        assert!(check(None, false).unwrap().contains("it does not tell"));
        let nowhere = Path::new("/does/not/exist");
        let refused = |folder, headers| in_folder(folder, headers, true).unwrap_err().to_string();
        assert!(refused(nowhere, nowhere).contains("not a folder"));
        let bare = tempfile::tempdir().unwrap();
        assert!(refused(bare.path(), bare.path()).contains("there is no"));
    }
}
