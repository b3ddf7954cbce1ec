//! Whole commands on real images, beside what ClinicaDL 1.6.1 took for the same work on the same
//! kind of machine (2 cores, no GPU).

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Result, host, median, shared_data};

pub(crate) fn run() -> Result<()> {
    let Some(shared) = shared_data() else {
        println!("  left out: there is no ../shared/data");
        return Ok(());
    };
    let rows = [
        ("images, Conv5_FC3, 10 epochs", "image", 10, (62.9, 1433.0), (1.0 / 3.0, 0.5)),
        ("patches of 32, Conv4_FC3, 3 epochs", "patch", 3, (17.1, 1088.0), (0.25, 1.0)),
    ];
    for (what, mode, epochs, (seconds, megabytes), wanted) in rows {
        let (mut times, mut peaks) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (time, peak) = once(&shared, mode, epochs)?;
            times.push(time);
            peaks.push(peak);
        }
        let (time, peak) = (median(&times), median(&peaks));
        println!(
            "  {what}: {time:.1} s, {peak:.0} MB; ClinicaDL {seconds} s, {megabytes} MB; ratios {:.3} \
             and {:.3}, wanted ≤ {:.3} and {:.2}",
            time / seconds,
            peak / megabytes,
            wanted.0,
            wanted.1
        );
    }
    Ok(())
}

/// Seconds, and megabytes at the peak, of one run.
fn once(shared: &Path, mode: &str, epochs: usize) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/examples/caps_classification.rhai");
    let start = Instant::now();
    let mut child = Command::new(host()?)
        .arg("run")
        .arg(script)
        .arg("--")
        .arg("--caps")
        .arg(shared.join("caps"))
        .arg("--splits")
        .arg(shared.join("splits/4_fold"))
        .arg("--output")
        .arg(folder.path().join("maps"))
        .args(["--mode", mode, "--epochs", &epochs.to_string(), "--split", "0"])
        .args(["--batch-size", if mode == "patch" { "8" } else { "4" }])
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut peak = 0.0;
    loop {
        if let Some(now) = peak_megabytes(child.id()) {
            peak = now;
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                return Err(format!("the command failed: {status}").into());
            }
            return Ok((start.elapsed().as_secs_f64(), peak));
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The most memory the process has held so far, as the system counts it.
fn peak_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}
