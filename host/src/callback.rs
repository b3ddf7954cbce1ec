//! A script's function, kept to be called later.
//!
//! Rhai calls the types used here volatile, and a function pointer finds its body only through the
//! context it was made in; so all of that stays in this file.
#![allow(deprecated, reason = "Rhai marks volatile types so; they are not going away")]

use std::cell::Cell;

use neurhai_core::{Code, Error};
use rhai::{
    Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, NativeCallContext, NativeCallContextStore,
};

use crate::functions::raise;
use crate::report::CallSite;

/// Functions that the core calls, which call the core, which calls functions.
const MAX_DEPTH: usize = 32;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A function of a script together with the functions and imports that were in sight of it.
pub(crate) struct Callback {
    function: FnPtr,
    context: NativeCallContextStore,
    /// Where it was handed over.
    pub(crate) at: CallSite,
}

impl Callback {
    /// Keeps `function`, which a script hands over in the call `ctx`, with what it captured as that is
    /// now: of a function made in a loop, each keeps its own.
    pub(crate) fn new(ctx: &NativeCallContext<'_>, function: FnPtr) -> Self {
        let at = CallSite::of(ctx);
        Self { function: own(&function), context: ctx.store_data(), at }
    }

    /// Calls it. What it captured is copied for each call, and so what it changes there is forgotten
    /// afterwards: results depend neither on earlier calls nor on those of other threads.
    pub(crate) fn call(
        &self,
        engine: &Engine,
        args: impl FuncArgs,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let depth = DEPTH.get();
        if depth >= MAX_DEPTH {
            let message =
                format!("registered functions call each other more than {MAX_DEPTH} deep");
            let error = Error::new(Code::ScriptLimit, message);
            return Err(raise(error.help("look for one that needs itself")));
        }
        DEPTH.set(depth + 1);
        let ctx = self.context.create_context(engine);
        let result = own(&self.function).call_within_context(&ctx, args);
        DEPTH.set(depth);
        // The outermost frame would only say that the function was called where it was handed over.
        result.map_err(|error| match *error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => inner,
            other => Box::new(other),
        })
    }
}

fn own(function: &FnPtr) -> FnPtr {
    let mut function = function.clone();
    for captured in function.iter_curry_mut() {
        *captured = unshared(captured);
    }
    function
}

/// A copy that shares nothing.
fn unshared(value: &Dynamic) -> Dynamic {
    if let Some(function) = value.read_lock::<FnPtr>() {
        return own(&function).into();
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return Dynamic::from_array(list.iter().map(unshared).collect());
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        return Dynamic::from_map(map.iter().map(|(k, v)| (k.clone(), unshared(v))).collect());
    }
    value.flatten_clone()
}
