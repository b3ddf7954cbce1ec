use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;

use neurhai_abi::{self as abi, OK, PARAM_BUFFER, PARAM_TRAINABLE, Sink, Status, Text};
use serde_json::{Value, json};
use tch::Tensor;

use super::{borrow, give};
use crate::call::{
    Outcome, drop_box, guard, object, place, read_text, sink, slice, structure, text,
};
use crate::options::{self, shape, take_options};
use crate::register::refusal;
use crate::{Error, Info, Options, Result};

/// A kind of layer. Its parameters belong to the host, which saves, moves and trains them.
pub trait Layer: Send + Sync + 'static {
    /// Name, help, options, shapes and an example.
    fn info(&self) -> Info;

    /// Checks the options against the input shape (without the batch axis), asks `scope` for
    /// parameters, and says what comes out and how it is computed. Allocates nothing.
    ///
    /// # Errors
    /// A shape or option that does not fit.
    fn create(&self, input: &[i64], options: &Options, scope: &mut Scope<'_>) -> Result<Planned>;
}

type Forward = Box<dyn Fn(&Pass) -> Result<Tensor> + Send + Sync>;

/// A layer whose input shape is known.
pub struct Planned {
    output: Vec<i64>,
    forward: Forward,
}

impl Planned {
    /// A layer that gives `output` (a shape without the batch axis), computed by `forward` from
    /// tensors with the batch axis in front. It may be called by several threads at once.
    pub fn new(
        output: impl Into<Vec<i64>>,
        forward: impl Fn(&Pass) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        Self { output: output.into(), forward: Box::new(forward) }
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planned").field("output", &self.output).finish_non_exhaustive()
    }
}

/// How a parameter or buffer starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform over ±bound.
    Uniform(f64),
    /// All the same value.
    Constant(f64),
    /// PyTorch's default for convolutions and linear layers, weight and bias alike: uniform over
    /// ±1/√n, where n is the number of inputs that an output is made of.
    FanIn(i64),
}

impl Init {
    fn to_json(self) -> Value {
        match self {
            Self::Uniform(bound) => json!({"uniform": bound}),
            Self::Constant(value) => json!({"constant": value}),
            Self::FanIn(n) => json!({"fan_in": n}),
        }
    }
}

/// A parameter or buffer that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param(usize);

/// Through which a layer asks for its parameters.
#[derive(Debug)]
pub struct Scope<'s> {
    raw: &'s abi::Scope,
    asked: usize,
    // The host's scope belongs to the thread that creates the layer.
    thread: PhantomData<*mut ()>,
}

impl Scope<'_> {
    /// Asks for a parameter that the optimiser learns.
    ///
    /// # Errors
    /// The host refuses, for instance a size that is not positive.
    pub fn param(&mut self, name: &str, shape: &[i64], init: Init) -> Result<Param> {
        self.ask(name, shape, init, PARAM_TRAINABLE)
    }

    /// Asks for a buffer, which is saved with the weights but not learned.
    ///
    /// # Errors
    /// As [`Scope::param`].
    pub fn buffer(&mut self, name: &str, shape: &[i64], init: Init) -> Result<Param> {
        self.ask(name, shape, init, PARAM_BUFFER)
    }

    fn ask(&mut self, name: &str, shape: &[i64], init: Init, kind: u32) -> Result<Param> {
        let (init, mut message) = (init.to_json().to_string(), Vec::new());
        // SAFETY: the scope is valid during `create`, and the texts and shape until the call
        // returns.
        let status = unsafe {
            (self.raw.param)(
                self.raw.ctx,
                text(name),
                shape.as_ptr(),
                shape.len(),
                text(&init),
                kind,
                sink(&mut message),
            )
        };
        if status != OK {
            return Err(refusal(name, status, &message));
        }
        self.asked += 1;
        Ok(Param(self.asked - 1))
    }

    fn output(&self, shape: &[i64]) -> Result<()> {
        let mut message = Vec::new();
        // SAFETY: as in `ask`.
        let status = unsafe {
            (self.raw.output)(self.raw.ctx, shape.as_ptr(), shape.len(), sink(&mut message))
        };
        if status == OK { Ok(()) } else { Err(refusal("output", status, &message)) }
    }
}

/// A forward pass through one layer. Its tensors are the host's: float32, of any device and strides,
/// and not to be changed in place, but for buffers in training.
#[derive(Debug)]
pub struct Pass {
    /// Whether the network is being trained.
    pub training: bool,
    /// For the random choices of this layer in this pass; 0 in evaluation.
    pub seed: u64,
    input: Tensor,
    weights: Vec<Tensor>,
}

impl Pass {
    /// The input, `[batch, …]`.
    pub fn input(&self) -> &Tensor {
        &self.input
    }

    /// A parameter or buffer.
    ///
    /// # Errors
    /// It is one of another layer.
    pub fn weight(&self, param: Param) -> Result<&Tensor> {
        self.weights.get(param.0).ok_or_else(|| "a parameter of another layer".into())
    }
}

pub(super) unsafe extern "C" fn create<T: Layer>(
    data: *mut c_void,
    request: Text,
    scope: *const abi::Scope,
    instance: *mut *mut c_void,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back the data of this entry; text, scope and the place for the
        // answer are valid during the call.
        let (layer, request, raw, instance) = unsafe {
            (object::<T>(data)?, read_text(request)?, structure(scope)?, place(instance)?)
        };
        let mut request = options::object(request)?;
        let input = shape(&request, "input")?;
        let options = take_options(&mut request)?;
        let mut scope = Scope { raw, asked: 0, thread: PhantomData };
        let planned = layer.create(&input, &options, &mut scope)?;
        scope.output(&planned.output)?;
        *instance = Box::into_raw(Box::new(planned.forward)).cast();
        Ok(())
    })
}

pub(super) unsafe extern "C" fn forward(
    instance: *mut c_void,
    pass: *const abi::Pass,
    output: *mut abi::Tensor,
    error: Sink,
) -> Status {
    guard(error, || {
        // SAFETY: the host hands back what `create` gave, and a pass valid during the call.
        let (forward, raw) = unsafe { (object::<Forward>(instance)?, structure(pass)?) };
        // SAFETY: the interface promises as many tensors behind each pointer.
        let (inputs, weights) =
            unsafe { (tensors(raw.inputs, raw.n_inputs)?, tensors(raw.weights, raw.n_weights)?) };
        let input = inputs.into_iter().next().ok_or_else(|| Error::from("there is no input"))?;
        let pass = Pass { training: raw.training != 0, seed: raw.seed, input, weights };
        let result = forward(&pass)?;
        // SAFETY: the host gives a place for the answer.
        unsafe { give(result, output) }
    })
}

/// # Safety
/// `ptr` is null or has `len` tensors.
unsafe fn tensors(ptr: *const abi::Tensor, len: usize) -> Outcome<Vec<Tensor>> {
    // SAFETY: by this function's own condition.
    unsafe { slice(ptr, len)?.iter().map(|tensor| borrow(*tensor)).collect() }
}

pub(super) unsafe extern "C" fn destroy(instance: *mut c_void) {
    // SAFETY: the host hands back what `create` gave, once.
    unsafe { drop_box::<Forward>(instance) }
}
