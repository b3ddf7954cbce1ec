//! `host prepare`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use neurhai_core::prepare::{Format, Preparation, Progress, prepare};
use neurhai_core::{Code, Result};
use serde_json::{Map, Value, json};

use super::{failed_at, misused, preprocessing};
use crate::progress::bar;
use crate::report::{Failure, Sources};
use crate::{output, show, signals};

/// Write images or their parts as tensors, for programs that do not cut them on the fly
///
/// Trainings of this program need none of them; with use_tensors they read them. ClinicaDL reads the
/// .pt files and, in tensor_extraction of the CAPS, the JSON that goes with them. Images are those of
/// t1-linear, unless other options say it. Files that were cut from what is there are left alone, so the
/// same command goes on where it was stopped.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, clap::Subcommand)]
enum Mode {
    Image(Image),
    Patch(Patch),
    Slice(Slice),
    Roi(Roi),
}

/// Whole images
#[derive(Debug, clap::Args)]
struct Image {
    #[command(flatten)]
    common: Common,
}

/// Patches: blocks on a regular grid
///
/// ClinicaDL counts them by the tensors of whole images, so it needs `host prepare image`, too.
#[derive(Debug, clap::Args)]
struct Patch {
    #[command(flatten)]
    common: Common,

    /// Voxels along each edge
    #[arg(long, value_name = "VOXELS", default_value_t = 50)]
    patch_size: i64,

    /// Voxels from one patch to the next
    #[arg(long, value_name = "VOXELS", default_value_t = 50)]
    stride_size: i64,
}

/// Slices across an axis
#[derive(Debug, clap::Args)]
struct Slice {
    #[command(flatten)]
    common: Common,

    /// The axis that slices cut across: sagittal (the file's first), coronal or axial
    #[arg(long, value_name = "AXIS", default_value = "sagittal")]
    slice_direction: String,

    /// rgb: three equal channels; single: one
    #[arg(long, value_name = "MODE", default_value = "rgb")]
    slice_mode: String,

    /// Slices left out at each end, or at the low and the high end: 20 or 20,30
    #[arg(long, value_name = "SLICES", value_delimiter = ',', default_value = "0")]
    discarded_slices: Vec<i64>,
}

/// Regions, by masks in the CAPS
#[derive(Debug, clap::Args)]
struct Roi {
    #[command(flatten)]
    common: Common,

    /// The names of the regions
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    roi_list: Vec<String>,

    /// Keep the whole image around a region
    #[arg(long)]
    uncropped_roi: bool,

    /// The masks' template, for custom images
    #[arg(long, value_name = "TEMPLATE")]
    roi_custom_template: Option<String>,

    /// Part of the masks' names, for custom images
    #[arg(long, value_name = "TEXT")]
    roi_custom_mask_pattern: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The CAPS folder; tensors are written into it
    caps: PathBuf,

    /// A table of the sessions [default: all of the CAPS]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    #[command(flatten)]
    images: preprocessing::Options,

    /// NaN and infinite voxels: error refuses the image, replace takes NaN as 0 and ±∞ as the
    /// extremes
    #[arg(long, default_value = "error", value_parser = ["error", "replace"])]
    nan: String,

    /// The kind of files; only pt is read by ClinicaDL
    #[arg(long, default_value = "pt", value_parser = ["pt", "safetensors"])]
    format: String,

    /// The name of the JSON in tensor_extraction [default: the mode]
    #[arg(long)]
    name: Option<String>,

    /// Threads that decode, cut and write [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
}

impl Common {
    /// What is to be prepared, with the options of a mode.
    fn preparation(self, mode: &str, own: Map<String, Value>) -> Result<Preparation> {
        let mut data = own;
        data.insert("mode".into(), json!(mode));
        data.insert("caps".into(), json!(self.caps));
        data.insert("nan".into(), json!(self.nan));
        match json!(self.images.or_t1_linear()?) {
            Value::Object(images) => data.extend(images),
            other => data.extend([("preprocessing".into(), other)]),
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Preparation {
            data,
            table: self.table,
            name: self.name,
            format: if self.format == "pt" { Format::Pt } else { Format::Safetensors },
            threads: self.threads.map_or(cores, |threads| threads as usize),
        })
    }
}

impl Mode {
    /// The paths that were given to read.
    fn paths(&self) -> Vec<PathBuf> {
        let (Self::Image(Image { common })
        | Self::Patch(Patch { common, .. })
        | Self::Slice(Slice { common, .. })
        | Self::Roi(Roi { common, .. })) = self;
        common.table.iter().chain([&common.caps]).cloned().collect()
    }

    fn preparation(self) -> Result<Preparation> {
        let options = |pairs: Vec<(&str, Value)>| -> Map<String, Value> {
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        };
        match self {
            Self::Image(image) => image.common.preparation("image", Map::new()),
            Self::Patch(patch) => {
                let own = options(vec![
                    ("patch_size", json!(patch.patch_size)),
                    ("stride_size", json!(patch.stride_size)),
                ]);
                patch.common.preparation("patch", own)
            }
            Self::Slice(slice) => {
                let own = options(vec![
                    ("slice_direction", json!(slice.slice_direction)),
                    ("slice_mode", json!(slice.slice_mode)),
                    ("discarded_slices", json!(slice.discarded_slices)),
                ]);
                slice.common.preparation("slice", own)
            }
            Self::Roi(roi) => {
                let own = options(vec![
                    ("roi_list", json!(roi.roi_list)),
                    ("uncropped_roi", json!(roi.uncropped_roi)),
                    ("roi_custom_template", json!(roi.roi_custom_template.unwrap_or_default())),
                    (
                        "roi_custom_mask_pattern",
                        json!(roi.roi_custom_mask_pattern.unwrap_or_default()),
                    ),
                ]);
                roi.common.preparation("roi", own)
            }
        }
    }
}

pub(super) fn run(args: Args) -> ExitCode {
    let given = args.mode.paths();
    let preparation = match args.mode.preparation() {
        Ok(preparation) => preparation,
        Err(error) => return misused(error),
    };
    let stop = signals::stop_flag();
    let shown = Mutex::new(Shown { bar: ProgressBar::hidden(), label: "" });
    let done = prepare(&preparation, &stop, &|event| {
        shown.lock().unwrap_or_else(PoisonError::into_inner).event(&event);
    });
    shown.into_inner().unwrap_or_else(PoisonError::into_inner).bar.finish_and_clear();
    match done {
        Ok(prepared) => {
            output::line(&show::prepared(&prepared));
            ExitCode::SUCCESS
        }
        // These are about the words of the command line.
        Err(error) if matches!(error.code(), Code::BadOption | Code::MissingOption) => {
            misused(error)
        }
        Err(error) => failed_at(&given, &Failure::from(error), &Sources::default()),
    }
}

/// What a person sees meanwhile: one bar.
struct Shown {
    bar: ProgressBar,
    label: &'static str,
}

impl Shown {
    fn event(&mut self, event: &Progress) {
        match event {
            Progress::Warning(text) => output::note(&format!("warning: {text}")),
            Progress::Comparing { done, images } => self.at("images compared", *done, *images),
            Progress::Checking { done, images } => self.at("checking images", *done, *images),
            Progress::Planned(plan) => {
                self.bar.finish_and_clear();
                if !output::manner().quiet {
                    output::note(&show::planned(plan));
                }
            }
            Progress::Writing { done, images } => self.at("images written", *done, *images),
        }
    }

    fn at(&mut self, label: &'static str, done: usize, images: usize) {
        if self.label != label {
            self.bar.finish_and_clear();
            self.bar = bar(label, images, output::terminal());
            self.label = label;
        }
        self.bar.set_position(done as u64);
    }
}
