//! `host check` of data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use neurhai_core::cache::{self, Verdicts};
use neurhai_core::data::pattern::Preprocessing;
use neurhai_core::train::Event;
use neurhai_core::verify::{self, Request};
use neurhai_core::{Code, Error, Result};

use crate::cmd::{failed, failed_at, misused};
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

    /// Only these images, which then every session must have; without it all that Clinica made
    #[arg(long, value_parser = ["t1-linear", "pet-linear", "flair-linear", "custom"])]
    preprocessing: Option<String>,

    /// The images that were not cropped
    #[arg(long, requires = "preprocessing")]
    use_uncropped_image: bool,

    /// For pet-linear: the tracer, such as 18FFDG
    #[arg(long)]
    tracer: Option<String>,

    /// For pet-linear: the reference region, such as cerebellumPons2
    #[arg(long)]
    suvr_reference_region: Option<String>,

    /// For other images: how their names end, such as _desc-brain_T1w.nii.gz
    #[arg(long, value_name = "SUFFIX")]
    custom_suffix: Option<String>,

    /// For other images: a pattern for the path below the session
    #[arg(long)]
    pattern: Option<String>,

    /// Read all images, also those that were checked before and have not changed since
    #[arg(long)]
    fresh: bool,
}

impl Data {
    /// An option that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.caps.is_some(), "--caps"),
            (self.preprocessing.is_some(), "--preprocessing"),
            (self.tracer.is_some(), "--tracer"),
            (self.suvr_reference_region.is_some(), "--suvr-reference-region"),
            (self.custom_suffix.is_some(), "--custom-suffix"),
            (self.pattern.is_some(), "--pattern"),
            (self.fresh, "--fresh"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The preprocessing that is asked for, if any.
    fn preprocessing(&self) -> Result<Option<Preprocessing>> {
        let use_uncropped_image = self.use_uncropped_image;
        let (custom_suffix, pattern) = (self.custom_suffix.clone(), self.pattern.clone());
        let custom = custom_suffix.is_some() || pattern.is_some();
        let needed = |value: &Option<String>, name: &str| {
            value.clone().ok_or_else(|| {
                Error::new(Code::MissingOption, format!("pet-linear needs --{name}"))
            })
        };
        let asked = match self.preprocessing.as_deref() {
            Some("t1-linear") => Preprocessing::T1Linear { use_uncropped_image },
            Some("flair-linear") => Preprocessing::FlairLinear { use_uncropped_image },
            Some("pet-linear") => Preprocessing::PetLinear {
                tracer: needed(&self.tracer, "tracer")?,
                suvr_reference_region: needed(
                    &self.suvr_reference_region,
                    "suvr-reference-region",
                )?,
                use_uncropped_image,
            },
            None if !custom => return Ok(None),
            _ => Preprocessing::Custom { custom_suffix, pattern },
        };
        asked.check()?;
        Ok(Some(asked))
    }
}

/// Whether a path is meant as data: a folder, or a file that its name tells to be a table or an image.
pub(super) fn is_data(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let suffixes = [".tsv", ".csv", ".txt", ".xlsx", ".nii", ".gz", ".hdr", ".img"];
    path.is_dir() || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

pub(super) fn run(path: &PathBuf, args: &Data, json: bool) -> ExitCode {
    let preprocessing = match args.preprocessing() {
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
