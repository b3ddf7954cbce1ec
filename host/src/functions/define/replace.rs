//! `replace`: the next registration of a name takes the place of what is there.

use std::sync::{Arc, PoisonError};

use neurhai_core::error::did_you_mean;
use neurhai_core::{Code, Error, Result};
use rhai::Engine;

use crate::functions::{Shared, raise};

const WORDS: [&str; 7] =
    ["architecture", "layer", "transpose", "vote", "metric", "loss", "transform"];

fn replace(shared: &Shared, word: &str, name: &str) -> Result<()> {
    let catalog = shared.catalog();
    match word {
        "architecture" => catalog.architectures.get(name).map(drop),
        "layer" => catalog.layers.get(name).map(drop),
        "transpose" => catalog.transposes.get(name).map(drop),
        "vote" => catalog.votes.get(name).map(drop),
        "metric" => catalog.metrics.get(name).map(drop),
        "loss" => catalog.losses.get(name).map(drop),
        "transform" => catalog.transforms.get(name).map(drop),
        other => {
            let near = did_you_mean(other, WORDS);
            Err(Error::new(
                Code::UnknownName,
                format!("nothing like {other:?} is registered{near}"),
            )
            .help(format!("what can be replaced is one of: {}", WORDS.join(", "))))
        }
    }?;
    let mut replaced = shared.replaced.lock().unwrap_or_else(PoisonError::into_inner);
    replaced.insert((word.to_owned(), name.to_owned()));
    Ok(())
}

/// Whether the script asked for this registration to take the place of what is there.
pub(super) fn asked(shared: &Shared, word: &str, name: &str) -> bool {
    let mut replaced = shared.replaced.lock().unwrap_or_else(PoisonError::into_inner);
    replaced.remove(&(word.to_owned(), name.to_owned()))
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    engine.register_fn("replace", move |word: &str, name: &str| {
        replace(&shared, word, name).map_err(raise)
    });
}
