//! Getting a wheel with pip, which knows the person's proxies, mirrors and certificates.

use super::progress::Progress;
use super::staging::Staging;
use super::wheels::{PYTHON_TAG, Wheel};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Downloads the wheel. It comes to its place in the staging folder by a rename, once pip has compared its SHA-256.
pub(super) fn fetch(python: &str, wheel: &Wheel, staging: &Staging) -> Result<()> {
    let (incoming, temporary) = (staging.fresh("incoming")?, staging.fresh("pip")?);
    let requirements = temporary.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    fs::write(&requirements, line).map_err(|e| Error::file(format!("write {}", requirements.display()), &e))?;

    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input", "--disable-pip-version-check"]);
    // Asked for by its tags, the wheel does not depend on the Python that runs pip. Without pip's cache there is one
    // copy less on the disk, and with its temporary files here they are tidied up even after it was killed.
    command.args(["--no-cache-dir", "--only-binary=:all:", "--implementation=cp"]);
    command.args(["--python-version", PYTHON_TAG, "--platform", wheel.platform]);
    command.arg("--dest").arg(&incoming).arg("--requirement").arg(&requirements);
    command.env("TMPDIR", &temporary).env("PIP_REQUIRE_VIRTUALENV", "0").stdin(Stdio::null());

    let status = if stderr().is_terminal() {
        command.stdout(stderr()).status().map_err(|e| Error::file(format!("run {python}"), &e))?
    } else {
        quietly(command, wheel, &temporary)?
    };
    let arrived = incoming.join(wheel.file);
    if !status.success() || !arrived.is_file() {
        return Err(Error::new(
            format!("pip could not get {} {} ({status})", wheel.package, wheel.version),
            "What pip said is above. Run the same command again when that is mended: what is complete is kept.",
        ));
    }
    fs::rename(&arrived, staging.wheel(wheel)).map_err(|e| Error::file(format!("move {}", arrived.display()), &e))
}

/// Where nobody watches a bar: lines with megabytes now and then, and what pip says only if it fails.
fn quietly(mut command: Command, wheel: &Wheel, temporary: &Path) -> Result<ExitStatus> {
    let log = temporary.join("log");
    let output = File::create(&log).map_err(|e| Error::file(format!("write {}", log.display()), &e))?;
    let errors = output.try_clone().map_err(|e| Error::file(format!("write {}", log.display()), &e))?;
    command.args(["--progress-bar", "off"]).stdout(output).stderr(errors);
    let mut child = command.spawn().map_err(|e| Error::file("run pip", &e))?;
    let mut progress = Progress::new(format!("downloaded {} {}", wheel.package, wheel.version), wheel.bytes);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| Error::file("wait for pip", &e))? {
            break status;
        }
        progress.at(bytes_in(temporary));
        sleep(Duration::from_millis(100));
    };
    if status.success() {
        progress.finish();
    } else {
        eprint!("{}", fs::read_to_string(&log).unwrap_or_default());
    }
    Ok(status)
}

/// The size of all files in a folder; one that goes away meanwhile counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_arrived_is_counted_in_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("one"), [0; 10]).unwrap();
        fs::write(folder.path().join("a/b/two"), [0; 32]).unwrap();
        assert_eq!(bytes_in(folder.path()), 42);
        assert_eq!(bytes_in(&folder.path().join("none")), 0);
    }
}
