//! The functions that scripts may call, one file per matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError, Weak};

use neurhai_core::catalog::Catalog;
use neurhai_core::overrides::{Overrides, Replaced};
use neurhai_core::train::Event;
use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, EvalAltResult, Position};

use crate::report::{CallSite, Sources, Traces};
use crate::runtime::{Inner, Mode};
use crate::sandbox::Limits;
use arguments::Arguments;

pub mod arguments;
pub mod data;
mod define;
mod found;
pub mod inspect;
mod interpret;
pub mod layers;
mod lists;
mod new_folder;
mod phantoms;
mod predict;
mod train;

pub use train::Training;

/// What all functions of a runtime share.
pub(crate) struct Shared {
    catalog: RwLock<Catalog>,
    pub(crate) sources: Sources,
    pub(crate) traces: Mutex<Traces>,
    pub(crate) arguments: Arguments,
    pub(crate) overrides: Overrides,
    pub(crate) stop: Arc<AtomicBool>,
    /// Whether a training or a check is going on.
    pub(crate) training: AtomicBool,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) events: Events,
    /// What the next registration of a name takes the place of: its kind and name.
    pub(crate) replaced: Mutex<BTreeSet<(String, String)>>,
}

/// Who is told what happens in a run.
pub type Events = Box<dyn Fn(&Event) + Send + Sync>;

impl Shared {
    pub(crate) fn new(
        catalog: Catalog,
        (arguments, overrides): (Arguments, Overrides),
        stop: Arc<AtomicBool>,
        mode: Mode,
        limits: Limits,
        events: Events,
    ) -> Self {
        Self {
            catalog: RwLock::new(catalog),
            sources: Sources::default(),
            traces: Mutex::default(),
            arguments,
            overrides,
            stop,
            training: AtomicBool::new(false),
            mode,
            limits,
            events,
            replaced: Mutex::default(),
        }
    }

    /// The catalog for reading. A function may read while another of the same thread does,
    /// because nothing ever waits to write.
    pub(crate) fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the catalog, unless someone reads it: a network is being built or trained then.
    pub(crate) fn change_catalog<T>(
        &self,
        change: impl FnOnce(&mut Catalog) -> Result<T>,
    ) -> Result<T> {
        match self.catalog.try_write() {
            Ok(mut catalog) => change(&mut catalog),
            Err(TryLockError::Poisoned(poisoned)) => change(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Code::ScriptError,
                "nothing can be registered while a network is built or trained",
            )
            .help("register at the top level of the script")),
        }
    }

    pub(crate) fn traces(&self) -> std::sync::MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of the core on its way through a script.
#[derive(Clone)]
pub(crate) struct Raised {
    pub(crate) error: Arc<Error>,
    /// The calls that gave certain options, where that was not the failing call itself.
    pub(crate) givers: Arc<BTreeMap<String, CallSite>>,
    /// The options that are texts, to find the one that names a file or folder.
    pub(crate) texts: Arc<BTreeMap<String, String>>,
    /// The options that were replaced from outside of the script.
    pub(crate) replaced: Arc<[Replaced]>,
}

/// The script's form of an error of the core.
pub(crate) fn raise(error: Error) -> Box<EvalAltResult> {
    raise_with(error, BTreeMap::new(), BTreeMap::new(), Vec::new())
}

/// The same, with what is known about the options that were given.
pub(crate) fn raise_with(
    error: Error,
    givers: BTreeMap<String, CallSite>,
    texts: BTreeMap<String, String>,
    replaced: Vec<Replaced>,
) -> Box<EvalAltResult> {
    let raised = Raised {
        error: Arc::new(error),
        givers: Arc::new(givers),
        texts: Arc::new(texts),
        replaced: replaced.into(),
    };
    Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(raised), Position::NONE))
}

/// Registers everything.
pub(crate) fn register(engine: &mut Engine, shared: &Arc<Shared>, inner: &Weak<Inner>) {
    engine
        .register_type_with_name::<Raised>("Error")
        .register_get("code", |raised: &mut Raised| raised.error.code().id().to_owned())
        .register_get("message", |raised: &mut Raised| raised.error.problems()[0].message.clone())
        .register_fn("to_string", |raised: &mut Raised| raised.error.to_string());
    crate::tensor::register(engine);
    layers::register(engine, shared);
    lists::register(engine);
    define::register(engine, shared, inner);
    data::register(engine);
    inspect::register(engine, shared);
    train::register(engine, shared);
    predict::register(engine, shared);
    interpret::register(engine, shared);
    phantoms::register(engine, shared);
    new_folder::register(engine);
    arguments::register(engine, shared);
}

/// A function of scripts, as `host explain` and messages describe it.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// One line.
    pub help: &'static str,
}

/// All functions beside those of the layers, in the order they are listed in; those over tensors
/// come last.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().chain(crate::tensor::FUNCTIONS.iter())
}

/// How a function is called.
pub(crate) fn usage(name: &str) -> &'static str {
    all().find(|function| function.name == name).map_or("", |function| function.usage)
}

const FUNCTIONS: &[Function] = &[
    Function {
        name: "architecture",
        usage: "architecture(name, [help,] #{ option: default }, |p| [layers])",
        help: "Registers a recipe for networks; p holds the options, input, outputs and dimensions.",
    },
    Function {
        name: "layer",
        usage: "layer(name, [help,] #{ option: default }, |l, x| tensor)",
        help: "Registers a layer out of tensor functions or other layers: l holds the options and input, and with #{ parameters: |l| #{ name: shape }, forward: |l, x| … } in place of the function also the parameters; #{ shape, init, trainable } stands for a shape where one starts otherwise than PyTorch's weights.",
    },
    Function {
        name: "apply",
        usage: "layer.apply(x)",
        help: "What a layer gives for a tensor, within the function of a layer; every call has parameters of its own.",
    },
    Function {
        name: "transpose",
        usage: "transpose(layer, [help,] |l| [layers])",
        help: "Registers how a decoder undoes a layer; l holds its options, kind, input and output.",
    },
    Function {
        name: "transposed",
        usage: "transposed(layer, shape)",
        help: "The layers by which a decoder undoes this layer for an input shape, [channels, sizes …].",
    },
    Function {
        name: "vote",
        usage: "vote(name, [help,] #{ option: default }, |parts, p| [scores])",
        help: "Registers how the parts of an image decide: parts is a list of #{ part, weight, scores }.",
    },
    Function {
        name: "scores",
        usage: "scores(parts)",
        help: "The scores of the parts of a vote as a tensor [part, output].",
    },
    Function {
        name: "weights",
        usage: "weights(parts)",
        help: "The weights of the parts of a vote as a tensor [part].",
    },
    Function {
        name: "metric",
        usage: "metric(name, [help,] #{ direction, lowest, highest, formula, source }, |truth, scores| number)",
        help: "Registers a metric: truth [row] holds class codes, scores [row, class] probabilities; () where it is not defined.",
    },
    Function {
        name: "loss",
        usage: "loss(name, [help,] #{ option: default }, |output, target, p| tensor)",
        help: "Registers a loss: of output [batch, class] and class codes [batch] it gives one number per sample.",
    },
    Function {
        name: "transform",
        usage: "transform(name, [help,] #{ option: default }, |image, p, seed| tensor)",
        help: "Registers a random change of training images [channel, …], which keeps the shape; all chance comes from seed.",
    },
    Function {
        name: "option",
        usage: "option(default, #{ min, max, of, help })",
        help: "A default for an option of what a script registers, with its bounds, choices and a line of help.",
    },
    Function {
        name: "replace",
        usage: "replace(kind, name)",
        help: "The script's next registration of this name takes the place of what is there: replace(\"vote\", \"soft\").",
    },
    Function {
        name: "part",
        usage: "part(name, [layers])",
        help: "A named part of a network, for architectures that give a list of parts.",
    },
    Function {
        name: "autoencoder",
        usage: "autoencoder(architecture, [#{ name, parts }])",
        help: "Registers the autoencoder of an architecture and gives its name: the parts named, by default convolutions, and a decoder that undoes them.",
    },
    Function {
        name: "named",
        usage: "named(layer, name)",
        help: "The same layer under a name of its own in the state names.",
    },
    Function {
        name: "custom",
        usage: "custom(kind, [#{ option: value }])",
        help: "A layer by its registered name; where it has one option, its value will do.",
    },
    Function {
        name: "caps",
        usage: "caps(folder, [#{ preprocessing, … }])",
        help: "The images of a CAPS folder, or of a .tsv of cohorts, whole; see images, patches, slices and roi.",
    },
    Function {
        name: "images",
        usage: "data.images()",
        help: "Whole images, which is what caps() gives.",
    },
    Function {
        name: "patches",
        usage: "data.patches(size, stride, [#{ … }])",
        help: "Cubes cut from each image, size and stride in voxels.",
    },
    Function {
        name: "slices",
        usage: "data.slices([#{ slice_direction, slice_mode, discarded_slices }])",
        help: "Slices across one axis of each image.",
    },
    Function {
        name: "roi",
        usage: "data.roi([names], [#{ uncropped_roi, … }])",
        help: "Regions of each image, by the names of their masks in the CAPS.",
    },
    Function {
        name: "train",
        usage: "train(#{ data, splits, output, … })",
        help: "Trains and evaluates a network on every split, and writes the experiment folder.",
    },
    Function {
        name: "check",
        usage: "check(#{ data, splits, output, … })",
        help: "Does everything short of training: the same options as train, nothing written.",
    },
    Function {
        name: "find_learning_rate",
        usage: "find_learning_rate(#{ data, splits, … }, [#{ from, to, updates }])",
        help: "Tries rising learning rates with the options of train and gives what they did to the loss; .suggestion is one to train with, .points holds them all.",
    },
    Function {
        name: "table",
        usage: "run.table([group])",
        help: "The scores of a run, in validation or the group named; run.results holds them all.",
    },
    Function {
        name: "best",
        usage: "run.best(metric)",
        help: "The validation score of the best model, per image, as the mean over the splits.",
    },
    Function {
        name: "predict",
        usage: "predict(maps, group, [#{ participants, caps, … }])",
        help: "What the networks of an experiment say about a group of people, written into its folder; .table() shows the scores, .results and .ensemble hold them all.",
    },
    Function {
        name: "interpret",
        usage: "interpret(maps, group, name, #{ method, method_options, target, … })",
        help: "Which voxels of a group's images the networks of an experiment go by, as maps in its folder; .table() says where they are, .results holds what was found.",
    },
    Function {
        name: "phantoms",
        usage: "phantoms(folder, [#{ participants_per_class, image_size, … }])",
        help: "Makes a small labelled data set to try things on; gives its caps, labels and splits. With cohorts: [names] each has its own, and tables name them.",
    },
    Function {
        name: "new_folder",
        usage: "new_folder(path)",
        help: "The path, or with -2, -3, … at its end where it is in use: for outputs that never clash.",
    },
    Function {
        name: "inspect",
        usage: "inspect(architecture, shape, [#{ outputs, options }])",
        help: "The layer table of a network for an input shape, [channels, sizes …], to be printed.",
    },
    Function {
        name: "arg",
        usage: "arg(name, [default])",
        help: "What stands after --name on the command line: host run script.rhai -- --name value",
    },
    Function {
        name: "args",
        usage: "args()",
        help: "All arguments of the command line after --, as a map.",
    },
    Function { name: "print", usage: "print(value)", help: "Shows a value." },
    Function {
        name: "debug",
        usage: "debug(value)",
        help: "Shows a value in full, with the line of the script.",
    },
];
