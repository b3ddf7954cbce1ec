//! `host predict` on real images, beside what ClinicaDL 1.6.1 took for the same group on the same kind
//! of machine (2 cores, no GPU).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::commands::timed;
use crate::{Result, host, median, shared_data};

/// Images of the group.
const IMAGES: usize = 8;

/// A network, and what ClinicaDL took to predict a group by it.
struct Timed {
    what: &'static str,
    /// Options of its training beside those that all share.
    options: &'static str,
    seconds: f64,
}

const NETWORKS: [Timed; 4] = [
    Timed { what: "images, Conv5_FC3", options: "", seconds: 6.1 },
    Timed {
        what: "patches of 32, Conv4_FC3 for each part",
        options: "data: data.patches(32, 32), architecture: \"Conv4_FC3\", multi_network: true,",
        seconds: 11.5,
    },
    Timed {
        what: "patches of 32, one Conv4_FC3",
        options: "data: data.patches(32, 32), architecture: \"Conv4_FC3\",",
        seconds: 6.1,
    },
    Timed {
        what: "reconstruction, AE_Conv5_FC3",
        options: "task: \"reconstruction\",",
        seconds: 12.6,
    },
];

pub(crate) fn run() -> Result<()> {
    let Some(shared) = shared_data() else {
        println!("  left out: there is no ../shared/data");
        return Ok(());
    };
    for Timed { what, options, seconds } in NETWORKS {
        let folder = tempfile::tempdir()?;
        let maps = folder.path().join("maps");
        train(folder.path(), &shared, options)?;
        let (mut times, mut peaks) = (Vec::new(), Vec::new());
        for trial in 0..3 {
            let mut command = Command::new(host()?);
            command
                .arg("predict")
                .arg(&maps)
                .arg(format!("test{trial}"))
                .arg("--participants")
                .arg(shared.join("splits/test_baseline.tsv"))
                .arg("--caps")
                .arg(shared.join("caps"))
                .stderr(Stdio::null());
            let (time, peak) = timed(&mut command)?;
            times.push(time);
            peaks.push(peak);
        }
        let (time, peak) = (median(&times), median(&peaks));
        println!(
            "  {what}: {time:.2} s for {IMAGES} images ({:.1} a second), {peak:.0} MB; ClinicaDL \
             {seconds} s; ratio {:.3}, wanted ≤ 0.500",
            IMAGES as f64 / time,
            time / seconds
        );
    }
    Ok(())
}

/// Trains for one epoch: how good it gets is no matter here.
fn train(folder: &Path, shared: &Path, options: &str) -> Result<()> {
    let script = folder.join("script.rhai");
    let data = if options.contains("data:") { "" } else { "data: data," };
    let text = format!(
        "let data = caps(arg(\"caps\"));\ntrain(#{{ {data} {options} splits: arg(\"splits\"), \
         split: [0], epochs: 1, batch_size: 4, seed: 42, output: arg(\"output\") }});"
    );
    std::fs::write(&script, text)?;
    let mut command = Command::new(host()?);
    command.arg("run").arg(script).arg("--").arg("--caps").arg(shared.join("caps"));
    command.arg("--splits").arg(shared.join("splits/4_fold"));
    command.arg("--output").arg(folder.join("maps")).stderr(Stdio::null());
    timed(&mut command).map(|_| ())
}
