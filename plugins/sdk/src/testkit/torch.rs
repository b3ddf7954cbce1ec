//! What goes through layers and losses too, and a layer to try out.

use std::ffi::c_void;

use serde_json::{Value, json};
use tch::{Kind as Type, Tensor};

use super::collect::collect;
use super::{
    Draw, Failed, Kind, Registered, call, ensure, layer, loss, none, options_of, problems_with,
};
use crate::abi::{self, Entry, OK, PARAM_TRAINABLE, Sink, Status, Text};
use crate::call::{read_text, slice, text, write};

/// Puts a plugin through all tests, those of layers and losses among them.
///
/// # Panics
/// As [`testkit::check`](super::check).
#[track_caller]
pub fn check(entry: &Entry) {
    check_with(entry, &[]);
}

/// The same, with options for entries that need some, as
/// [`testkit::check_with`](super::check_with).
///
/// # Panics
/// As [`testkit::check`](super::check).
#[track_caller]
pub fn check_with(entry: &Entry, options: &[(&str, Value)]) {
    none(&problems(entry, options));
}

/// Everything that fails, one line each.
pub fn problems(entry: &Entry, options: &[(&str, Value)]) -> Vec<String> {
    problems_with(entry, options, |registered| match &registered.kind {
        Kind::Layer(raw) => layer::check(registered, raw),
        Kind::Loss(raw) => loss::check(registered, raw),
        _ => Ok(()),
    })
}

/// A layer of a plugin, made for one input shape, with weights of its own. For tests that compare
/// with other implementations.
pub struct TestLayer {
    instance: Instance,
    // After the instance, as it is dropped last.
    _entries: Vec<Registered>,
}

impl TestLayer {
    /// Makes a layer of this name; `input` is a shape without the batch axis.
    ///
    /// # Errors
    /// There is none of this name, or the plugin refuses.
    pub fn new(entry: &Entry, name: &str, options: Value, input: &[i64]) -> Result<Self, String> {
        let entries = collect(entry, &[(name, options)])?;
        let registered = entries.iter().find(|registered| registered.name == name);
        let Some((registered, Kind::Layer(raw))) = registered.map(|found| (found, &found.kind))
        else {
            return Err(format!("no layer is called {name:?}"));
        };
        let request = json!({"input": input, "options": options_of(registered)}).to_string();
        Ok(Self { instance: create(registered, raw, &request)?, _entries: entries })
    }

    /// The names of the parameters and buffers, in order.
    pub fn names(&self) -> &[String] {
        &self.instance.asked.names
    }

    /// The parameters and buffers, in order.
    pub fn weights(&self) -> &[Tensor] {
        &self.instance.asked.params
    }

    /// The output shape without the batch axis, as the layer said it.
    pub fn output(&self) -> Option<&[i64]> {
        self.instance.asked.outputs.first().map(Vec::as_slice)
    }

    /// The output for a batch.
    ///
    /// # Errors
    /// What the layer says.
    pub fn forward(&self, input: &Tensor, training: bool, seed: u64) -> Result<Tensor, String> {
        self.instance.forward(input, training, seed)
    }
}

/// Numbers between −1 and 1.
pub(super) fn draw(draw: &mut Draw, shape: &[i64]) -> Tensor {
    let count = shape.iter().product::<i64>().max(0);
    let numbers: Vec<f32> = (0..count).map(|_| 2.0 * draw.next() as f32 - 1.0).collect();
    Tensor::from_slice(&numbers).reshape(shape)
}

/// The numbers of a tensor, to be compared bit by bit.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f64>, String> {
    let flat = tensor.detach().to_kind(Type::Double).flatten(0, -1);
    Vec::<f64>::try_from(flat).map_err(|error| error.to_string())
}

pub(super) fn finite(tensor: &Tensor) -> Result<bool, String> {
    Ok(tensor.defined() && numbers(tensor)?.iter().all(|number| number.is_finite()))
}

/// Gradients of a sum with respect to leaves.
pub(super) fn gradients(sum: &Tensor, leaves: &[&Tensor]) -> Result<Vec<Tensor>, String> {
    // libtorch would crash.
    ensure(sum.requires_grad(), || "the result is detached from the graph".into())?;
    Tensor::f_run_backward(&[sum], leaves, false, false).map_err(|error| error.to_string())
}

/// A handle to lend.
pub(super) fn lend(tensor: &Tensor) -> abi::Tensor {
    abi::Tensor(tensor.as_ptr().cast_mut().cast())
}

/// Takes over the tensor that a call gave.
pub(super) fn received(what: &str, tensor: abi::Tensor) -> Result<Tensor, String> {
    ensure(!tensor.0.is_null(), || format!("expected a tensor from {what}, not a null pointer"))?;
    // SAFETY: what a plugin gives out belongs to the receiver.
    let tensor = unsafe { Tensor::from_ptr(tensor.0.cast()) };
    ensure(tensor.defined(), || format!("expected a tensor from {what}, not an undefined one"))?;
    Ok(tensor)
}

/// What a layer asks for, and says of its output.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) params: Vec<Tensor>,
    pub(super) names: Vec<String>,
    pub(super) outputs: Vec<Vec<i64>>,
}

/// # Safety
/// What the interface promises of `param`.
unsafe extern "C" fn param(
    ctx: *mut c_void,
    name: Text,
    shape: *const i64,
    axes: usize,
    init: Text,
    kind: u32,
    error: Sink,
) -> Status {
    // SAFETY: the layer hands back the scope's `ctx`, and text and shape valid during the call.
    let (asked, name, shape, init) = unsafe {
        (&mut *ctx.cast::<Asked>(), read_text(name), slice(shape, axes), read_text(init))
    };
    let (Ok(name), Ok(shape), Ok(init)) = (name, shape, init) else {
        write(error, "text that is no UTF-8, or a null pointer");
        return abi::INVALID;
    };
    let init: Value = serde_json::from_str(init).unwrap_or_default();
    let tensor = if let Some(value) = init["constant"].as_f64() {
        Tensor::full(shape, value, (Type::Float, tch::Device::Cpu))
    } else if let Some(bound) = init["uniform"].as_f64().or_else(|| bound(&init)) {
        draw(&mut Draw(7 + asked.params.len() as u64), shape) * bound
    } else {
        write(error, &format!("{name:?} has an initialisation that is none: {init}"));
        return abi::INVALID;
    };
    if asked.names.iter().any(|other| other == name) || shape.iter().any(|size| *size < 1) {
        write(error, &format!("{name:?} of shape {shape:?} is asked for twice, or empty"));
        return abi::INVALID;
    }
    asked.params.push(tensor.set_requires_grad(kind == PARAM_TRAINABLE));
    asked.names.push(name.to_owned());
    OK
}

fn bound(init: &Value) -> Option<f64> {
    init["fan_in"].as_f64().filter(|n| *n > 0.0).map(|n| 1.0 / n.sqrt())
}

/// # Safety
/// What the interface promises of `output`.
unsafe extern "C" fn output(ctx: *mut c_void, shape: *const i64, axes: usize, _: Sink) -> Status {
    // SAFETY: as in `param`.
    unsafe {
        let asked = &mut *ctx.cast::<Asked>();
        asked.outputs.push(slice(shape, axes).unwrap_or_default().to_vec());
    }
    OK
}

pub(super) struct Instance {
    raw: abi::Layer,
    data: *mut c_void,
    pub(super) asked: Asked,
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.raw.destroy {
            // SAFETY: what `create` gave is destroyed once.
            unsafe { destroy(self.data) }
        }
    }
}

pub(super) fn create(
    registered: &Registered,
    raw: &abi::Layer,
    request: &str,
) -> Result<Instance, Failed> {
    let (mut asked, mut data) = (Asked::default(), std::ptr::null_mut());
    let scope = abi::Scope {
        struct_size: size_of::<abi::Scope>() as u32,
        reserved: 0,
        ctx: (&raw mut asked).cast(),
        param,
        output,
    };
    call("create", |error| {
        // SAFETY: all pointers are into what lives until the call returns.
        raw.create.map_or(abi::INVALID, |create| unsafe {
            create(registered.kind.item().data, text(request), &scope, &mut data, error)
        })
    })?;
    Ok(Instance { raw: *raw, data, asked })
}

impl Instance {
    pub(super) fn forward(
        &self,
        input: &Tensor,
        training: bool,
        seed: u64,
    ) -> Result<Tensor, String> {
        let (inputs, weights): (_, Vec<_>) =
            ([lend(input)], self.asked.params.iter().map(lend).collect());
        let pass = abi::Pass {
            struct_size: size_of::<abi::Pass>() as u32,
            training: training.into(),
            seed,
            inputs: inputs.as_ptr(),
            n_inputs: 1,
            weights: weights.as_ptr(),
            n_weights: weights.len(),
        };
        let mut output = abi::Tensor(std::ptr::null_mut());
        call("forward", |error| {
            // SAFETY: all pointers are into what lives until the call returns.
            self.raw.forward.map_or(abi::INVALID, |forward| unsafe {
                forward(self.data, &pass, &mut output, error)
            })
        })?;
        received("forward", output)
    }
}
