//! Experiments of ClinicaDL 1.x, turned into experiments of this program.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};
use tch::{Device, Kind};

use crate::catalog::{ArchitectureEntry, ArchitectureRequest, Catalog};
use crate::error::{Code, Error, Place, Result};
use crate::maps::{Description, Maps, make_folder, write_description};
use crate::network::{Network, Plan};
use crate::records::write_manifest;
use crate::shape::show;
use crate::task::Task;
use crate::transfer::folder::{Folder, Model};
use crate::transfer::{Source, fit_whole, not_finite};
use crate::used::Gathered;

mod configuration;
mod copy;
mod parameters;
mod predictions;
#[cfg(test)]
pub(crate) mod tests;

pub use parameters::Parameters;
pub(crate) use predictions::add_cohorts;
pub use predictions::{Prediction, read_predictions};

/// An experiment that was imported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imported {
    /// The new experiment folder.
    pub maps: PathBuf,
    /// The architecture.
    pub architecture: String,
    /// The models, by split, metric and network.
    pub models: Vec<ImportedModel>,
    /// What could not be carried over.
    pub notes: Vec<String>,
}

/// A model that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedModel {
    /// The split.
    pub split: usize,
    /// The metric that it is the best by.
    pub metric: String,
    /// Its number, where there is one network per part of the image.
    pub network: Option<usize>,
    /// The epoch it is from, counted from 0, where the file says it.
    pub epoch: Option<i64>,
    /// Parameters and buffers.
    pub tensors: usize,
    /// The numbers in them.
    pub values: i64,
}

/// Makes an experiment folder `output` out of `maps`, one of ClinicaDL 1.x: `split-k` or, of older
/// versions, `fold-k`. The network is built by the architecture of that name in `catalog`, and every
/// model must fit it whole. ClinicaDL's predictions, metrics, logs and lists of sessions are copied as
/// they are, its maps.json, information.log and environment.txt under names with `clinicadl_`.
///
/// The folder is made beside `output` and renamed, so that there is a whole one or none.
///
/// # Errors
/// [`Code::BadMaps`] for what is no such experiment; [`Code::UnknownName`] for an architecture that
/// is not registered; [`Code::WeightsMismatch`] for weights that do not fit it;
/// [`Code::OutputInUse`]; what the disk says.
pub fn import(maps: &Path, output: &Path, catalog: &Catalog) -> Result<Imported> {
    let folder = Folder::open(maps)?;
    if maps.join("network.json").is_file() {
        let error = Error::new(Code::BadMaps, "the experiment is one of this program already");
        return Err(error.at(Place::File(maps.into())));
    }
    let parameters = Parameters::read(&maps.join("maps.json"))?;
    let mut notes = Vec::new();
    let entry = architecture(&parameters, catalog).map_err(|e| e.at(Place::File(maps.into())))?;
    let options = parameters.options(&entry.options, &mut notes);
    let plan = plan(&parameters, entry, &options, catalog).map_err(|error| {
        let file = maps.join("maps.json");
        let error = error.because(format!("it is built by the parameters in {}", file.display()));
        error.placed(|place| match place {
            Some(Place::Layer(_)) => place,
            _ => Some(Place::File(file.clone())),
        })
    })?;
    let models = models(&folder, maps, parameters.multi_network)?;
    check_new(output, maps)?;
    // Before a network is made: with damaged parameters it may be larger than the memory.
    if let Some((_, _, model)) = models.first() {
        fit_whole(&Source::file(&model.file)?, &plan)?;
    }

    let beside = Beside::new(output)?;
    let written = Maps::create(&beside.folder)?;
    let configuration =
        configuration::configuration(&parameters, &options, output, catalog, &mut notes);
    describe(&written, &plan, &parameters, configuration, catalog)?;
    let log = beside.folder.join("information.log");
    let text = std::fs::read_to_string(&log).map_err(|e| Error::io(&log, "read the log", &e))?;
    let [was, is] = [&*beside.folder, output].map(|path| path.display().to_string());
    written.write("information.log", &text.replace(&was, &is))?;
    let mut network = Network::new(plan, 0, Device::Cpu)?;
    let mut done = Vec::new();
    for (split, metric, model) in models {
        done.push(convert(&mut network, split, metric, &model, &written, &mut notes)?);
    }
    copy::copy(maps, &folder, &written, &mut notes)?;
    write_manifest(&beside.folder)?;
    drop(written);
    beside.rename(output)?;
    notes.dedup();
    Ok(Imported { maps: output.into(), architecture: parameters.architecture, models: done, notes })
}

/// The entry of the experiment's architecture.
fn architecture<'c>(
    parameters: &Parameters,
    catalog: &'c Catalog,
) -> Result<&'c ArchitectureEntry> {
    let name = &parameters.architecture;
    catalog.architectures.find(name).map(|entry| &**entry).ok_or_else(|| {
        let known: Vec<&str> = catalog.architectures.names().collect();
        let message = format!("the experiment's architecture {name:?} is not registered");
        Error::new(Code::UnknownName, message).help(format!(
            "a script (--script FILE) or a plugin can register it under that name, with the layers \
             that ClinicaDL's class has; registered are {}",
            known.join(", ")
        ))
    })
}

/// The network, which must give what the task needs.
fn plan(
    parameters: &Parameters,
    entry: &ArchitectureEntry,
    options: &Map<String, Value>,
    catalog: &Catalog,
) -> Result<Plan> {
    let request = ArchitectureRequest {
        input: parameters.input.clone(),
        outputs: parameters.outputs,
        options: options.clone(),
    };
    let plan = Plan::new(entry.architecture.build(&request, catalog)?, &parameters.input, catalog)?;
    let expected = match parameters.task {
        Task::Classification => vec![parameters.outputs],
        Task::Regression => vec![1],
        Task::Reconstruction => parameters.input.clone(),
    };
    if plan.output == expected {
        return Ok(plan);
    }
    let (task, needed, given) = (parameters.task, show(&expected), show(&plan.output));
    let message = format!("a {task} needs the output {needed}, the network gives {given}");
    Err(Error::new(Code::BadMaps, message)
        .help("check network_task, architecture, input_size and output_size"))
}

/// Every model of every split: one, or one per part where there are `several` networks.
fn models(folder: &Folder, maps: &Path, several: bool) -> Result<Vec<(usize, String, Model)>> {
    let mut models = Vec::new();
    for split in folder.splits()? {
        for metric in folder.metrics(split)? {
            let found = folder.models(split, &metric)?;
            if found.iter().any(|model| model.network.is_some() != several) {
                let (said, there) = match several {
                    true => ("one network per part", "one for all"),
                    false => ("one network", "one per part"),
                };
                let message = format!("the parameters say {said}, but there is {there}");
                return Err(Error::new(Code::BadMaps, message)
                    .at(Place::File(folder.best(split, &metric)))
                    .help("check multi_network in maps.json, and the models that lie there"));
            }
            models.extend(found.into_iter().map(|model| (split, metric.clone(), model)));
        }
    }
    if models.is_empty() {
        let error = Error::new(Code::BadMaps, "the experiment has no trained models");
        return Err(error
            .at(Place::File(maps.into()))
            .help("models are expected in split-0/best-loss/model.pth.tar and the like"));
    }
    Ok(models)
}

/// Writes what the experiment is.
fn describe(
    maps: &Maps,
    plan: &Plan,
    parameters: &Parameters,
    configuration: Map<String, Value>,
    catalog: &Catalog,
) -> Result<()> {
    let mut used = Gathered::new(catalog);
    used.architecture(&plan.spec.architecture);
    used.layers(plan);
    if parameters.mode != "image" {
        used.vote("soft");
    }
    if let Some(loss) = parameters.values.get("loss").and_then(Value::as_str) {
        used.loss(loss);
    }
    write_description(
        maps,
        Description {
            parameters: parameters.values.clone(),
            configuration: Value::Object(configuration),
            image_shape: None,
            plan,
            scripts: &[],
            entries: used.with_metrics(parameters.task),
            device: "none: imported from ClinicaDL".into(),
        },
    )
}

/// Converts the weights of a model, which must be those of `network` and no others.
fn convert(
    network: &mut Network,
    split: usize,
    metric: String,
    model: &Model,
    maps: &Maps,
    notes: &mut Vec<String>,
) -> Result<ImportedModel> {
    let source = Source::file(&model.file)?;
    let transfer = fit_whole(&source, &network.plan)?;
    if !not_finite(&source, &transfer)?.is_empty() {
        notes.push(format!("the model holds NaN or infinite numbers: {}", model.file.display()));
    }
    network.take(&transfer, &source)?;
    let kinds = source.tensors.iter().map(|(_, tensor)| tensor.kind());
    if kinds.into_iter().any(|kind| !matches!(kind, Kind::Float | Kind::Int64)) {
        notes.push("weights that were not in float32 were converted to it".into());
    }
    let folder = maps.best(split, &metric);
    make_folder(&folder)?;
    network.save(&folder.join(match model.network {
        None => "model.safetensors".into(),
        Some(number) => format!("network-{number}_model.safetensors"),
    }))?;
    Ok(ImportedModel {
        split,
        metric,
        network: model.network,
        epoch: source.epoch,
        tensors: source.tensors.len(),
        values: transfer.values(),
    })
}

/// Nothing is overwritten: the folder must be new or empty, and the experiment `maps` stays as it is.
fn check_new(output: &Path, maps: &Path) -> Result<()> {
    let wrong = match std::fs::symlink_metadata(output) {
        Ok(about) if about.is_symlink() => Some("the output is a link"),
        Ok(about) if !about.is_dir() => Some("the output is a file, not a folder"),
        Ok(_) => match std::fs::read_dir(output).map(|mut entries| entries.next().is_none()) {
            Ok(true) => None,
            Ok(false) => Some("the output folder is not empty"),
            Err(error) => return Err(Error::io(output, "look into the output folder", &error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io(output, "look for the output folder", &error)),
    };
    let wrong = wrong.or(match output.file_name() {
        None => Some("the output has no name"),
        Some(_) if lies_within(output, maps) => Some("the output lies in what is imported"),
        Some(_) => None,
    });
    let Some(message) = wrong else { return Ok(()) };
    let error = Error::new(Code::OutputInUse, message).at(Place::File(output.into()));
    Err(error.help("name a folder that is new; nothing is overwritten"))
}

/// Whether a path, as far as it exists, leads into a folder.
fn lies_within(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let here = [Path::new(".")];
    let relative = here.into_iter().filter(|_| path.is_relative());
    let there = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    let mut found = there.chain(relative).filter_map(|path| path.canonicalize().ok());
    found.next().is_some_and(|path| path.starts_with(&folder))
}

/// A folder beside another one, which is removed unless it is renamed to it.
struct Beside {
    folder: PathBuf,
}

impl Beside {
    fn new(output: &Path) -> Result<Self> {
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let folder = output.with_file_name(format!(".{name}.import-{}", std::process::id()));
        make_folder(&folder)?;
        Ok(Self { folder })
    }

    fn rename(self, output: &Path) -> Result<()> {
        let failed = |error| Error::io(output, "put the folder into its place", &error);
        if output.is_dir() {
            std::fs::remove_dir(output).map_err(failed)?;
        }
        std::fs::rename(&self.folder, output).map_err(failed)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After the renaming there is nothing to remove, and what cannot be removed is only litter.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
