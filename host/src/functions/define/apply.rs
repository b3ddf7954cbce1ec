//! `layer.apply(x)`: layers within the function of a layer.
//!
//! When the outer layer is planned, its function runs on shapes alone, and every layer that it
//! applies is recorded and then planned as an inner one, so that parameters belong to the network.
//! In a forward pass the same layers must be applied in the same order.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use neurhai_core::network::{Context, LayerSpec, NetworkSpec, PartSpec, Plan, Sequence};
use neurhai_core::shape::show;
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine};

use super::Scripted;
use crate::functions::layers::Layer;
use crate::functions::{Shared, raise};
use crate::tensor::{self, value};

/// A layer that was applied, and the shape it was given, without the batch axis.
pub(super) struct Applied {
    pub(super) layer: LayerSpec,
    pub(super) input: Vec<i64>,
}

/// An inner layer that is ready to compute.
pub(super) struct Inner {
    applied: Applied,
    sequence: Sequence,
}

impl Inner {
    pub(super) fn new(applied: Applied, sequence: Sequence) -> Self {
        Self { applied, sequence }
    }
}

/// What applying a layer means at the moment.
enum Applying {
    Planning(Vec<Applied>),
    /// None was applied when the layer was planned.
    Nothing,
    Running {
        inner: Arc<[Inner]>,
        next: usize,
        ctx: Context<'static>,
    },
}

thread_local! {
    static APPLYING: RefCell<Option<Applying>> = const { RefCell::new(None) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Layers of scripts that apply layers of scripts; each level is planned twice.
const MAX_DEPTH: usize = 8;

/// Runs a layer's function on shapes alone; gives the layers it applied, too.
pub(super) fn planning<T>(run: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Applied>)> {
    if DEPTH.get() >= MAX_DEPTH {
        let message = format!("layers of scripts apply each other more than {MAX_DEPTH} deep");
        return Err(
            Error::new(Code::ScriptLimit, message).help("look for a layer that applies itself")
        );
    }
    DEPTH.set(DEPTH.get() + 1);
    let outer = APPLYING.replace(Some(Applying::Planning(Vec::new())));
    let result = run();
    let recorded = APPLYING.replace(outer);
    DEPTH.set(DEPTH.get() - 1);
    match recorded {
        Some(Applying::Planning(layers)) => Ok((result?, layers)),
        _ => Err(Error::new(Code::Internal, "the record of applied layers is lost")),
    }
}

/// Runs a layer's `function` in a forward pass, where it applies `inner`.
pub(super) fn running<T>(
    function: &Scripted,
    inner: &Arc<[Inner]>,
    ctx: &mut Context<'_>,
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if inner.is_empty() {
        let outer = APPLYING.replace(Some(Applying::Nothing));
        let result = run();
        APPLYING.set(outer);
        return result;
    }
    let state = Applying::Running { inner: Arc::clone(inner), next: 0, ctx: ctx.detach() };
    let outer = APPLYING.replace(Some(state));
    let result = run();
    match APPLYING.replace(outer) {
        Some(Applying::Running { next, ctx: detached, .. }) => {
            ctx.attach(detached);
            let result = result?;
            match next == inner.len() {
                true => Ok(result),
                false => Err(function.error(changed(&function.owner, next, inner.len()))),
            }
        }
        _ => Err(Error::new(Code::Internal, "the record of applied layers is lost")),
    }
}

fn changed(owner: &str, found: usize, planned: usize) -> Error {
    let message =
        format!("the {owner} applies {found} layers, but applied {planned} when it was planned");
    Error::new(Code::BadNetwork, message).help(HELP)
}

const HELP: &str = "which layers a layer applies, and in which order, may depend on its options and \
                    on shapes only";

fn apply(shared: &Shared, layer: &Layer, x: &tensor::Tensor) -> Result<Dynamic> {
    let x = x.get();
    // Meanwhile other layers of scripts may run.
    let mut state = APPLYING.take();
    let result = match &mut state {
        None => Err(Error::new(
            Code::ScriptError,
            "a layer can be applied within the function of a layer only",
        )
        .help("layer(\"name\", #{ … }, |l, x| conv(8, 3).apply(x))")),
        Some(Applying::Planning(layers)) => plan(shared, layer, &x, layers),
        Some(Applying::Nothing) => Err(differs("a layer".into(), "none".into())),
        Some(Applying::Running { inner, next, ctx }) => {
            let result = compute(layer, &x, inner, *next, ctx);
            *next += 1;
            result
        }
    };
    APPLYING.set(state);
    result.map(value)
}

/// The shape that comes out, found out alone; the layer gets its place in the network later.
fn plan(
    shared: &Shared,
    layer: &Layer,
    x: &tch::Tensor,
    layers: &mut Vec<Applied>,
) -> Result<tch::Tensor> {
    let size = x.size();
    let Some((batch, input)) = size.split_first() else {
        return Err(Error::new(Code::ShapeMismatch, "a layer takes a tensor [batch, …]"));
    };
    let parts = vec![PartSpec { name: "inner".into(), layers: vec![layer.spec().clone()] }];
    let spec = NetworkSpec { architecture: "inner".into(), parts };
    let output = Plan::new(spec, input, &shared.catalog())?.output;
    layers.push(Applied { layer: layer.spec().clone(), input: input.to_vec() });
    Ok(neurhai_torch::meta(&[&[*batch], &output[..]].concat())?)
}

fn differs(found: String, planned: String) -> Error {
    let message = format!("a layer applies {found}, but applied {planned} when it was planned");
    Error::new(Code::BadNetwork, message).help(HELP)
}

fn compute(
    layer: &Layer,
    x: &tch::Tensor,
    inner: &[Inner],
    next: usize,
    ctx: &mut Context<'static>,
) -> Result<tch::Tensor> {
    let size = x.size();
    let Some(Inner { applied, sequence }) = inner.get(next) else {
        return Err(differs(format!("{} layers or more", next + 1), inner.len().to_string()));
    };
    if applied.layer != *layer.spec() {
        let (found, planned) = (&layer.spec().kind, &applied.layer.kind);
        return Err(differs(
            format!("{found} with other options or in another order"),
            format!("{planned} there"),
        ));
    }
    let input = size.get(1..).unwrap_or_default();
    if applied.input != input {
        let (found, planned) = (show(input), show(&applied.input));
        return Err(differs(
            format!("{} to {found}", applied.layer.kind),
            format!("it to {planned}"),
        ));
    }
    sequence.forward(x, ctx)
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    engine.register_fn("apply", move |layer: &mut Layer, x: tensor::Tensor| {
        apply(&shared, layer, &x).map_err(raise)
    });
}
