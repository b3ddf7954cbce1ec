//! `host generate`: data sets whose answer is known.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use neurhai_core::Code;
use neurhai_core::generate::{Generated, Watch};

use super::{failed_at, misused};
use crate::progress::bar;
use crate::report::{Failure, Sources};
use crate::{output, show, signals};

mod artifacts;
mod hypometabolic;
mod random;
mod shepplogan;
mod source;
mod trivial;

/// Make a data set whose answer is known, as a CAPS with labels: to try out a pipeline
///
/// Labels are in data.tsv, which `host tsv` divides and trainings read. Nothing is downloaded. The same
/// seed gives the same files; the folder appears when it is whole.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Trivial(trivial::Args),
    Random(random::Args),
    Shepplogan(shepplogan::Args),
    Hypometabolic(hypometabolic::Args),
    Artifacts(artifacts::Args),
}

impl Command {
    /// The paths that were given to read.
    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Trivial(args) => args.source.paths(),
            Self::Random(args) => args.source.paths(),
            Self::Artifacts(args) => args.source.paths(),
            Self::Hypometabolic(args) => args.mask.iter().chain([&args.caps]).cloned().collect(),
            Self::Shepplogan(_) => Vec::new(),
        }
    }
}

/// What all data sets are asked.
#[derive(Debug, clap::Args)]
struct Common {
    /// The CAPS folder to write; it must be new
    #[arg(value_name = "OUTPUT")]
    output: PathBuf,

    /// Of everything drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(args: Args) -> ExitCode {
    let stop = signals::stop_flag();
    let shown = Mutex::new(None);
    let progress = |done: usize, images: usize| {
        let mut shown = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = shown.get_or_insert_with(|| bar("images written", images, output::terminal()));
        bar.set_position(done as u64);
        if done == images {
            bar.finish_and_clear();
        }
    };
    let watch = Watch { progress: &progress, stop: &stop };
    let given = args.command.paths();
    match made(args, &watch) {
        Ok(made) => {
            output::line(&show::generated(&made));
            ExitCode::SUCCESS
        }
        // These are about the words of the command line.
        Err(error) if matches!(error.code(), Code::BadOption | Code::MissingOption) => {
            misused(error)
        }
        Err(error) => failed_at(&given, &Failure::from(error), &Sources::default()),
    }
}

fn made(args: Args, watch: &Watch<'_>) -> neurhai_core::Result<Generated> {
    match args.command {
        Command::Trivial(args) => trivial::run(args, watch),
        Command::Random(args) => random::run(args, watch),
        Command::Shepplogan(args) => shepplogan::run(args, watch),
        Command::Hypometabolic(args) => hypometabolic::run(args, watch),
        Command::Artifacts(args) => artifacts::run(args, watch),
    }
}

/// `2,4`
fn numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let read: Option<Vec<f64>> = text.split(',').map(|word| word.trim().parse().ok()).collect();
    read.and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| format!("{N} numbers with commas between were expected"))
}
