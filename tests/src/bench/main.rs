//! Measures this program against bare libtorch, bare zlib and the figures of ClinicaDL, in turn in
//! one run: `cargo xtask bench [data|step|optimizer|unpool|metrics|scripts|start|plugins|commands|predict]…`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod commands;
mod data;
mod metrics;
mod optimizer;
mod plugins;
mod predict;
mod scripts;
mod start;
mod step;
mod unpool;

use std::path::{Path, PathBuf};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    neurhai_core::device::share_processors();
    neurhai_core::device::keep_memory();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--").collect();
    let all = [
        "data",
        "step",
        "optimizer",
        "unpool",
        "metrics",
        "scripts",
        "start",
        "plugins",
        "commands",
        "predict",
    ];
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(format!("there is no benchmark {unknown:?}: {}", all.join(", ")).into());
    }
    println!("{} threads; medians, and ratios pair by pair", tch::get_num_threads());
    for name in all {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        println!("\n{name}");
        match name {
            "data" => data::run()?,
            "step" => step::run()?,
            "optimizer" => optimizer::run()?,
            "unpool" => unpool::run()?,
            "metrics" => metrics::run()?,
            "scripts" => scripts::run()?,
            "start" => start::run()?,
            "plugins" => plugins::run()?,
            "predict" => predict::run()?,
            _ => commands::run()?,
        }
    }
    Ok(())
}

/// The folder with real images, beside the checkout; what needs it is left out where it is missing.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    folder.canonicalize().ok()
}

/// The release build of `host`, which `cargo xtask bench` makes.
pub(crate) fn host() -> Result<PathBuf> {
    let host = std::env::current_exe()?.with_file_name("host");
    if host.exists() { Ok(host) } else { Err("host is not built: use `cargo xtask bench`".into()) }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// `ours 12.3 ms, theirs 10.1 ms, ratio 1.22 (1.15 … 1.30), wanted ≤ 1.30`.
pub(crate) fn compare(what: &str, ours: &[f64], theirs: (&str, &[f64]), wanted: &str) {
    let ratios: Vec<f64> = ours.iter().zip(theirs.1).map(|(a, b)| a / b).collect();
    let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "  {what}: {:.1} ms, {} {:.1} ms, ratio {:.3} ({low:.3} … {high:.3}, {} pairs), wanted {wanted}",
        median(ours) * 1e3,
        theirs.0,
        median(theirs.1) * 1e3,
        median(&ratios),
        ratios.len()
    );
}
