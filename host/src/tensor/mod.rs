//! Tensors in scripts: a value that computes with libtorch, gradients included.
//!
//! Everything makes new tensors; none is changed in place. Each function is one line in the list of
//! its file, which says how it is called, what it does and how.

use std::any::TypeId;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult};

use crate::functions::{Function, raise};
use crate::sandbox;
pub(crate) use given::describe_value;
use given::{Given, Signature};

mod arithmetic;
mod given;
mod indexing;
mod losses;
mod make;
mod missing;
mod neural;
mod norms;
mod operators;
pub(crate) mod pass;
mod reductions;
mod shapes;
mod show;
mod values;
mod windows;

/// A tensor as scripts hold it. libtorch frees its memory with the last value that uses it.
#[derive(Clone)]
pub struct Tensor(Arc<Mutex<tch::Tensor>>);

impl Tensor {
    /// A script's form of a tensor.
    pub(crate) fn new(tensor: tch::Tensor) -> Self {
        Self(Arc::new(Mutex::new(tensor)))
    }

    /// The tensor itself; the values are shared, not copied.
    pub(crate) fn get(&self) -> tch::Tensor {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).shallow_clone()
    }

    /// The tensor within a script's value, if it is one.
    pub(crate) fn of(value: &Dynamic) -> Option<tch::Tensor> {
        value.read_lock::<Self>().map(|tensor| tensor.get())
    }
}

pub(crate) use values::list;

/// A tensor as a script's value.
pub(crate) fn value(tensor: tch::Tensor) -> Dynamic {
    Dynamic::from(Tensor::new(tensor))
}

/// A function over tensors.
struct Operation {
    usage: &'static str,
    help: &'static str,
    code: Body,
}

enum Body {
    Tensor(fn(&Given<'_>) -> Result<tch::Tensor>),
    Value(fn(&Given<'_>) -> Result<Dynamic>),
}

/// A function that gives a tensor. `usage` is how it is called: what stands in brackets may be left
/// out, and everything may be given by name in a map at the end. A first value x is a tensor.
const fn op(
    usage: &'static str,
    help: &'static str,
    code: fn(&Given<'_>) -> Result<tch::Tensor>,
) -> Operation {
    Operation { usage, help, code: Body::Tensor(code) }
}

/// A function that gives something else.
const fn op_value(
    usage: &'static str,
    help: &'static str,
    code: fn(&Given<'_>) -> Result<Dynamic>,
) -> Operation {
    Operation { usage, help, code: Body::Value(code) }
}

/// All functions, in the order they are listed in.
const OPERATIONS: [&[Operation]; 9] = [
    make::OPERATIONS,
    arithmetic::OPERATIONS,
    reductions::OPERATIONS,
    shapes::OPERATIONS,
    neural::OPERATIONS,
    norms::OPERATIONS,
    windows::OPERATIONS,
    losses::OPERATIONS,
    values::OPERATIONS,
];

/// All functions over tensors, as `host explain` and messages describe them.
pub static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let all = OPERATIONS.into_iter().flatten();
    let function = |operation: &Operation| {
        let name = operation.usage.split('(').next().unwrap_or_default();
        Function { name, usage: operation.usage, help: operation.help }
    };
    all.map(function).collect()
});

/// Whether a function is one that gives a tensor.
pub(crate) fn gives_tensor(function: &Function) -> bool {
    let mut all = OPERATIONS.into_iter().flatten();
    all.any(|one| one.usage == function.usage && matches!(one.code, Body::Tensor(_)))
}

/// The most numbers a tensor may hold that a script makes by itself. Results as large as what
/// training hands over are always allowed.
const MAX_ELEMENTS: i64 = 1 << 28;

/// Steps that count for each call, so that a loop over slow functions ends, too.
const STEPS: u64 = 100;

type Called = std::result::Result<Dynamic, Box<EvalAltResult>>;

/// Calls an operation; `args` hold no shared values.
fn call(operation: &Operation, signature: &Signature, args: Vec<Dynamic>) -> Called {
    sandbox::count(STEPS);
    let given = Given::read(signature, args).map_err(raise)?;
    let result = match operation.code {
        Body::Tensor(code) => code(&given)
            .or_else(|error| match missing::is_why(&error) {
                true => missing::result(signature.name, &given)?.ok_or(error),
                false => Err(error),
            })
            .map(value),
        Body::Value(code) => code(&given),
    };
    result.map_err(|error| raise(restated(error, signature.name, &given.describe())))
}

/// What libtorch refuses, in terms of the call.
fn restated(error: Error, name: &str, given: &str) -> Error {
    let problem = &error.problems()[0];
    match (problem.code, &problem.cause) {
        (Code::Torch, Some(cause)) if missing::is_why(&error) || cause.contains("meta tensor") => {
            let message = format!("{name} needs values, but only shapes are being found out");
            Error::new(Code::ShapeMismatch, message)
                .help("the shape of a layer's result may depend on shapes and options only")
        }
        (Code::Torch, Some(cause)) => {
            let message = format!("{name} cannot be computed for {given}");
            // libtorch's first line says it all; the rest is about its own code.
            let cause = cause.lines().next().unwrap_or_default();
            let cause = cause.strip_prefix("Internal torch error: ").unwrap_or(cause);
            Error::new(Code::Torch, message).because(cause)
        }
        _ => error,
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Tensor>("Tensor");
    for operation in OPERATIONS.into_iter().flatten() {
        let signature = Arc::new(Signature::new(operation.usage));
        for arity in signature.arities() {
            let mut types = vec![TypeId::of::<Dynamic>(); arity];
            if let Some(first) = types.first_mut() {
                *first = signature.first();
            }
            let signature = Arc::clone(&signature);
            engine.register_raw_fn(signature.name, types, move |_, args| {
                let args = args.iter().map(|arg| (**arg).clone().flatten()).collect();
                call(operation, &signature, args)
            });
        }
    }
    operators::register(engine);
    indexing::register(engine);
    show::register(engine);
}

/// The error of a call with a tensor that fits no way of calling the function.
pub(crate) fn miscalled(name: &str, given: &str) -> Option<Error> {
    let function = FUNCTIONS.iter().find(|function| function.name == name)?;
    let error = Error::new(Code::BadOption, format!("{name} cannot be called with {given}"));
    Some(error.help(format!("with a tensor it is called as {}", function.usage)))
}
