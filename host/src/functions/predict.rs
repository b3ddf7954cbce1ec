//! `predict`: what the networks of an experiment say about a group.

use std::sync::Arc;

use neurhai_core::predict::{Predicted, check, predict};
use rhai::{Engine, EvalAltResult};

use super::found::Found;
use super::{Shared, raise};
use crate::runtime::Mode;
use crate::show;
use crate::value::map_to_json;

type Given<T> = std::result::Result<T, Box<EvalAltResult>>;

fn run(shared: &Shared, maps: &str, group: &str, options: &rhai::Map) -> Given<Found<Predicted>> {
    let options = map_to_json(options).map_err(raise)?;
    // Where nothing is trained there may be no experiment yet.
    if shared.mode != Mode::Run {
        if shared.mode == Mode::Check {
            check(group, &options).map_err(raise)?;
        }
        return Ok(Found::new(None));
    }
    let found = shared.in_session(&[], |session| predict(maps.as_ref(), group, &options, session));
    found.map(|found| Found::new(Some(found))).map_err(raise)
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
        .register_type_with_name::<Found<Predicted>>("Prediction")
        .register_get("maps", |found: &mut Found<Predicted>| {
            found.get().map(|found| found.maps.display().to_string())
        })
        .register_get("group", |found: &mut Found<Predicted>| found.get().map(|f| f.group.clone()))
        .register_get("results", |found: &mut Found<Predicted>| found.part(|found| &found.results))
        .register_get("ensemble", |found: &mut Found<Predicted>| {
            found.part(|found| &found.ensemble)
        })
        .register_fn("table", |found: &mut Found<Predicted>| found.get().map(show::predicted))
        .register_fn("to_string", |found: &mut Found<Predicted>| found.get().map(show::predicted));
}
