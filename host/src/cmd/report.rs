//! `host report`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::report::report;

use super::{failed_at, misused, page};
use crate::report::{Failure, Sources};
use crate::runtime::on_large_stack;
use crate::{html, output, standard};

/// Write an experiment's report: one HTML file with results, figures, warnings and a methods paragraph
///
/// It is smaller than 5 MB, opens without a network, and asks for nothing from outside. Nothing is
/// computed again but figures and intervals; images are read to be shown, where they still lie where
/// training read them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder
    maps: PathBuf,

    /// The file to write; report.html in the experiment folder by default
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let file = args.output.clone().unwrap_or_else(|| args.maps.join("report.html"));
    if let Err(error) = page::check(&file) {
        return misused(error);
    }
    let made = on_large_stack(|| {
        let found = report(&args.maps, &standard::catalog()?)?;
        let (page, left_out) = html::report(&found)?;
        page::write(&file, &page)?;
        neurhai_core::Result::Ok((page.len(), left_out))
    });
    match made.and_then(|made| made) {
        Ok((bytes, left_out)) => {
            if let Some(left_out) = left_out {
                output::note(&format!("note: {left_out}"));
            }
            output::line(&format!("{} ({:.1} MB)", file.display(), bytes as f64 / 1e6));
            ExitCode::SUCCESS
        }
        Err(error) => failed_at([&args.maps], &Failure::from(error), &Sources::default()),
    }
}
