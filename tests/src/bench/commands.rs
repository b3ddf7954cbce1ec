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
    let commands = [
        Timed {
            what: "images, Conv5_FC3, 10 epochs",
            options: "epochs: 10, batch_size: 4, selection_metrics: [\"loss\", \"BA\"]",
            clinicadl: (62.9, 1433.0),
            wanted: (1.0 / 3.0, 0.5),
        },
        Timed {
            what: "patches of 32, Conv4_FC3, 3 epochs",
            options: "data: data.patches(32, 32), architecture: \"Conv4_FC3\", epochs: 3, batch_size: 8",
            clinicadl: (17.1, 1088.0),
            wanted: (0.25, 1.0),
        },
        Timed {
            what: "reconstruction, AE_Conv5_FC3, 3 epochs",
            options: "task: \"reconstruction\", epochs: 3, batch_size: 4",
            clinicadl: (87.0, 1732.0),
            wanted: (0.4, 0.5),
        },
        Timed {
            what: "regression of age, Conv5_FC3, 3 epochs",
            options: "task: \"regression\", epochs: 3, batch_size: 4",
            clinicadl: (20.1, 1409.0),
            wanted: (1.0, 1.0),
        },
    ];
    for Timed { what, options, clinicadl: (seconds, megabytes), wanted } in commands {
        let (mut times, mut peaks) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (time, peak) = once(&shared, options)?;
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

/// A training, and what it is measured against.
struct Timed {
    what: &'static str,
    /// Its options beside those that all share.
    options: &'static str,
    /// Seconds and megabytes that ClinicaDL took.
    clinicadl: (f64, f64),
    /// The ratios wanted of both.
    wanted: (f64, f64),
}

/// Seconds, and megabytes at the peak, of one run.
fn once(shared: &Path, options: &str) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("timed.rhai");
    let data = "let data = caps(arg(\"caps\"));";
    let all = "data: data, splits: arg(\"splits\"), split: [0], patience: 0, seed: 42";
    // What a training says for itself wins.
    let all = if options.contains("data:") { all.trim_start_matches("data: data, ") } else { all };
    let output = "output: arg(\"output\")";
    std::fs::write(
        &script,
        format!("{data}\nprint(train(#{{ {all}, {output}, {options} }}).table());"),
    )?;
    let mut command = Command::new(host()?);
    command
        .arg("run")
        .arg(script)
        .arg("--")
        .arg("--caps")
        .arg(shared.join("caps"))
        .arg("--splits")
        .arg(shared.join("splits/4_fold"))
        .arg("--output")
        .arg(folder.path().join("maps"))
        .stderr(Stdio::inherit());
    timed(&mut command)
}

/// Seconds, and megabytes at the peak, of a command.
pub(crate) fn timed(command: &mut Command) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
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
