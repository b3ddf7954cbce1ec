//! Getting a wheel with pip, which knows the person's proxies, mirrors and certificates.

use super::progress::Progress;
use super::staging::Staging;
use super::wheels::{PYTHON_TAG, Wheel};
use crate::error::{Error, Result};
use std::fs;
use std::io::{self, IsTerminal, Read, stderr};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Downloads the wheel. It comes to its place in the staging folder by a rename, once pip has compared its SHA-256.
pub(super) fn fetch(python: &str, wheel: &Wheel, staging: &Staging) -> Result<()> {
    let (incoming, temporary) = (staging.fresh("incoming")?, staging.fresh("pip")?);
    let requirements = temporary.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    fs::write(&requirements, line)
        .map_err(|e| Error::file(format!("write {}", requirements.display()), &e))?;

    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--require-hashes",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    // Asked for by its tags, the wheel does not depend on the Python that runs pip. Without pip's cache there is one
    // copy less on the disk, and with its temporary files here they are tidied up even after it was killed.
    command.args(["--no-cache-dir", "--only-binary=:all:", "--implementation=cp"]);
    command.args(["--python-version", PYTHON_TAG, "--platform", wheel.platform]);
    command.arg("--dest").arg(&incoming).arg("--requirement").arg(&requirements);
    command.env("TMPDIR", &temporary).env("PIP_REQUIRE_VIRTUALENV", "0").stdin(Stdio::null());

    let (status, said) = if stderr().is_terminal() {
        let status = command.stdout(stderr()).status();
        (status.map_err(|e| Error::file(format!("run {python}"), &e))?, String::new())
    } else {
        quietly(command, wheel, &temporary).map_err(|e| Error::file(format!("run {python}"), &e))?
    };
    let arrived = incoming.join(wheel.file);
    if !status.success() || !arrived.is_file() {
        eprint!("{}", last_lines(&said));
        return Err(Error::new(
            format!("pip could not get {} {} ({status})", wheel.package, wheel.version),
            "What pip said is above (pip itself should be 20.3 or newer).\nRun the same command again when that is mended: what is complete is kept.",
        ));
    }
    fs::rename(&arrived, staging.wheel(wheel))
        .map_err(|e| Error::file(format!("move {}", arrived.display()), &e))
}

/// Where nobody watches a bar: lines with megabytes now and then. What pip says is kept for the case that it fails,
/// in memory, because a full disk may be the reason.
fn quietly(
    mut command: Command,
    wheel: &Wheel,
    temporary: &Path,
) -> io::Result<(ExitStatus, String)> {
    let (mut reader, writer) = io::pipe()?;
    command.args(["--progress-bar", "off"]).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds the writing end, and reading ends only when nobody holds it.
    drop(command);
    let listener = spawn(move || {
        let mut said = Vec::new();
        // What could be read is worth showing, even if reading ended with an error.
        let _ = reader.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let label = format!("downloaded {} {}", wheel.package, wheel.version);
    let mut progress = Progress::new(label, wheel.bytes);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        progress.at(bytes_in(temporary));
        sleep(Duration::from_millis(100));
    };
    if status.success() {
        progress.finish();
    }
    Ok((status, listener.join().unwrap_or_default()))
}

/// The end of what pip said: a stack trace of Python can have hundreds of lines, and the last ones tell the reason.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(12)..].iter().map(|line| format!("  pip: {line}\n")).collect()
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
    fn only_the_end_of_what_pip_said_is_shown() {
        let said: String = (1..=40).map(|line| format!("line {line}\n")).collect();
        let shown = last_lines(&said);
        assert!(shown.starts_with("  pip: line 29\n") && shown.ends_with("  pip: line 40\n"));
        assert_eq!(last_lines(""), "");
    }

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
