//! `host info`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::verify::Facts;
use neurhai_core::{Code, Error};

use super::failed_at;
use crate::output;
use crate::report::Sources;
use crate::show;

/// Show what an image is: shape, spacing, orientation, datatype, range and affine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The image: .nii, .nii.gz, or either file of a .hdr and .img pair
    image: PathBuf,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let text = Facts::read(&args.image).and_then(|facts| match args.json {
        true => serde_json::to_string_pretty(&facts)
            .map_err(|error| Error::new(Code::Internal, "cannot write the facts").because(error)),
        false => Ok(show::facts(&facts)),
    });
    match text {
        Ok(text) => {
            output::line(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => failed_at([&args.image], &error.into(), &Sources::default()),
    }
}
