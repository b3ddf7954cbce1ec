//! `interpret`: which voxels the networks of an experiment go by.

use std::sync::Arc;

use neurhai_core::interpret::{Interpreted, check, interpret};
use rhai::{Engine, EvalAltResult};

use super::found::Found;
use super::{Shared, raise};
use crate::runtime::Mode;
use crate::show;
use crate::value::map_to_json;

type Given<T> = std::result::Result<T, Box<EvalAltResult>>;

fn run(
    shared: &Shared,
    maps: &str,
    group: &str,
    name: &str,
    options: &rhai::Map,
) -> Given<Found<Interpreted>> {
    let options = map_to_json(options).map_err(raise)?;
    // Where nothing is trained there may be no experiment yet.
    if shared.mode != Mode::Run {
        if shared.mode == Mode::Check {
            check(group, name, &options).map_err(raise)?;
        }
        return Ok(Found::new(None));
    }
    let found =
        shared.in_session(&[], |session| interpret(maps.as_ref(), group, name, &options, session));
    found.map(|found| Found::new(Some(found))).map_err(raise)
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    engine
        .register_fn("interpret", move |maps: &str, group: &str, name: &str, options: rhai::Map| {
            run(&shared, maps, group, name, &options)
        })
        .register_type_with_name::<Found<Interpreted>>("Interpretation")
        .register_get("results", |found: &mut Found<Interpreted>| {
            found.part(|found| &found.results)
        })
        .register_get("written", |found: &mut Found<Interpreted>| {
            found.part(|found| &found.written)
        })
        .register_fn("table", |found: &mut Found<Interpreted>| found.get().map(show::interpreted))
        .register_fn("to_string", |found: &mut Found<Interpreted>| {
            found.get().map(show::interpreted)
        });
}
