//! `phantoms`: a labelled data set out of nothing, for first steps and tests.

use std::path::Path;
use std::sync::Arc;

use neurhai_core::data::phantom::{PhantomOptions, generate, paths};
use neurhai_core::error::did_you_mean;
use neurhai_core::{Code, Error, Place, Problems, Result};
use rhai::{Engine, EvalAltResult};
use serde_json::{Map, Value};

use super::{Shared, raise};
use crate::runtime::Mode;
use crate::sandbox::unmeasured;
use crate::value::map_to_json;

/// Reads the options one by one, so that every problem is told, at its key.
fn read(given: Map<String, Value>) -> Result<PhantomOptions> {
    let defaults = serde_json::to_value(PhantomOptions::default()).unwrap_or_default();
    let known: Vec<&str> =
        defaults.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let mut problems = Problems::default();
    for (key, value) in &given {
        let here = || Place::Option(key.clone());
        if !known.contains(&key.as_str()) {
            let near = did_you_mean(key, known.iter().copied());
            let error =
                Error::new(Code::UnknownOption, format!("phantoms has no option {key:?}{near}"));
            problems.push(error.at(here()).help(format!("its options are: {}", known.join(", "))));
            continue;
        }
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<PhantomOptions>(Value::Object(alone)) {
            let message = format!("option {key:?} of phantoms cannot be {value}");
            problems.push(Error::new(Code::BadOption, message).at(here()).because(error));
        }
    }
    problems.into_result()?;
    serde_json::from_value(Value::Object(given))
        .map_err(|error| Error::new(Code::BadOption, "phantoms cannot be made").because(error))
}

fn phantoms(shared: &Shared, folder: &str, more: &rhai::Map) -> Result<rhai::Map> {
    let options = read(map_to_json(more)?)?;
    let folder = Path::new(folder);
    let [caps, labels, splits] = paths(folder, &options);
    match shared.mode {
        Mode::Resolve | Mode::Define => {}
        Mode::Run | Mode::Check | Mode::FindLearningRate(_) => {
            drop(unmeasured(|| generate(folder, &options))?)
        }
    }
    let places = [("caps", caps), ("labels", labels), ("splits", splits)];
    Ok(places
        .into_iter()
        .map(|(key, path)| (key.into(), path.display().to_string().into()))
        .collect())
}

type Given = std::result::Result<rhai::Map, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let (full, plain) = (Arc::clone(shared), Arc::clone(shared));
    engine
        .register_fn("phantoms", move |folder: &str, more: rhai::Map| -> Given {
            phantoms(&full, folder, &more).map_err(raise)
        })
        .register_fn("phantoms", move |folder: &str| -> Given {
            phantoms(&plain, folder, &rhai::Map::new()).map_err(raise)
        });
}
