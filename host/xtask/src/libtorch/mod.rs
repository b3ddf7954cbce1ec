//! libtorch: the one the person has set, or `.libtorch` at the root, fetched when it is missing.
//!
//! `.libtorch` is the CPU half of PyTorch's wheel for Linux x86-64. It is put together in `.libtorch-download` beside it
//! and moved into place as the very last step, so that a `.libtorch` that exists is a whole one.

mod archive;
mod assemble;
mod chosen;
mod disk;
mod pip;
mod progress;
mod staging;
mod state;
mod tools;
mod wheels;

use crate::error::{Error, Result};
use crate::process::in_words;
use crate::repository::Repository;
use staging::Staging;
use state::State;
use std::time::Instant;
use wheels::WHEELS;

/// The version that tch expects, to the digit: its C++ half is generated from the headers of that release.
const VERSION: &str = "2.13.0";

/// What to do with a `.libtorch` that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// Makes sure that there is a libtorch of the right version to build with, and says in one line which.
pub(crate) fn ensure(repository: &Repository, existing: Existing) -> Result<()> {
    let target = repository.libtorch();
    if let Some(chosen) = chosen::by_the_person(&target) {
        eprintln!("{}", chosen?);
        return Ok(());
    }
    if is_ready(&target, existing)? {
        staging::remove_leftovers(&repository.root);
        eprintln!("libtorch {VERSION} is ready in .libtorch");
        return Ok(());
    }
    tools::supported_platform()?;
    let python = tools::needed()?;

    let start = Instant::now();
    let staging = Staging::open(&repository.root)?;
    let set_up = || {
        // Another run may have finished while this one waited for the staging folder.
        if is_ready(&target, existing)? {
            return Ok(());
        }
        staging.clear_partial()?;
        disk::enough_for(&staging, &repository.root)?;
        assemble::assemble(&staging, WHEELS, &mut |wheel| pip::fetch(&python, wheel, &staging))?;
        staging.place(&target)
    };
    if let Err(error) = set_up() {
        staging.remove_without_wheels();
        return Err(error);
    }
    staging.remove();
    eprintln!("libtorch {VERSION} is ready in .libtorch ({})", in_words(start.elapsed()));
    Ok(())
}

/// Whether `.libtorch` can be used as it is; one that cannot is an error, unless it is to be replaced.
fn is_ready(target: &std::path::Path, existing: Existing) -> Result<bool> {
    match state::of(target) {
        State::Ready => Ok(true),
        State::Absent => Ok(false),
        State::Unusable(_) if existing == Existing::Replace => Ok(false),
        State::Unusable(why) => Err(Error::new(
            format!(".libtorch cannot be used: {why}"),
            "`cargo xtask libtorch --replace` puts a right one in its place.",
        )),
    }
}
