//! What plugins cost: starting with 200 of them, and building one without libtorch from nothing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Result, host, median};

const PLUGINS: usize = 200;

pub(crate) fn run() -> Result<()> {
    start()?;
    build()
}

fn start() -> Result<()> {
    let host = host()?;
    let folder = tempfile::tempdir()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plugins/hostile.c");
    for i in 0..PLUGINS {
        let made = Command::new("cc")
            .args(["-std=gnu99", "-w", "-fPIC", "-shared", "-DCASE=GOOD", "-DONLY_VOTE"])
            .args([&format!("-DNAME=\"p{i}\""), &format!("-DVOTE=\"vote_{i}\""), "-o"])
            .arg(folder.path().join(format!("p{i}.so")))
            .arg(&source)
            .status()?;
        if !made.success() {
            return Err("cannot compile a plugin".into());
        }
    }
    let time = |plugins: &[&str]| -> Result<f64> {
        let mut command = Command::new(&host);
        command.args(plugins).args(["list", "votes"]);
        let start = Instant::now();
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..12 {
        let times = [time(&["--plugins", "."])?, time(&["--no-plugins"])?];
        if round > 0 {
            with.push(times[0]);
            without.push(times[1]);
        }
    }
    println!(
        "  host list with {PLUGINS} plugins: {:.0} ms, without {:.0} ms ({} pairs), wanted ≤ 1000 ms",
        median(&with) * 1e3,
        median(&without) * 1e3,
        with.len()
    );
    Ok(())
}

/// From an empty target folder, the SDK and its dependencies included.
fn build() -> Result<()> {
    let target = tempfile::tempdir()?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let start = Instant::now();
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "neurhai-resnet", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .env("CARGO_TARGET_DIR", target.path())
        .status()?;
    if !built.success() {
        return Err("cannot build plugins/resnet".into());
    }
    println!(
        "  plugins/resnet built from nothing: {:.1} s, wanted ≤ 20 s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
