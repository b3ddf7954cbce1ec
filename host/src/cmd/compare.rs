//! `host compare`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use neurhai_core::compare::{Comparison, Together, compare, together};
use neurhai_core::{Code, Error, Result};
use serde_json::json;

use super::{USAGE, failed, page};
use crate::report::{Failure, Sources};
use crate::{html, output, show, standard};

/// Compare experiments: what they were given, how they score, whether they differ on the same images
///
/// Of two it is told, too, from which epoch on they part, and the exit code is that of diff: 0 where
/// both did the same and came to the same results, whatever they were given; 1 where they did not. With
/// more it is 0. It is 2 where they cannot be compared.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Experiment folders, two or more
    #[arg(num_args = 2.., required = true, value_name = "MAPS")]
    maps: Vec<PathBuf>,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Write a page with scores, tests and options that differ
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match all(args) {
        Ok(same) => ExitCode::from(u8::from(!same)),
        Err(error) => {
            failed(&Failure::from(error), &Sources::default());
            ExitCode::from(USAGE)
        }
    }
}

fn all(args: &Args) -> Result<bool> {
    args.html.as_deref().map_or(Ok(()), page::check)?;
    let maps: Vec<&Path> = args.maps.iter().map(PathBuf::as_path).collect();
    let two = match maps[..] {
        [a, b] => Some(compare(a, b)?),
        _ => None,
    };
    let all = together(&maps, &standard::catalog()?)?;
    output::line(&match args.json {
        true => as_json(two.as_ref(), &all)?,
        false => {
            let parts = [two.as_ref().map(show::comparison), Some(show::together(&all))];
            let parts: Vec<String> =
                parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            parts.join("\n\n")
        }
    });
    if let Some(file) = &args.html {
        page::write(file, &html::comparison(&all)?)?;
        output::note(&format!("the page is {}", file.display()));
    }
    Ok(two.is_none_or(|two| two.same()))
}

/// What two did, where there are two, and beside it what all say together.
fn as_json(two: Option<&Comparison>, all: &Together) -> Result<String> {
    let internal = |error| Error::new(Code::Internal, "cannot write the comparison").because(error);
    let mut value = match two {
        Some(two) => serde_json::to_value(two).map_err(internal)?,
        None => json!({}),
    };
    value["together"] = serde_json::to_value(all).map_err(internal)?;
    serde_json::to_string_pretty(&value).map_err(internal)
}
