//! A script's function, kept to be called later.
//!
//! Rhai calls the types used here volatile, and a function pointer finds its body only through the
//! context it was made in; so all of that stays in this file.
#![allow(deprecated, reason = "Rhai marks volatile types so; they are not going away")]

use rhai::{
    Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, NativeCallContext, NativeCallContextStore,
};

use crate::report::CallSite;

/// A function of a script together with the functions and imports that were in sight of it.
pub(crate) struct Callback {
    function: FnPtr,
    context: NativeCallContextStore,
    /// Where it was handed over.
    pub(crate) at: CallSite,
}

impl Callback {
    /// Keeps `function`, which a script hands over in the call `ctx`.
    pub(crate) fn new(ctx: &NativeCallContext<'_>, function: FnPtr) -> Self {
        Self { function, context: ctx.store_data(), at: CallSite::of(ctx) }
    }

    /// Calls it.
    pub(crate) fn call(
        &self,
        engine: &Engine,
        args: impl FuncArgs,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let ctx = self.context.create_context(engine);
        let result = self.function.call_within_context(&ctx, args);
        // The outermost frame would only say that the function was called where it was handed over.
        result.map_err(|error| match *error {
            EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => inner,
            other => Box::new(other),
        })
    }
}
