//! `predict`: what the networks of an experiment say about a group.

use std::sync::Arc;

use neurhai_core::predict::{Predicted, predict};
use rhai::{Dynamic, Engine, EvalAltResult};

use super::train::{halted, to_value};
use super::{Shared, raise};
use crate::runtime::Mode;
use crate::show;
use crate::value::map_to_json;

type Given<T> = std::result::Result<T, Box<EvalAltResult>>;

/// What was predicted, as scripts hold it; nothing where nothing is trained.
#[derive(Clone)]
struct Prediction(Option<Arc<Predicted>>);

impl Prediction {
    fn found(&self) -> Given<&Predicted> {
        self.0.as_deref().ok_or_else(halted)
    }

    fn table(&self) -> Given<String> {
        self.found().map(show::predicted)
    }

    fn part<T: serde::Serialize>(&self, part: impl Fn(&Predicted) -> &T) -> Given<Dynamic> {
        to_value(part(self.found()?))
    }
}

fn run(shared: &Shared, maps: &str, group: &str, options: &rhai::Map) -> Given<Prediction> {
    let options = map_to_json(options).map_err(raise)?;
    // Where nothing is trained there may be no experiment yet.
    if shared.mode != Mode::Run {
        return Ok(Prediction(None));
    }
    let found = shared.in_session(&[], |session| predict(maps.as_ref(), group, &options, session));
    found.map(|found| Prediction(Some(Arc::new(found)))).map_err(raise)
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let (plain, full) = (Arc::clone(shared), Arc::clone(shared));
    engine
        .register_fn("predict", move |maps: &str, group: &str| {
            run(&plain, maps, group, &rhai::Map::new())
        })
        .register_fn("predict", move |maps: &str, group: &str, options: rhai::Map| {
            run(&full, maps, group, &options)
        })
        .register_type_with_name::<Prediction>("Prediction")
        .register_get("maps", |found: &mut Prediction| {
            found.found().map(|found| found.maps.display().to_string())
        })
        .register_get("group", |found: &mut Prediction| found.found().map(|f| f.group.clone()))
        .register_get("results", |found: &mut Prediction| found.part(|found| &found.results))
        .register_get("ensemble", |found: &mut Prediction| found.part(|found| &found.ensemble))
        .register_fn("table", |found: &mut Prediction| found.table())
        .register_fn("to_string", |found: &mut Prediction| found.table());
}
