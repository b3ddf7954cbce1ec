//! `inspect`: the layer table of a network, without weights or data.

use std::sync::Arc;

use neurhai_core::catalog::ArchitectureRequest;
use neurhai_core::network::Plan;
use neurhai_core::options::{Kind, OptionSpec, Options};
use neurhai_core::{Code, Error, Place, Result};
use rhai::{Dynamic, Engine};
use serde_json::{Map, Value};

use super::{Shared, raise};
use crate::show;
use crate::value::{map_to_json, to_json};

/// A planned network, as scripts hold it.
#[derive(Clone)]
struct Network {
    table: Arc<str>,
    parameters: i64,
    multiply_adds: u64,
    output: Vec<i64>,
}

/// Builds and checks a network.
pub(crate) fn plan(shared: &Shared, name: &str, request: &ArchitectureRequest) -> Result<Plan> {
    shared.traces().begin();
    let catalog = shared.catalog();
    let entry = catalog.architectures.get(name)?;
    let spec = entry.architecture.build(request, &catalog)?;
    Plan::new(spec, &request.input, &catalog)
}

fn inspect(shared: &Shared, name: &str, input: &Dynamic, more: &rhai::Map) -> Result<Network> {
    let specs = [
        OptionSpec::new("outputs", Kind::Int { min: 1, max: 1 << 32 }, 2, "outputs of the network"),
        OptionSpec::new("options", Kind::Map, Map::new(), "the architecture's options"),
    ];
    let more = Options::check(&specs, &map_to_json(more)?, "inspect")?;
    let input: Option<Vec<i64>> =
        to_json(input)?.as_array().and_then(|sizes| sizes.iter().map(Value::as_i64).collect());
    let input = input.ok_or_else(|| {
        Error::new(Code::BadOption, "the input shape must be a list of whole numbers")
            .at(Place::Option("input".into()))
            .help("channels first, then the sizes: [1, 169, 208, 179]")
    })?;
    let (outputs, options) = (more.int("outputs")?, more.map("options")?.clone());
    let plan = plan(shared, name, &ArchitectureRequest { input, outputs, options })?;
    Ok(Network {
        table: show::layer_table(&shared.catalog(), &plan).into(),
        parameters: plan.parameters(),
        multiply_adds: plan.multiply_adds(),
        output: plan.output,
    })
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let (full, plain) = (Arc::clone(shared), Arc::clone(shared));
    engine
        .register_type_with_name::<Network>("Network")
        .register_fn("to_string", |network: &mut Network| network.table.to_string())
        .register_get("parameters", |network: &mut Network| network.parameters)
        .register_get("multiply_adds", |network: &mut Network| {
            i64::try_from(network.multiply_adds).unwrap_or(i64::MAX)
        })
        .register_get("output", |network: &mut Network| {
            network.output.iter().copied().collect::<Dynamic>()
        })
        .register_fn("inspect", move |name: &str, input: Dynamic, more: rhai::Map| {
            inspect(&full, name, &input, &more).map_err(raise)
        })
        .register_fn("inspect", move |name: &str, input: Dynamic| {
            inspect(&plain, name, &input, &rhai::Map::new()).map_err(raise)
        });
}
