use std::ffi::c_void;
use std::sync::Arc;

use neurhai_abi as abi;
use neurhai_torch::Casts;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::handle::Handle;
use super::info::Info;
use super::loss::{lend_tensor, needs_tensors, take_tensor};
use super::stage::{Staging, needed};
use super::text::{copy, lend, tell};
use crate::catalog::LayerEntry;
use crate::error::{Code, Error, Result};
use crate::layer::{Init, Layer, LayerInfo, Planned};
use crate::network::{ParamId, Planner, float};
use crate::options::Options;
use crate::shape::{Shape, show};

/// A layer of a plugin.
struct OfPlugin {
    info: LayerInfo,
    create: abi::CreateFn,
    forward: abi::ForwardFn,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    handle: Arc<Handle>,
}

/// A layer that was made for an input shape.
struct Instance {
    handle: Arc<Handle>,
    pointer: *mut c_void,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: a plugin promises that an instance may be used from several threads.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.filter(|_| !self.pointer.is_null()) {
            // SAFETY: the instance is this entry's, and nobody uses it any more.
            unsafe { self.handle.about.free(destroy, self.pointer) }
        }
    }
}

/// What a layer's calls find behind the scope's `ctx`.
struct Asking<'p, 'c> {
    planner: &'p mut Planner<'c>,
    params: Vec<ParamId>,
    output: Option<Shape>,
    refused: Option<Error>,
}

impl Layer for OfPlugin {
    fn info(&self) -> LayerInfo {
        self.info.clone()
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let (create, forward) = (self.create, self.forward);
        let request = json!({"input": input, "options": options.values()}).to_string();
        let mut asking = Asking { planner, params: Vec::new(), output: None, refused: None };
        let scope = abi::Scope {
            struct_size: size_of::<abi::Scope>() as u32,
            reserved: 0,
            ctx: std::ptr::from_mut(&mut asking).cast(),
            param,
            output,
        };
        let mut instance = Instance {
            handle: Arc::clone(&self.handle),
            pointer: std::ptr::null_mut(),
            destroy: self.destroy,
        };
        let made = self.handle.call(|data, error| {
            // SAFETY: the request, the scope and what its `ctx` points to outlive the call.
            unsafe { create(data, lend(&request), &scope, &mut instance.pointer, error) }
        });
        let Asking { params, output, refused, .. } = asking;
        if let Some(error) = refused {
            return Err(error.because(format!("the {} asked for it", self.handle.whole_name())));
        }
        made?;
        let output = output.ok_or_else(|| self.handle.error("does not say its output's shape"))?;
        let expected = output.clone();
        Ok(Planned::new(output, move |x, ctx| {
            // A plugin is promised float32, and code of its own may look at the numbers.
            let _plain = Casts::to(Kind::Float, x.device())?;
            let x = &float(x)?;
            let lent = [lend_tensor(x)];
            let held = params.iter().map(|id| ctx.lent(*id)).collect::<Result<Vec<_>>>()?;
            let weights: Vec<_> = held.iter().map(lend_tensor).collect();
            let pass = abi::Pass {
                struct_size: size_of::<abi::Pass>() as u32,
                training: u32::from(ctx.training()),
                seed: ctx.draw_seed("plugin layer"),
                inputs: lent.as_ptr(),
                n_inputs: lent.len(),
                weights: weights.as_ptr(),
                n_weights: weights.len(),
            };
            let mut given = abi::Tensor(std::ptr::null_mut());
            instance.handle.call(|_, error| {
                // SAFETY: the pass borrows its tensors, which live until the function returns.
                unsafe { forward(instance.pointer, &pass, &mut given, error) }
            })?;
            let all: Vec<_> = lent.iter().chain(&weights).copied().collect();
            let y = take_tensor(given, &all, &instance.handle)?;
            check_shape(x, y, &expected, &instance.handle)
        }))
    }
}

fn check_shape(x: &Tensor, y: Tensor, expected: &[i64], handle: &Handle) -> Result<Tensor> {
    let found = y.size();
    if found.first() == x.size().first() && found.get(1..) == Some(expected) {
        return Ok(y);
    }
    Err(handle.error(&format!(
        "gives {} for a batch of {}, but said {} per sample",
        show(&found),
        x.size().first().copied().unwrap_or(0),
        show(expected)
    )))
}

/// # Safety
/// `ctx` is the `Asking` of a call to `create` that has not returned, and `shape` points to `axes`
/// numbers.
unsafe fn shape_of(shape: *const i64, axes: usize) -> Result<Shape> {
    if axes > 16 || (shape.is_null() && axes > 0) {
        return Err(Error::new(Code::BadPlugin, "a shape is a null pointer or has too many axes"));
    }
    if axes == 0 {
        return Ok(Shape::new());
    }
    // SAFETY: the pointer is not null, and the plugin promises `axes` numbers there.
    Ok(unsafe { std::slice::from_raw_parts(shape, axes) }.to_vec())
}

/// Ends a call of a scope: keeps what was refused, and tells it.
fn end(asking: &mut Asking<'_, '_>, result: Result<()>, sink: abi::Sink) -> abi::Status {
    let Err(error) = result else { return abi::OK };
    // SAFETY: the sink is the plugin's own, handed over for this call.
    unsafe { tell(sink, &error.problems()[0].message) };
    asking.refused.get_or_insert(error);
    abi::INVALID
}

unsafe extern "C" fn param(
    ctx: *mut c_void,
    name: abi::Text,
    shape: *const i64,
    axes: usize,
    init: abi::Text,
    kind: u32,
    error: abi::Sink,
) -> abi::Status {
    if ctx.is_null() {
        return abi::INVALID;
    }
    // SAFETY: `ctx` is the `Asking` of the call to `create` that this happens in.
    let asking = unsafe { &mut *ctx.cast::<Asking<'_, '_>>() };
    // SAFETY: the texts and the shape are borrowed for this call.
    let asked = unsafe {
        (copy(name, "parameter's name"), copy(init, "initialisation"), shape_of(shape, axes))
    };
    let result = (|| {
        let (name, init, shape) = (asked.0?, read_init(&asked.1?)?, asked.2?);
        if name.split('.').any(str::is_empty) {
            let message = format!("a parameter cannot be called {name:?}");
            return Err(asking.planner.error(Code::BadNetwork, message));
        }
        let id = match kind {
            abi::PARAM_TRAINABLE => asking.planner.param(&name, &shape, init)?,
            abi::PARAM_BUFFER => asking.planner.buffer(&name, &shape, init)?,
            other => {
                let message = format!("there is no kind {other} of parameters");
                return Err(asking.planner.error(Code::BadPlugin, message));
            }
        };
        asking.params.push(id);
        Ok(())
    })();
    end(asking, result, error)
}

unsafe extern "C" fn output(
    ctx: *mut c_void,
    shape: *const i64,
    axes: usize,
    error: abi::Sink,
) -> abi::Status {
    if ctx.is_null() {
        return abi::INVALID;
    }
    // SAFETY: `ctx` is the `Asking` of the call to `create` that this happens in.
    let asking = unsafe { &mut *ctx.cast::<Asking<'_, '_>>() };
    // SAFETY: the shape is borrowed for this call.
    let shape = unsafe { shape_of(shape, axes) };
    let result = shape.and_then(|shape| match asking.output.replace(shape) {
        None => Ok(()),
        Some(_) => Err(asking.planner.error(Code::BadPlugin, "the output's shape is said twice")),
    });
    end(asking, result, error)
}

/// `{"uniform": bound}`, `{"constant": value}` or `{"fan_in": n}`.
fn read_init(text: &str) -> Result<Init> {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let number = |key: &str| value.as_ref()?.get(key)?.as_f64().filter(|n| n.is_finite());
    if let Some(bound) = number("uniform").filter(|bound| *bound >= 0.0) {
        return Ok(Init::Uniform(bound));
    }
    if let Some(constant) = number("constant") {
        return Ok(Init::Constant(constant));
    }
    if let Some(fan_in) = number("fan_in").filter(|fan_in| *fan_in >= 1.0) {
        return Ok(Init::fan_in(fan_in as i64));
    }
    Err(Error::new(Code::BadPlugin, format!("{text:?} is no initialisation"))
        .help("it is {\"uniform\": bound}, {\"constant\": value} or {\"fan_in\": n}"))
}

pub(super) fn stage(
    raw: abi::Layer,
    staging: &Staging,
    name: String,
    help: String,
    mut info: Info,
) -> Result<LayerEntry> {
    let create = needed(raw.create, "create")?;
    let forward = needed(raw.forward, "forward")?;
    needs_tensors(staging)?;
    let (shapes, source) = (info.text("shapes")?, info.text("source")?);
    let (options, positional, example) =
        (info.options()?, info.count("positional")?, info.example()?);
    info.finish(&["shapes", "source", "options", "positional", "example"])?;
    if let Some(taken) = options.iter().find(|one| ["kind", "name"].contains(&one.name.as_str())) {
        let message = format!("an option of a layer cannot be called {:?}", taken.name);
        return Err(Error::new(Code::BadPlugin, message));
    }
    if positional > options.len() {
        return Err(Error::new(Code::BadPlugin, "it has fewer options than \"positional\" says"));
    }
    let what = format!("layer {name:?}");
    let info = LayerInfo { name, help, shapes, options, positional, example, source };
    let handle = Arc::new(Handle::new(&staging.about, what, &raw.item));
    let layer =
        Box::new(OfPlugin { info: info.clone(), create, forward, destroy: raw.destroy, handle });
    Ok(LayerEntry { info, origin: staging.origin(), layer })
}
