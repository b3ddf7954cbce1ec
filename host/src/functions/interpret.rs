//! `interpret`: which voxels the networks of an experiment go by.

use std::sync::Arc;

use neurhai_core::interpret::{Interpreted, interpret};
use rhai::{Dynamic, Engine, EvalAltResult};

use super::train::{halted, to_value};
use super::{Shared, raise};
use crate::runtime::Mode;
use crate::show;
use crate::value::map_to_json;

type Given<T> = std::result::Result<T, Box<EvalAltResult>>;

/// What was interpreted, as scripts hold it; nothing where nothing is trained.
#[derive(Clone)]
struct Interpretation(Option<Arc<Interpreted>>);

impl Interpretation {
    fn found(&self) -> Given<&Interpreted> {
        self.0.as_deref().ok_or_else(halted)
    }

    fn table(&self) -> Given<String> {
        self.found().map(show::interpreted)
    }

    fn part<T: serde::Serialize>(&self, part: impl Fn(&Interpreted) -> &T) -> Given<Dynamic> {
        to_value(part(self.found()?))
    }
}

fn run(
    shared: &Shared,
    maps: &str,
    group: &str,
    name: &str,
    options: &rhai::Map,
) -> Given<Interpretation> {
    let options = map_to_json(options).map_err(raise)?;
    // Where nothing is trained there may be no experiment yet.
    if shared.mode != Mode::Run {
        return Ok(Interpretation(None));
    }
    let found =
        shared.in_session(&[], |session| interpret(maps.as_ref(), group, name, &options, session));
    found.map(|found| Interpretation(Some(Arc::new(found)))).map_err(raise)
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    engine
        .register_fn("interpret", move |maps: &str, group: &str, name: &str, options: rhai::Map| {
            run(&shared, maps, group, name, &options)
        })
        .register_type_with_name::<Interpretation>("Interpretation")
        .register_get("results", |found: &mut Interpretation| found.part(|found| &found.results))
        .register_get("written", |found: &mut Interpretation| found.part(|found| &found.written))
        .register_fn("table", |found: &mut Interpretation| found.table())
        .register_fn("to_string", |found: &mut Interpretation| found.table());
}
