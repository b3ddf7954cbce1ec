//! `layer`: a layer out of tensor functions or other layers.

use std::sync::Arc;

use neurhai_core::catalog::LayerEntry;
use neurhai_core::error::did_you_mean;
use neurhai_core::layer::{Example, Layer, LayerInfo, Planned};
use neurhai_core::network::{LayerSpec, NetworkSpec, ParamId, PartSpec, Plan, Planner};
use neurhai_core::options::Options;
use neurhai_core::shape::{Shape, show};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, FnPtr, Identifier};
use serde_json::json;

use super::apply::{self, Inner};
use super::parameters::{self, Parameter};
use super::{Registration, Scripted, given};
use crate::sandbox::{in_pass, measured};
use crate::tensor::pass::{Pass, counted, within};
use crate::tensor::{self, value};
use crate::value::describe;

/// What a layer's function is told beside its options.
const GIVEN: [&str; 3] = ["input", "kind", "name"];
/// Samples in the batch that shapes are found out with: not one, and not what other axes often have.
const BATCH: i64 = 7;

#[derive(Clone)]
struct ScriptLayer {
    info: LayerInfo,
    parameters: Option<Arc<Scripted>>,
    forward: Arc<Scripted>,
}

impl Layer for ScriptLayer {
    fn info(&self) -> LayerInfo {
        self.info.clone()
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let mut l = given(options);
        l.insert("input".into(), Dynamic::from_iter(input.iter().copied()));
        let mut params: Vec<(Identifier, ParamId)> = Vec::new();
        let mut empty = l.clone();
        for Parameter { name, shape, init, trainable } in self.wanted(&l)? {
            let id = match trainable {
                true => planner.param(&name, &shape, init)?,
                false => planner.buffer(&name, &shape, init)?,
            };
            let name = Identifier::from(name);
            empty.insert(name.clone(), value(neurhai_torch::meta(&shape)?));
            params.push((name, id));
        }
        let x = neurhai_torch::meta(&[&[BATCH], input].concat())?;
        let run = || {
            let call = || {
                let args = (empty, value(x.shallow_clone()));
                self.forward.call(args, |found, _| self.output(&found))
            };
            let (output, cost) = counted(Pass::new(None, &x), || measured(call));
            Ok((output?, cost / BATCH as u64))
        };
        let ((output, cost), applied) = apply::planning(run)?;
        let mut inner = Vec::new();
        for (i, one) in applied.into_iter().enumerate() {
            let name = one.layer.name.clone().unwrap_or_else(|| i.to_string());
            let layer = LayerSpec { name: Some(name), ..one.layer.clone() };
            let sequence = planner.sequence("apply", &[layer], &one.input)?;
            inner.push(Inner::new(one, sequence));
        }
        Ok(self.planned(l, params, inner.into(), output).costing(cost))
    }
}

impl ScriptLayer {
    fn wanted(&self, l: &rhai::Map) -> Result<Vec<Parameter>> {
        match &self.parameters {
            Some(function) => {
                measured(|| function.call((l.clone(),), |found, _| parameters::read(&found, l)))
            }
            None => Ok(Vec::new()),
        }
    }

    /// The output shape without the batch axis.
    fn output(&self, found: &Dynamic) -> Result<Shape> {
        let size = tensor::Tensor::of(found).map(|tensor| tensor.size());
        match size.as_deref() {
            Some([BATCH, output @ ..]) => Ok(output.to_vec()),
            _ => {
                let wanted =
                    format!("a tensor with the batch, here of {BATCH} samples, as its first axis");
                Err(self.forward.wrong(&wanted, found))
            }
        }
    }

    fn planned(
        &self,
        l: rhai::Map,
        params: Vec<(Identifier, ParamId)>,
        inner: Arc<[Inner]>,
        output: Shape,
    ) -> Planned {
        let (forward, expected) = (Arc::clone(&self.forward), output.clone());
        Planned::new(output, move |x, ctx| {
            let mut l = l.clone();
            for (name, id) in &params {
                l.insert(name.clone(), value(ctx.lent(*id)?));
            }
            let seed = ctx.training().then(|| ctx.draw_seed("script layer"));
            let read = |found: Dynamic, _: &_| {
                let y = tensor::Tensor::of(&found).filter(|y| {
                    let size = y.size();
                    size.first() == x.size().first() && size.get(1..) == Some(&expected[..])
                });
                y.ok_or_else(|| {
                    let wanted = format!("{} for each sample, as it was planned", show(&expected));
                    forward.wrong(&wanted, &found)
                })
            };
            let call = || forward.call((l, value(x.shallow_clone())), read);
            let run = || within(Pass::new(seed, x), || in_pass(call));
            apply::running(&forward, &inner, ctx, run)
        })
    }
}

/// The parts of a definition: a function, or a map of functions.
struct Definition {
    parameters: Option<FnPtr>,
    forward: FnPtr,
    example: Option<Vec<i64>>,
}

fn definition(given: &Registration<'_>) -> Result<Definition> {
    let help = || format!("it is called as {}", crate::functions::usage("layer"));
    let bad = |message: String| {
        Error::new(Code::BadOption, format!("{}: {message}", given.owner())).help(help())
    };
    if let Some(forward) = given.definition.clone().try_cast::<FnPtr>() {
        return Ok(Definition { parameters: None, forward, example: None });
    }
    let Some(map) = given.definition.read_lock::<rhai::Map>() else {
        let found = describe(&given.definition);
        return Err(bad(format!("a layer is a function or a map of them, not {found}")));
    };
    let keys = ["parameters", "forward", "example"];
    if let Some(unknown) = map.keys().find(|key| !keys.contains(&key.as_str())) {
        let near = did_you_mean(unknown, keys);
        return Err(bad(format!("a layer has no {unknown:?}{near}")));
    }
    let function = |key: &str| match map.get(key) {
        None => Ok(None),
        Some(found) => match found.clone().try_cast::<FnPtr>() {
            Some(function) => Ok(Some(function)),
            None => Err(bad(format!("{key} is a function, not {}", describe(found)))),
        },
    };
    let shape = |found: &Dynamic| {
        let list = found.read_lock::<rhai::Array>();
        let sizes = list.and_then(|list| list.iter().map(|size| size.as_int().ok()).collect());
        sizes.ok_or_else(|| bad("an example is an input shape, such as [1, 32, 32, 32]".into()))
    };
    Ok(Definition {
        parameters: function("parameters")?,
        forward: function("forward")?
            .ok_or_else(|| bad("the function forward is missing".into()))?,
        example: map.get("example").map(shape).transpose()?,
    })
}

pub(super) fn add(given: Registration<'_>) -> Result<()> {
    let Definition { parameters, forward, example } = definition(&given)?;
    let options = given.options(&GIVEN)?;
    let info = LayerInfo {
        name: given.name.into(),
        help: given.help(),
        shapes: "as its function says".into(),
        positional: usize::from(options.len() == 1),
        options,
        example: Example::new(json!([{"kind": given.name}]), &[], &[]),
        source: String::new(),
    };
    let function = |function| Arc::new(given.function(function));
    let layer =
        ScriptLayer { info, parameters: parameters.map(function), forward: function(forward) };
    let entry = |layer: &ScriptLayer| LayerEntry {
        info: layer.info.clone(),
        origin: given.origin(),
        layer: Box::new(layer.clone()),
    };
    given.add(|catalog| &mut catalog.layers, entry(&layer))?;
    let Some(input) = example else { return Ok(()) };
    // The example is tried at once, and its output kept for those who read about the layer.
    let parts = vec![PartSpec { name: "example".into(), layers: vec![LayerSpec::new(given.name)] }];
    let spec = NetworkSpec { architecture: "example".into(), parts };
    let output = Plan::new(spec, &input, &given.shared.catalog())?.output;
    let mut layer = layer;
    layer.info.shapes = format!("{} → {}", show(&input), show(&output));
    layer.info.example = Example::new(json!([{"kind": given.name}]), &input, &output);
    given.shared.change_catalog(|catalog| catalog.layers.replace(entry(&layer)))
}
