//! `import`: modules that lie beside the script, and those that come with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use neurhai_core::{Code, Error};
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope};

use crate::functions::{Shared, raise};
use crate::names::unknown_calls;
use crate::report::{Kind, scan};
use crate::runtime::read_script;

type SharedModule = rhai::Shared<Module>;

/// The scripts within the program, by the name they are imported under.
const EMBEDDED: &[(&str, &str)] = &[
    ("zoo/blocks", include_str!("../../scripts/zoo/blocks.rhai")),
    ("zoo/conv5_fc3", include_str!("../../scripts/zoo/conv5_fc3.rhai")),
    ("zoo/conv4_fc3", include_str!("../../scripts/zoo/conv4_fc3.rhai")),
    ("zoo/stride_conv5_fc3", include_str!("../../scripts/zoo/stride_conv5_fc3.rhai")),
    ("zoo/random_conv", include_str!("../../scripts/zoo/random_conv.rhai")),
    ("zoo/vae_blocks", include_str!("../../scripts/zoo/vae_blocks.rhai")),
    ("zoo/cvae_blocks", include_str!("../../scripts/zoo/cvae_blocks.rhai")),
    ("zoo/vanilla_3d_dense_vae", include_str!("../../scripts/zoo/vanilla_3d_dense_vae.rhai")),
    ("zoo/vanilla_dense_vae", include_str!("../../scripts/zoo/vanilla_dense_vae.rhai")),
    ("zoo/vanilla_spatial_vae", include_str!("../../scripts/zoo/vanilla_spatial_vae.rhai")),
    ("zoo/cvae_3d", include_str!("../../scripts/zoo/cvae_3d.rhai")),
    ("zoo/cvae_3d_half", include_str!("../../scripts/zoo/cvae_3d_half.rhai")),
    ("zoo/cvae_3d_final_conv", include_str!("../../scripts/zoo/cvae_3d_final_conv.rhai")),
    ("zoo/generator_unet", include_str!("../../scripts/zoo/generator_unet.rhai")),
    ("zoo/ae_conv5_fc3", include_str!("../../scripts/zoo/ae_conv5_fc3.rhai")),
    ("zoo/ae_conv4_fc3", include_str!("../../scripts/zoo/ae_conv4_fc3.rhai")),
];

/// Those of them that register an architecture, and which, in the order they are run in: an
/// autoencoder comes after what it is derived from.
pub(crate) const ARCHITECTURES: &[(&str, &str)] = &[
    ("zoo/conv5_fc3", "Conv5_FC3"),
    ("zoo/conv4_fc3", "Conv4_FC3"),
    ("zoo/stride_conv5_fc3", "Stride_Conv5_FC3"),
    ("zoo/random_conv", "RandomConv"),
    ("zoo/ae_conv5_fc3", "AE_Conv5_FC3"),
    ("zoo/ae_conv4_fc3", "AE_Conv4_FC3"),
    ("zoo/vanilla_3d_dense_vae", "Vanilla3DdenseVAE"),
    ("zoo/vanilla_dense_vae", "VanillaDenseVAE"),
    ("zoo/vanilla_spatial_vae", "VanillaSpatialVAE"),
    ("zoo/cvae_3d", "CVAE_3D"),
    ("zoo/cvae_3d_half", "CVAE_3D_half"),
    ("zoo/cvae_3d_final_conv", "CVAE_3D_final_conv"),
    ("zoo/generator_unet", "GeneratorUNet"),
];

/// Finds modules; each is run once.
#[derive(Clone)]
pub(crate) struct Imports {
    folder: Option<PathBuf>,
    shared: Arc<Shared>,
    /// Without a module while it is being run.
    loaded: Arc<Mutex<BTreeMap<String, Option<SharedModule>>>>,
}

impl Imports {
    pub(crate) fn new(folder: Option<PathBuf>, shared: Arc<Shared>) -> Self {
        Self { folder, shared, loaded: Arc::default() }
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Option<SharedModule>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name for messages and the text of a module, or nothing where there is none.
    fn find(&self, path: &str) -> Result<Option<(String, String)>, Error> {
        if let Some((name, text)) = EMBEDDED.iter().find(|(name, _)| *name == path) {
            return Ok(Some(((*name).to_owned(), (*text).to_owned())));
        }
        let outside = || {
            Error::new(Code::ScriptError, format!("the import {path:?} leaves the script's folder"))
                .help("modules lie in the script's folder, or in folders within it")
        };
        let inside = |component| matches!(component, Component::Normal(_));
        if !Path::new(path).components().all(inside) {
            return Err(outside());
        }
        let Some(folder) = &self.folder else { return Ok(None) };
        let file = folder.join(format!("{path}.rhai"));
        // A link may lead outside, too.
        let (Ok(real), Ok(root)) = (file.canonicalize(), folder.canonicalize()) else {
            return Ok(None);
        };
        if !real.starts_with(root) {
            return Err(outside());
        }
        Ok(Some((file.display().to_string(), read_script(&real)?)))
    }

    /// The names that a script and its modules give to `arg`; nothing where that cannot be told
    /// without running them.
    pub(crate) fn argument_names(&self, script: &str) -> Option<Vec<String>> {
        let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
        let mut texts = vec![script.to_owned()];
        while let Some(text) = texts.pop() {
            let tokens = scan(&text);
            let tokens: Vec<_> = tokens.iter().filter(|t| t.kind != Kind::Comment).collect();
            for (i, token) in tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Word) {
                let next = |n: usize| tokens.get(i + n).filter(|t| t.kind == Kind::Text);
                match token.text {
                    "args" if tokens.get(i + 1).is_some_and(|t| t.is("(")) => return None,
                    "arg" if tokens.get(i + 1).is_some_and(|t| t.is("(")) => {
                        let name = next(2)?.text.replace('-', "_");
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                    "import" => {
                        let path = next(1)?.text;
                        if seen.insert(path.to_owned()) {
                            let path = path.strip_suffix(".rhai").unwrap_or(path);
                            texts.extend(self.find(path).ok()?.map(|(_, text)| text));
                        }
                    }
                    _ => {}
                }
            }
        }
        Some(names)
    }

    fn load(
        &self,
        engine: &Engine,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let Some((name, text)) = self.find(path).map_err(raise)? else {
            return Err(Box::new(EvalAltResult::ErrorModuleNotFound(path.into(), position)));
        };
        let within = |error| Box::new(EvalAltResult::ErrorInModule(name.clone(), error, position));
        self.shared.sources.add(&name, &text);
        let mut ast = engine.compile(&text).map_err(|error| within(error.into()))?;
        ast.set_source(name.as_str());
        if let Some((called, place)) = unknown_calls(engine, &ast, &text).into_iter().next() {
            return Err(within(Box::new(EvalAltResult::ErrorFunctionNotFound(called, place))));
        }
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine).map_err(within)?;
        Ok(SharedModule::new(module))
    }
}

impl ModuleResolver for Imports {
    fn resolve(
        &self,
        engine: &Engine,
        _importer: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let path = path.strip_suffix(".rhai").unwrap_or(path);
        let at = |mut error: Box<EvalAltResult>| {
            if error.position().is_none() {
                error.set_position(position);
            }
            error
        };
        // The lock is not held while the module runs, as it may import others.
        let known = self.loaded().get(path).cloned();
        match known {
            Some(Some(module)) => return Ok(module),
            Some(None) => {
                let message =
                    format!("the module {path:?} imports itself, directly or through others");
                return Err(at(raise(Error::new(Code::ScriptError, message))));
            }
            None => {}
        }
        self.loaded().insert(path.to_owned(), None);
        let loaded = self.load(engine, path, position);
        match &loaded {
            Ok(module) => self.loaded().insert(path.to_owned(), Some(SharedModule::clone(module))),
            Err(_) => self.loaded().remove(path),
        };
        loaded.map_err(at)
    }
}
