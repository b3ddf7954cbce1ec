//! `host import`.

use std::path::PathBuf;
use std::process::ExitCode;

use neurhai_core::import::{Imported, import};
use neurhai_core::train::recompute;

use super::{Registering, failed_at};
use crate::output;
use crate::plugins::Options;
use crate::report::Failure;
use crate::runtime::on_large_stack;
use crate::show;

/// Make an experiment out of one of ClinicaDL 1.x: weights, predictions, logs and lists of sessions
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment folder that ClinicaDL wrote
    maps: PathBuf,

    /// The experiment folder to write; it must be new
    output: PathBuf,

    /// The CAPS that the experiment was trained on, or the .tsv of its cohorts: its predictions are
    /// computed again and compared
    #[arg(long, value_name = "PATH")]
    caps: Option<PathBuf>,

    #[command(flatten)]
    registering: Registering,
}

pub(super) fn run(args: Args, plugins: &Options) -> ExitCode {
    let runtime = match args.registering.runtime(plugins) {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let (maps, output) = (&args.maps, &args.output);
    let done = on_large_stack(|| import(maps, output, &runtime.catalog()));
    match done.and_then(|done| done) {
        Ok(imported) => show(&imported),
        Err(error) => return failed_at([maps], &Failure::from(error), runtime.sources()),
    }
    let Some(caps) = &args.caps else { return ExitCode::SUCCESS };
    let compared = runtime.in_session(|session| recompute(output, caps, session));
    match compared {
        Ok(agreements) => {
            crate::output::line("");
            crate::output::line(&show::agreements(&agreements));
            ExitCode::from(u8::from(!agreements.iter().all(show::agrees)))
        }
        Err(error) => failed_at([caps], &Failure::from(error), runtime.sources()),
    }
}

fn show(imported: &Imported) {
    for note in &imported.notes {
        output::note(&format!("note: {note}"));
    }
    output::line(&show::imported(imported));
}
