//! `host check` of data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use neurhai_core::cache::{self, Verdicts};
use neurhai_core::train::Event;
use neurhai_core::verify::{self, Request};
use neurhai_core::{Code, Error};

use crate::cmd::{failed, failed_at, misused, preprocessing};
use crate::output;
use crate::progress::Progress;
use crate::report::Sources;
use crate::show;

/// Which data are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Data {
    /// Of a table or splits: the CAPS that holds the images, or the .tsv of its cohorts; they are
    /// checked, too
    #[arg(long, value_name = "PATH")]
    caps: Option<PathBuf>,

    #[command(flatten)]
    images: preprocessing::Options,

    /// Read all images, also those that were checked before and have not changed since
    #[arg(long)]
    fresh: bool,
}

impl Data {
    /// An option that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let caps = self.caps.as_ref().map(|_| "--caps");
        caps.or_else(|| self.images.first()).or(self.fresh.then_some("--fresh"))
    }
}

/// Whether a path is meant as data: a folder, or a file that its name tells to be a table or an image.
pub(super) fn is_data(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let suffixes = [".tsv", ".csv", ".txt", ".xlsx", ".nii", ".gz", ".hdr", ".img"];
    path.is_dir() || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn run(path: &PathBuf, args: &Data, json: bool) -> ExitCode {
    let preprocessing = match args.images.asked() {
        Ok(preprocessing) => preprocessing,
        Err(error) => return misused(error),
    };
    let start = Instant::now();
    let verdicts = cache::folder().map(|folder| Verdicts::new(&folder));
    let progress = Progress::new();
    let checked = verify::check(
        path,
        &Request {
            preprocessing,
            caps: args.caps.as_deref(),
            verdicts: verdicts.as_ref(),
            fresh: args.fresh,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: &|done, images| progress.show(&Event::Checking { done, images }),
        },
    );
    let report = match checked {
        Ok(report) => report,
        Err(error) => {
            let paths = args.caps.iter().chain([path]);
            return failed_at(paths, &error.into(), &Sources::default());
        }
    };
    if json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => output::line(&text),
            Err(error) => {
                let what = Error::new(Code::Internal, "cannot write the report").because(error);
                return failed(&what.into(), &Sources::default());
            }
        }
    } else {
        output::line(&show::checked(path, &report, start.elapsed().as_secs_f64()));
    }
    ExitCode::from(u8::from(report.errors() > 0))
}
