//! What starting costs beyond loading libtorch.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Result, host, median};

pub(crate) fn run() -> Result<()> {
    let host = host()?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("nothing.rhai");
    std::fs::write(&script, "architecture(\"mine\", #{}, |p| [flatten(), linear(p.outputs)]);\n")?;
    let script = script.display().to_string();
    let time = |program: &str, arguments: &[&str], preload: Option<&PathBuf>| -> Result<f64> {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(library) = preload {
            command.env("LD_PRELOAD", library);
            command.env("LD_LIBRARY_PATH", library.parent().ok_or("a folder")?);
        }
        let start = Instant::now();
        command.status()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let host = host.display().to_string();
    let library = libtorch()?;
    let (mut bare, mut help, mut check) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..16 {
        let times = [
            time("/bin/true", &[], Some(&library))?,
            time(&host, &["--help"], None)?,
            time(&host, &["check", &script], None)?,
        ];
        if round > 0 {
            bare.push(times[0]);
            help.push(times[1]);
            check.push(times[2]);
        }
    }
    let over =
        |ours: &[f64]| median(&ours.iter().zip(&bare).map(|(a, b)| a - b).collect::<Vec<_>>());
    println!("  loading libtorch alone: {:.0} ms", median(&bare) * 1e3);
    for (what, times) in [("host --help", &help), ("host check", &check)] {
        println!(
            "  {what}: {:.0} ms, {:+.0} ms beside it (median of {} pairs), wanted ≤ +70 ms",
            median(times) * 1e3,
            over(times) * 1e3,
            times.len()
        );
    }
    Ok(())
}

/// The libtorch that this program itself has loaded.
fn libtorch() -> Result<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let line = maps.lines().find(|line| line.ends_with("libtorch_cpu.so"));
    let path =
        line.and_then(|line| line.split_whitespace().last()).ok_or("libtorch is not loaded")?;
    Ok(path.into())
}
