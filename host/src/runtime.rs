//! A script engine with its catalog: what runs scripts, for the program and for tests.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLockReadGuard};

use neurhai_core::catalog::{ArchitectureRequest, Catalog};
use neurhai_core::network::Plan;
use neurhai_core::overrides::Overrides;
use neurhai_core::train::{CheckReport, FoundRates, Session, Sweep};
use neurhai_core::{Code, Error, Place, Result};
use rhai::{AST, Engine, EvalAltResult, Scope};

use crate::functions::arguments::Arguments;
use crate::functions::{self, Events, Shared, Training};
use crate::imports::{self, Imports};
use crate::names::unknown_calls;
use crate::report::{CallSite, Failure, Sources, diagnose, diagnose_calls, diagnose_parse};
use crate::sandbox::{self, Halt, Limits, measured};
use crate::standard;

/// What `train` does in a script.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// It trains.
    Run,
    /// It checks everything short of training.
    Check,
    /// It tries learning rates and trains nothing.
    FindLearningRate(Sweep),
    /// It says what its options are, and looks at no data.
    Resolve,
    /// Nothing: only what the script registers is of interest.
    Define,
}

/// Shows what a script prints; what it debugs comes with its place.
pub type Print = Box<dyn Fn(&str, Option<&CallSite>) + Send + Sync>;

/// What surrounds a script.
pub struct Settings {
    /// What scripts can name beside the standard architectures: by default what is built in.
    pub catalog: Option<Catalog>,
    /// The folder that imports are looked up in: the script's own.
    pub folder: Option<PathBuf>,
    /// The arguments after `--`.
    pub arguments: Arguments,
    /// Options in place of those that the script trains with.
    pub overrides: Overrides,
    /// What `train` does.
    pub mode: Mode,
    /// Set to true to stop.
    pub stop: Arc<AtomicBool>,
    /// What a script may use up.
    pub limits: Limits,
    /// Where `print` and `debug` go.
    pub print: Print,
    /// Who is told what happens in a run.
    pub events: Events,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            catalog: None,
            folder: None,
            arguments: Arguments::default(),
            overrides: Overrides::default(),
            mode: Mode::Run,
            stop: Arc::default(),
            limits: Limits::default(),
            print: Box::new(|_, _| {}),
            events: Box::new(|_| {}),
        }
    }
}

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It ran to its end.
    Complete,
    /// A check came to where the script uses the results of training.
    ResultsNeeded(Option<CallSite>),
}

/// An engine and everything that its functions share.
pub struct Runtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) shared: Arc<Shared>,
    imports: Imports,
}

/// Lists within lists may be as deep as the sandbox's limit on their elements, and each level
/// takes some of the stack when it is measured, shown or dropped. Only what is used is occupied.
const STACK_BYTES: usize = 256 << 20;
/// A script is text that someone wrote.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

impl Runtime {
    /// A runtime with the catalog of the settings, to which the standard architectures are added.
    ///
    /// # Errors
    /// [`Code::NameTaken`] if the catalog has an architecture of the same name as one of these.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        let Settings { catalog, folder, arguments, overrides, mode, stop, limits, print, events } =
            settings;
        let catalog = match catalog {
            Some(catalog) => catalog,
            None => standard::catalog()?,
        };
        let shared =
            Shared::new(catalog, (arguments, overrides), Arc::clone(&stop), mode, limits, events);
        let shared = Arc::new(shared);
        let print = Arc::new(print);
        let inner = Arc::new_cyclic(|inner| {
            let mut engine = sandbox::engine(limits, stop);
            functions::register(&mut engine, &shared, inner);
            let imports = Imports::new(folder, Arc::clone(&shared));
            engine.set_module_resolver(imports.clone());
            let debug = Arc::clone(&print);
            engine.on_print(move |text| print(text, None));
            engine.on_debug(move |text, source, position| {
                debug(text, CallSite::new(source.unwrap_or_default(), position).as_ref());
            });
            Inner { engine, shared: Arc::clone(&shared), imports }
        });
        let runtime = Self(inner);
        for (name, _) in imports::ARCHITECTURES {
            let engine = &runtime.0.engine;
            let position = rhai::Position::NONE;
            measured(|| engine.module_resolver().resolve(engine, None, name, position))
                .map_err(|error| diagnose(&error, name, &shared))?;
        }
        Ok(runtime)
    }

    /// Runs the script in a file.
    ///
    /// # Errors
    /// Whatever is wrong with the file or the script.
    pub fn run_file(&self, path: &Path) -> Result<Ending, Failure> {
        let text = read_script(path)?;
        self.run(&path.display().to_string(), &text)
    }

    /// Runs a script; `name` is what messages call it.
    ///
    /// # Errors
    /// Whatever is wrong with the script.
    pub fn run(&self, name: &str, text: &str) -> Result<Ending, Failure> {
        self.load(name, text);
        let ast = self.compile(name, text, &Scope::new(), &AST::empty())?;
        let run = || measured(|| self.0.engine.run_ast_with_scope(&mut Scope::new(), &ast));
        match on_large_stack(run)? {
            Ok(()) => Ok(Ending::Complete),
            Err(error) => match checked(&error) {
                true => Ok(Ending::ResultsNeeded(CallSite::new(name, error.position()))),
                false => Err(diagnose(&error, name, &self.0.shared)),
            },
        }
    }

    /// Refuses arguments that the script never asks for, before it has run for hours without them.
    ///
    /// # Errors
    /// [`Code::UnknownOption`], or whatever is wrong with the file.
    pub fn check_arguments(&self, script: &Path, given: &Arguments) -> Result<()> {
        match self.0.imports.argument_names(&read_script(script)?) {
            Some(names) => given.check(&names),
            None => Ok(()),
        }
    }

    /// Keeps a script for messages and for the experiment folder.
    pub(crate) fn load(&self, name: &str, text: &str) {
        let shared = &self.0.shared;
        shared.sources.add(name, text);
        shared.traces().script = Some(name.to_owned());
    }

    /// Compiles a script that was loaded, or the piece `text` of it, which sees the variables of
    /// `scope` and the functions of `known`.
    ///
    /// # Errors
    /// What can be told before it runs.
    pub(crate) fn compile(
        &self,
        name: &str,
        text: &str,
        scope: &Scope<'_>,
        known: &AST,
    ) -> Result<AST, Failure> {
        let (engine, shared) = (&self.0.engine, &self.0.shared);
        let compiled = engine.compile_with_scope(scope, text);
        let compiled = compiled
            .map_err(|error| diagnose_parse(error.err_type(), error.position(), name, shared))?;
        let mut ast = known.merge(&compiled);
        ast.set_source(name);
        let whole = shared.sources.text(name).unwrap_or_default();
        let unknown = unknown_calls(engine, &ast, &whole);
        diagnose_calls(&unknown, name, shared).map_or(Ok(ast), Err)
    }

    /// What `train` found out in a check.
    pub fn reports(&self) -> Vec<CheckReport> {
        self.0.shared.traces().reports.clone()
    }

    /// The learning rates that were tried in place of training.
    pub fn found_rates(&self) -> Vec<FoundRates> {
        self.0.shared.traces().found_rates.clone()
    }

    /// The trainings of the script with their options, where only these were asked for.
    pub fn trainings(&self) -> Vec<Training> {
        self.0.shared.traces().trainings.clone()
    }

    /// The flag that stops what runs.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.shared.stop)
    }

    /// Refuses options in place of the script's that were for none of its trainings, once it ran.
    ///
    /// # Errors
    /// [`Code::UnknownOption`] for each.
    pub fn check_overrides(&self) -> Result<()> {
        let (trained, others) = {
            let traces = self.0.shared.traces();
            (traces.trained, traces.others)
        };
        self.0.shared.overrides.check_calls(trained, others)
    }

    /// Calls the core with what surrounds a run.
    ///
    /// # Errors
    /// What the work says.
    pub fn in_session<T>(&self, work: impl FnOnce(&Session<'_>) -> Result<T>) -> Result<T> {
        self.0.shared.in_session(&[], work)
    }

    /// The catalog, with what scripts registered so far.
    pub fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.0.shared.catalog()
    }

    /// The texts of the scripts that were loaded.
    pub fn sources(&self) -> &Sources {
        &self.0.shared.sources
    }

    /// The plan of an architecture's network.
    ///
    /// # Errors
    /// What the architecture or the shape check says.
    pub fn plan(&self, name: &str, request: &ArchitectureRequest) -> Result<Plan, Failure> {
        let shared = &self.0.shared;
        on_large_stack(|| functions::inspect::plan(shared, name, request))?.map_err(|error| {
            let raised = functions::raise(error);
            diagnose(&raised, "", shared)
        })
    }
}

/// Whether a script stopped where a check has nothing to give it.
fn checked(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _)
        | EvalAltResult::ErrorInModule(_, inner, _) => checked(inner),
        EvalAltResult::ErrorTerminated(token, _) => {
            matches!(token.clone().try_cast::<Halt>(), Some(Halt::Checked))
        }
        _ => false,
    }
}

/// Runs a script's function where a script may run: on a thread with a large stack, which is a new
/// one where a thread of the core calls, such as those that load images.
pub(crate) fn with_script_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    match std::thread::current().name() {
        Some(THREAD) => Ok(work()),
        _ => on_large_stack(work),
    }
}

const THREAD: &str = "script";

/// Runs work on a thread with a large stack; a panic in it is a defect, told as such.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    let defect = |message: &str| Error::new(Code::Internal, message.to_owned());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(THREAD.into()).stack_size(STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, work)
            .map_err(|error| defect("cannot start a thread").because(error))?;
        thread.join().map_err(|_| defect("this program stopped with a panic, shown above"))
    })
}

/// The text of a script file.
pub(crate) fn read_script(path: &Path) -> Result<String> {
    let failed = |error| Error::io(path, "read the script", &error);
    let unusable = |message: String| {
        Error::new(Code::ScriptError, message).at(Place::File(path.to_path_buf()))
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_SCRIPT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_SCRIPT_BYTES {
        return Err(unusable("the file is too large to be a script".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        unusable("the file is not a script: it holds something else than text".into())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // A first line for the shell is a comment to us.
    Ok(text.strip_prefix("#!").map_or_else(|| text.to_owned(), |rest| format!("//{rest}")))
}
