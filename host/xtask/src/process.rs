//! Running other programs, and saying how long they took.

use crate::error::{Error, Result};
use crate::repository::Repository;
use std::process::Command;
use std::time::Duration;

/// Runs cargo at the root of the repository; its output goes where ours goes.
pub(crate) fn cargo<S: AsRef<str>>(repository: &Repository, arguments: &[S]) -> Result<()> {
    // The toolchain that started us, so that one set by `cargo +NAME xtask` stays in force.
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&repository.root).args(arguments.iter().map(AsRef::as_ref));
    // A relative target folder is meant from where the person stands, and we have just moved to the root.
    if let Some(folder) = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        let folder =
            std::path::absolute(&folder).map_err(|e| Error::file("find CARGO_TARGET_DIR", &e))?;
        command.env("CARGO_TARGET_DIR", folder);
    }
    let shown = arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
    let status = command.status().map_err(|e| Error::file(format!("run `cargo {shown}`"), &e))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(format!("`cargo {shown}` failed ({status})"), ""))
}

/// A duration as one says it: `0.3 s`, `42 s`, `4 min 5 s`, `1 h 2 min`.
pub(crate) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds.round() as u64 {
        0..=9 => format!("{seconds:.1} s"),
        whole @ 10..=59 => format!("{whole} s"),
        whole @ 60..=3599 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, words) in
            [(0.26, "0.3 s"), (41.7, "42 s"), (245.0, "4 min 5 s"), (3720.0, "1 h 2 min")]
        {
            assert_eq!(in_words(Duration::from_secs_f64(seconds)), words);
        }
    }
}
