//! What this program finds of the machine it runs on, and what would keep a run from working.

use std::path::{Path, PathBuf};

use neurhai_core::device::{LIBTORCH, describe, has_bfloat16};
use neurhai_core::files::{Lock, write_atomic};
use serde::Serialize;
use sysinfo::{Disks, System};
use tch::{Cuda, Device};

use crate::plugins::{Options, missing_folders, refusal};
use crate::standard;
use neurhai_core::memory::{Memory, memory as of_machine};

/// Whether something is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing needs to be done.
    Ok,
    /// A run works, but slower or with less than it could have.
    Warning,
    /// A run would fail.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// Whether it is in order.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do, where something is not in order.
    pub help: Option<String>,
}

impl Finding {
    fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, state: State::Ok, found: found.into(), help: None }
    }

    fn warning(about: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state: State::Warning, help: Some(help.into()), ..Self::ok(about, found) }
    }

    fn problem(about: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state: State::Problem, ..Self::warning(about, found, help) }
    }
}

/// Looks at everything that a run needs, where experiments would be written to `output`.
pub fn examine(output: &Path, plugins: &Options) -> Vec<Finding> {
    let mut findings = vec![program(), libtorch(), devices(), threads(), memory()];
    findings.extend([disk(output), file_system(output)]);
    findings.extend(extensions(plugins));
    findings.extend(variables());
    findings
}

fn program() -> Finding {
    let place =
        std::env::current_exe().map_or_else(|_| "?".into(), |path| path.display().to_string());
    Finding::ok("program", format!("host {}, {place}", env!("CARGO_PKG_VERSION")))
}

/// The version of libtorch, and the file that the loader found.
fn libtorch() -> Finding {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let file = maps.lines().find_map(|line| {
        let path = &line[line.find('/')?..];
        path.contains("libtorch_cpu").then(|| path.to_owned())
    });
    Finding::ok(
        "libtorch",
        match file {
            Some(file) => format!("{LIBTORCH}, {file}"),
            None => LIBTORCH.to_owned(),
        },
    )
}

fn devices() -> Finding {
    let gpus = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    let mut devices = vec![describe(Device::Cpu)];
    devices.extend((0..gpus).map(|gpu| describe(Device::Cuda(gpu))));
    if gpus == 0 {
        devices.push("no GPU that this libtorch can use".into());
    }
    Finding::ok("devices", devices.join(", "))
}

/// Threads that compute, beside processors that this process may use.
fn threads() -> Finding {
    let free = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = System::physical_core_count().unwrap_or(free);
    let used = usize::try_from(tch::get_num_threads()).unwrap_or(1);
    let bits = if has_bfloat16() { "" } else { "; no instructions for bfloat16" };
    let found = format!("{used} that compute, {free} processors to use, {cores} cores{bits}");
    if used > free {
        let help = format!("they take turns: set OMP_NUM_THREADS={free}, or leave it out");
        return Finding::warning("threads", found, help);
    }
    Finding::ok("threads", found)
}

const GIB: f64 = (1u64 << 30) as f64;

/// Memory that is free, by the limit of a container or job where there is one.
fn memory() -> Finding {
    let Some(Memory { total, free }) = of_machine() else {
        let help = "make sure by `free` that a few GiB are free";
        return Finding::warning("memory", "cannot tell how much there is", help);
    };
    let found = format!("{:.1} of {:.1} GiB free", free as f64 / GIB, total as f64 / GIB);
    if (free as f64) < 2.0 * GIB {
        let help = "whole images of 169×208×179 take about 1 GiB in batches of 4: close other programs, or \
                    use patches or smaller batches";
        return Finding::warning("memory", found, help);
    }
    Finding::ok("memory", found)
}

/// Room on the disk that holds `folder`.
fn disk(folder: &Path) -> Finding {
    let path = existing(folder);
    let disks = Disks::new_with_refreshed_list();
    let disks = disks.iter().flat_map(|disks| disks.iter());
    let holds = disks.filter(|disk| path.starts_with(disk.mount_point()));
    let Some(disk) = holds.max_by_key(|disk| disk.mount_point().as_os_str().len()) else {
        let help = "make sure by `df` that there is room for experiments";
        return Finding::warning(
            "disk",
            format!("cannot tell how full it is at {}", path.display()),
            help,
        );
    };
    let free = disk.available_space() as f64 / GIB;
    let found = format!(
        "{free:.1} GiB free at {} ({}, {})",
        path.display(),
        disk.mount_point().display(),
        disk.file_system().to_string_lossy()
    );
    if disk.is_read_only() {
        return Finding::problem(
            "disk",
            found + ", read-only",
            "choose another folder with --output",
        );
    }
    match free {
        ..0.1 => Finding::problem("disk", found, "free some space: checkpoints would not fit"),
        ..2.0 => Finding::warning(
            "disk",
            found,
            "free some space: a split of a large network takes some hundred MB while it trains",
        ),
        _ => Finding::ok("disk", found),
    }
}

/// The folder itself, or the nearest one above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = whole.ancestors().find(|path| path.is_dir());
    there.unwrap_or(Path::new("/")).to_owned()
}

/// Whether files can be written in one step, and second writers be kept out.
fn file_system(folder: &Path) -> Finding {
    if folder.exists() && !folder.is_dir() {
        let found = format!("{} is no folder", folder.display());
        return Finding::problem(
            "file system",
            found,
            "name a folder for experiments with --output",
        );
    }
    let path = existing(folder);
    let tried = tempfile::Builder::new().prefix(".neurhai-doctor-").tempdir_in(&path);
    let tried = match tried {
        Ok(tried) => tried,
        Err(error) => {
            let found = format!("cannot write to {}: {error}", path.display());
            let help = "choose a folder of yours with --output, or ask for the right to write here";
            return Finding::problem("file system", found, help);
        }
    };
    let written = write_atomic(&tried.path().join("file"), |file| file.write_all(b"neurhai"));
    let locked = written.and_then(|()| Lock::acquire(&tried.path().join("lock")));
    match locked {
        Ok(lock) if lock.is_exclusive() => {
            Finding::ok("file system", "files are replaced in one step; locks work")
        }
        Ok(_) => Finding::warning(
            "file system",
            "it has no locks",
            "never let two processes write to one experiment",
        ),
        Err(error) => Finding::problem(
            "file system",
            error.to_string(),
            "write experiments to another disk, with --output",
        ),
    }
}

fn extensions(options: &Options) -> Vec<Finding> {
    let loaded = standard::catalog().and_then(|mut catalog| options.load(&mut catalog, None));
    let found = match loaded {
        Ok(found) => found,
        Err(error) => {
            let help = "see `host plugins`, or leave them out with --no-plugins";
            return vec![Finding::problem("plugins", error.to_string(), help)];
        }
    };
    let names = found.plugins.iter().map(|plugin| plugin.manifest.name.as_str());
    let names: Vec<&str> = names.collect();
    let mut findings = vec![Finding::ok(
        "plugins",
        match &names[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        },
    )];
    let refused = found.refused.iter().filter(|refused| !refused.repeated);
    findings.extend(refused.map(|refused| {
        Finding::problem(
            "plugins",
            refusal(refused),
            "build it again, or take it out of the folder",
        )
    }));
    findings.extend(missing_folders().iter().filter(|_| !options.no_plugins).map(|folder| {
        let found = format!("NEURHAI_PLUGINS names {}, which is not there", folder.display());
        Finding::warning("plugins", found, "make the folder, or mend the variable")
    }));
    findings
}

/// Variables that change what a run does.
const VARIABLES: [&str; 10] = [
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUBLAS_WORKSPACE_CONFIG",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NEURHAI_PLUGINS",
    "NEURHAI_CACHE",
    "NEURHAI_TRACK",
    "NO_COLOR",
];

/// Those that are set.
fn variables() -> Option<Finding> {
    let set = VARIABLES.iter().filter_map(|name| {
        let value = std::env::var_os(name)?;
        Some(format!("{name}={}", value.to_string_lossy()))
    });
    let set: Vec<String> = set.collect();
    (!set.is_empty()).then(|| Finding::ok("environment", set.join(" ")))
}
