//! What scripts register: one file per kind, and what all of them share.

use std::sync::{Arc, Weak};

use neurhai_core::catalog::{Catalog, Entry, Origin, Registry};
use neurhai_core::options::{OptionSpec, Options};
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, FuncArgs, NativeCallContext, Variant};

use super::{Shared, raise};
use crate::callback::Callback;
use crate::report::{Diagnostic, Failure, Frame, diagnose};
use crate::runtime::Inner;
use crate::value::{describe, map_from_json};

mod apply;
mod architecture;
mod autoencoder;
mod defaults;
mod layer;
mod loss;
mod metric;
mod parameters;
mod replace;
mod transform;
mod transpose;
mod vote;

/// One registration on its way into the catalog.
struct Registration<'c> {
    /// The function that was called: `layer`, `vote`, ….
    word: &'static str,
    name: &'c str,
    help: &'c str,
    defaults: rhai::Map,
    definition: Dynamic,
    ctx: &'c NativeCallContext<'c>,
    shared: &'c Arc<Shared>,
    runtime: &'c Weak<Inner>,
}

impl Registration<'_> {
    /// Who is meant, in messages.
    fn owner(&self) -> String {
        format!("{} {:?}", self.word, self.name)
    }

    /// One line of help.
    fn help(&self) -> String {
        if self.help.is_empty() { "Defined in a script.".into() } else { self.help.into() }
    }

    /// The options by their defaults; `given` are names that the function is told anyway.
    fn options(&self, given: &[&str]) -> Result<Vec<OptionSpec>> {
        defaults::option_specs(&self.owner(), &self.defaults, given)
    }

    /// Keeps a function for later.
    fn function(&self, function: FnPtr) -> Scripted {
        Scripted {
            word: self.word,
            owner: self.owner(),
            function: Callback::new(self.ctx, function),
            runtime: Weak::clone(self.runtime),
        }
    }

    /// The definition, where it is a function.
    fn definition(&self) -> Result<Scripted> {
        let function = self.definition.clone().try_cast::<FnPtr>();
        function.map(|function| self.function(function)).ok_or_else(|| {
            let found = describe(&self.definition);
            let message = format!("{} needs a function, not {found}", self.owner());
            Error::new(Code::BadOption, message)
        })
    }

    fn origin(&self) -> Origin {
        self.shared.sources.origin(&crate::report::CallSite::of(self.ctx))
    }

    /// Adds the entry, or puts it in the place of another where the script asked for that.
    fn add<E: Entry>(
        &self,
        registry: fn(&mut Catalog) -> &mut Registry<E>,
        entry: E,
    ) -> Result<()> {
        let replaces = replace::asked(self.shared, self.word, self.name);
        self.shared.change_catalog(|catalog| match replaces {
            true => registry(catalog).replace(entry),
            false => registry(catalog).register(entry),
        })
    }
}

/// A function of a script that the core calls through the catalog.
struct Scripted {
    word: &'static str,
    owner: String,
    function: Callback,
    runtime: Weak<Inner>,
}

impl Scripted {
    fn runtime(&self) -> Result<Arc<Inner>> {
        self.runtime.upgrade().ok_or_else(|| {
            Error::new(Code::Internal, format!("the script of the {} has ended", self.owner))
        })
    }

    /// Calls the function, within limits that are already running, and reads what it gives. What
    /// goes wrong is remembered with its place in the script.
    fn call<T>(
        &self,
        args: impl FuncArgs,
        read: impl FnOnce(Dynamic, &Shared) -> Result<T>,
    ) -> Result<T> {
        let runtime = self.runtime()?;
        let shared = &runtime.shared;
        let failure = match self.function.call(&runtime.engine, args) {
            Ok(value) => match read(value, shared) {
                Ok(result) => return Ok(result),
                Err(error) => self.about_result(error),
            },
            Err(error) => diagnose(&error, &self.function.at.source, shared),
        };
        Err(self.told(failure, shared))
    }

    /// An error about what the function gave, which lies where it was registered.
    fn about_result(&self, error: Error) -> Failure {
        let mut failure = Failure::from(error);
        let at = (self.function.at.clone(), self.word.len());
        failure.diagnostics.iter_mut().for_each(|one| one.at = Some(at.clone()));
        failure
    }

    /// Remembers where problems lie, and gives them in the core's form.
    fn told(&self, mut failure: Failure, shared: &Shared) -> Error {
        for Diagnostic { frames, .. } in &mut failure.diagnostics {
            let what = format!("the {}", self.owner);
            frames.push(Frame { what, at: self.function.at.clone() });
        }
        shared.traces().tell(&failure);
        failure.to_error()
    }

    /// An error of ours in the course of the function's work, at its registration.
    fn error(&self, error: Error) -> Error {
        match self.runtime() {
            Ok(runtime) => self.told(self.about_result(error), &runtime.shared),
            Err(_) => error,
        }
    }

    /// A result of the wrong kind.
    fn wrong(&self, wanted: &str, found: &Dynamic) -> Error {
        let found = crate::tensor::describe_value(found);
        Error::new(Code::ScriptError, format!("the {} gives {found}, not {wanted}", self.owner))
    }
}

/// The options of a call as the function sees them.
fn given(options: &Options) -> rhai::Map {
    map_from_json(options.values())
}

type Done = std::result::Result<(), Box<EvalAltResult>>;

/// Registers the function `word(name, [help,] #{ option: default }, definition)`.
fn registers<D: Variant + Clone>(
    engine: &mut Engine,
    shared: &Arc<Shared>,
    runtime: &Weak<Inner>,
    word: &'static str,
    add: fn(Registration<'_>) -> Result<()>,
) {
    let (shared, runtime) = (Arc::clone(shared), Weak::clone(runtime));
    let full = move |ctx: NativeCallContext<'_>,
                     name: &str,
                     help: &str,
                     defaults: rhai::Map,
                     definition: D|
          -> Done {
        let (shared, runtime) = (&shared, &runtime);
        let (ctx, definition) = (&ctx, Dynamic::from(definition));
        add(Registration { word, name, help, defaults, definition, ctx, shared, runtime })
            .map_err(raise)
    };
    let plain = full.clone();
    engine.register_fn(word, full).register_fn(
        word,
        move |ctx: NativeCallContext<'_>, name: &str, defaults: rhai::Map, definition: D| {
            plain(ctx, name, "", defaults, definition)
        },
    );
}

pub(super) fn register(engine: &mut Engine, shared: &Arc<Shared>, runtime: &Weak<Inner>) {
    registers::<FnPtr>(engine, shared, runtime, "architecture", architecture::add);
    registers::<FnPtr>(engine, shared, runtime, "layer", layer::add);
    registers::<rhai::Map>(engine, shared, runtime, "layer", layer::add);
    registers::<FnPtr>(engine, shared, runtime, "vote", vote::add);
    registers::<FnPtr>(engine, shared, runtime, "metric", metric::add);
    registers::<FnPtr>(engine, shared, runtime, "loss", loss::add);
    registers::<FnPtr>(engine, shared, runtime, "transform", transform::add);
    transpose::register(engine, shared, runtime);
    replace::register(engine, shared);
    defaults::register(engine);
    architecture::register(engine, shared);
    autoencoder::register(engine, shared);
    apply::register(engine, shared);
    vote::register(engine);
}
