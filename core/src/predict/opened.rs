//! An experiment that is used after training: its options, its models, and how they are asked.

use std::path::{Path, PathBuf};

use neurhai_torch::Deterministic;
use serde_json::{Map, Value};
use tch::Device;

use crate::catalog::Catalog;
use crate::data::loader::{Sample, Source};
use crate::data::pattern::Preprocessing;
use crate::data::split::{Classes, Label};
use crate::data::table::Table;
use crate::device;
use crate::error::{Code, Error, Place, Result, did_you_mean};
use crate::experiment::{Experiment, classes, read};
use crate::network::{Network, Plan};
use crate::task::Task;
use crate::train::config::Config;
use crate::train::evaluate::{Evaluation, Evaluator, Keep};
use crate::train::inputs::preprocessing;
use crate::train::modes;
use crate::train::named::objective;
use crate::train::networks::{fit, foreign, join, side_by_side};
use crate::train::objective::Objective;
use crate::train::prepare::{check_output_shape, evaluation_batch};
use crate::train::sides::class_weights;
use crate::train::{Event, Session, Standing, standing_of};
use crate::transfer::folder::{Folder, Model};

/// An experiment whose networks are asked.
pub(crate) struct Opened {
    pub(crate) root: PathBuf,
    /// The options that it was trained with, but for what training began with.
    pub(crate) config: Config,
    /// The classes by their codes; none where classes are not learned.
    pub(crate) classes: Vec<String>,
    /// Parts per image.
    pub(crate) parts: usize,
    /// The voxels of the images that it was trained on; an older program did not write them down.
    pub(super) image_shape: Option<[usize; 3]>,
    /// The splits that were asked for, as maps.json tells them.
    asked: Vec<usize>,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) device: Device,
    pub(crate) folder: Folder,
    /// Samples per forward pass; as in training's evaluations unless it is set.
    pub(crate) batch_size: usize,
    /// Whether the networks have a part before their last, or variational layers, that give codes.
    pub(crate) encodes: bool,
    /// Threads that compute; all processors' where nothing else is asked for.
    threads: Option<usize>,
    pub(super) experiment: Experiment,
    objective: Objective,
    _deterministic: Option<Deterministic>,
}

/// Something that is wrong with the parameters of an experiment.
fn bad(root: &Path, message: impl Into<String>) -> Error {
    Error::new(Code::BadMaps, message).at(Place::File(root.join("maps.json")))
}

impl Opened {
    /// Opens the experiment in `maps` to compute on `device`: `"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"`.
    ///
    /// # Errors
    /// What is wrong with the folder; layers, a loss or a vote that are not registered; a device that
    /// is not there.
    pub(crate) fn open(maps: &Path, device: &str, session: &Session<'_>) -> Result<Self> {
        let experiment = Experiment::open(maps)?;
        let config = configuration(&experiment.configuration, maps)?;
        let parameters = read(&maps.join("maps.json"))?;
        let classes = match config.task {
            Task::Classification => {
                let found = classes(parameters.get("label_code"));
                found.map_err(|error| error.at(Place::File(maps.join("maps.json"))))?
            }
            _ => Vec::new(),
        };
        if config.task == Task::Classification && classes.is_empty() {
            return Err(bad(maps, "label_code does not say what the classes are"));
        }
        let parts = parameters.get("num_networks").and_then(Value::as_u64);
        let parts = parts.ok_or_else(|| bad(maps, "num_networks is missing"))? as usize;
        let asked = parameters.get("split").and_then(Value::as_array).into_iter().flatten();
        let asked = asked.filter_map(Value::as_u64).map(|split| split as usize).collect();
        let image_shape = parameters.pointer("/neurhai/image_shape").cloned().unwrap_or_default();
        let image_shape = serde_json::from_value(image_shape)
            .map_err(|error| bad(maps, "image_shape is no shape of a volume").because(error))?;
        let (plan, warnings) = experiment.plan(session.catalog)?;
        check_output_shape(config.task, &classes, &plan)
            .map_err(|error| error.at(Place::File(maps.join("network.json"))))?;
        for text in warnings {
            session.tell(Event::Warning { text });
        }
        let device = device::choose(device)?;
        session.tell(Event::Device { name: device::describe(device) });
        if config.precision.check(device).is_err() {
            let name = config.precision.name();
            let text = format!("{name} is for GPUs: the networks compute with float32 here");
            session.tell(Event::Warning { text });
        }
        Ok(Self {
            root: maps.into(),
            objective: objective(&config, session)?,
            preprocessing: preprocessing(&config.data)?,
            encodes: plan.spec.parts.len() > 1 || plan.rows.iter().any(|row| row.kind == "latent"),
            batch_size: evaluation_batch(&config, &plan),
            // What only lacks a deterministic gradient can do without it here.
            _deterministic: modes::deterministic(&config, &plan, device).ok().flatten(),
            folder: Folder::open(maps)?,
            config,
            classes,
            parts,
            image_shape,
            asked,
            device,
            threads: None,
            experiment,
        })
    }

    /// Computes and loads with so many threads.
    pub(crate) fn set_threads(&mut self, threads: i32) {
        let threads = threads as usize;
        self.config.loader_threads = self.config.loader_threads.min(threads);
        self.threads = Some(threads);
    }

    /// The splits that there are or are to be, in order, each with whether its training is finished.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn standing(&self) -> Result<Vec<(usize, bool)>> {
        let mut splits = self.folder.splits()?;
        splits.extend(&self.asked);
        splits.sort_unstable();
        splits.dedup();
        let finished =
            |split| matches!(standing_of(&self.folder.split(split)), Standing::Finished(_));
        Ok(splits.into_iter().map(|split| (split, finished(split))).collect())
    }

    /// Whether the parts of an image vote on it.
    pub(crate) fn votes(&self) -> Result<bool> {
        let parts = self.config.data.text("mode")? != "image";
        Ok(parts && self.config.task != Task::Reconstruction)
    }

    /// The splits and selection metrics that are asked for, all that there are where none are named,
    /// each pair with a model.
    ///
    /// # Errors
    /// [`Code::BadOption`] for a split and [`Code::UnknownName`] for a metric that are not there;
    /// [`Code::BadMaps`] for an experiment without models.
    pub(crate) fn chosen(
        &self,
        splits: Option<&[usize]>,
        metrics: Option<&[String]>,
    ) -> Result<Vec<(usize, String)>> {
        let there = self.folder.splits()?;
        let list = there.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let missing = |code: Code, message: String, help: String| {
            Error::new(code, message).at(Place::File(self.root.clone())).help(help)
        };
        if let Some(split) = splits.into_iter().flatten().find(|split| !there.contains(split)) {
            let message = format!("the experiment has no split {split}");
            return Err(missing(Code::BadOption, message, format!("its splits are {list}")));
        }
        let mut chosen = Vec::new();
        for split in there.iter().filter(|split| splits.is_none_or(|s| s.contains(split))) {
            let kept = self.folder.metrics(*split)?;
            let mut unknown = metrics.into_iter().flatten().filter(|metric| !kept.contains(metric));
            if let Some(metric) = unknown.next() {
                let near = did_you_mean(metric, kept.iter().map(String::as_str));
                let message =
                    format!("split {split} has no model that is the best by {metric:?}{near}");
                let help = format!("it has those by {}", kept.join(", "));
                return Err(missing(Code::UnknownName, message, help));
            }
            let wanted = kept.into_iter().filter(|one| metrics.is_none_or(|m| m.contains(one)));
            chosen.extend(wanted.map(|metric| (*split, metric)));
        }
        if chosen.is_empty() {
            let help = "models are expected in split-0/best-loss/ and the like";
            let message = "the experiment has no trained models".into();
            return Err(missing(Code::BadMaps, message, help.into()));
        }
        Ok(chosen)
    }

    /// The models that are the best of a split by a metric: one, or one for each part, in order.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for weights that are not there.
    pub(crate) fn models(&self, split: usize, metric: &str) -> Result<Vec<Model>> {
        let several = self.config.multi_network;
        let mut models = self.folder.models(split, metric)?;
        models.retain(|model| model.network.is_some() == several);
        let numbers: Vec<Option<usize>> = models.iter().map(|model| model.network).collect();
        let wanted = |number: &Option<usize>| !numbers.contains(number);
        let all: Vec<Option<usize>> = match several {
            true => (0..self.parts).map(Some).collect(),
            false => vec![None],
        };
        let may_lack = self.config.train.text("missing_parts")? == "renormalise";
        let missing = all.iter().find(|number| wanted(number));
        if let Some(number) = missing.filter(|_| models.is_empty() || !may_lack) {
            let of = number.map_or_else(String::new, |number| format!(" of network {number}"));
            let message = format!("the folder does not hold the weights{of}");
            return Err(Error::new(Code::BadMaps, message)
                .at(Place::File(self.folder.best(split, metric)))
                .help("bring them back, or name other splits and selection metrics"));
        }
        models.retain(|model| all.contains(&model.network));
        Ok(models)
    }

    /// A network with its weights, computing as it was trained to where the device can.
    ///
    /// # Errors
    /// Weights that cannot be read or do not fit; what libtorch says.
    pub(crate) fn network(&self, model: &Model, catalog: &Catalog) -> Result<Network> {
        let (plan, _) = self.experiment.plan(catalog)?;
        let mut network = Network::read(plan, &model.file, self.device)?;
        if self.config.precision.check(self.device).is_ok() {
            network.set_precision(self.config.precision);
        }
        Ok(network)
    }

    /// The plan of the networks.
    ///
    /// # Errors
    /// What the shape check says.
    pub(crate) fn plan(&self, catalog: &Catalog) -> Result<Plan> {
        Ok(self.experiment.plan(catalog)?.0)
    }

    /// A network with weights as they are before training.
    ///
    /// # Errors
    /// As [`Opened::plan`]; what libtorch says.
    pub(crate) fn fresh(&self, seed: u64, catalog: &Catalog) -> Result<Network> {
        Network::new(self.plan(catalog)?, seed, self.device)
    }

    /// What the networks of a split were trained to make small, classes weighed as they were.
    ///
    /// # Errors
    /// A list of the training set that is missing or damaged, where classes are balanced by it.
    pub(crate) fn objective(&self, split: usize) -> Result<Objective> {
        let names = &self.classes;
        let mut classes =
            Classes { names: names.clone(), train: Vec::new(), validation: Vec::new() };
        if self.config.task == Task::Classification && self.config.train.flag("balance_classes")? {
            let table = Table::read(&self.folder.group("train", split))?;
            let column = table.column(self.config.label()?)?;
            let count = |name: &String| {
                (0..table.len()).filter(|row| table.text(*row, column) == Some(name)).count()
            };
            classes.train = names.iter().map(count).collect();
            if classes.train.contains(&0) {
                let message =
                    "a class is not in the training set that the classes were balanced by";
                return Err(Error::new(Code::BadMaps, message)
                    .at(Place::File(self.folder.group("train", split))));
            }
        }
        let classes = (self.config.task == Task::Classification).then_some(&classes);
        let class_weights = class_weights(classes, &self.config)?;
        Ok(Objective { class_weights, ..self.objective.clone() })
    }

    /// How samples of `source` are shown to the networks.
    pub(crate) fn evaluator<'a>(
        &'a self,
        objective: &'a Objective,
        source: &'a Source,
        session: &'a Session<'a>,
    ) -> Evaluator<'a> {
        let threads = if self.config.multi_network { 0 } else { self.config.loader_threads };
        Evaluator { objective, source, batch_size: self.batch_size, threads, session, keep: None }
    }

    /// What the models say about all parts of these images, image by image; `keep` is shown every
    /// batch. Of several networks each computes on one thread, as in training.
    ///
    /// # Errors
    /// What a network or its images say; [`Code::Interrupted`].
    pub(crate) fn judge(
        &self,
        models: &[Model],
        evaluator: &Evaluator<'_>,
        images: &[(usize, Label)],
        group: &str,
        keep: Option<&Keep<'_>>,
    ) -> Result<Evaluation> {
        let evaluator = Evaluator { keep, ..*evaluator };
        let catalog = evaluator.session.catalog;
        let samples = |part: Option<usize>| -> Vec<(Sample, Label)> {
            let parts =
                (0..evaluator.source.parts.count()).filter(|p| part.is_none_or(|n| n == *p));
            let parts: Vec<usize> = parts.collect();
            let of = |(image, label): &(usize, Label)| {
                let (image, label) = (*image, *label);
                parts.clone().into_iter().map(move |part| (Sample::new(image, part), label))
            };
            images.iter().flat_map(of).collect()
        };
        let one = |at: usize| {
            let network = self.network(&models[at], catalog)?;
            evaluator.run(&network, &samples(models[at].network), group)
        };
        let found = match self.config.multi_network {
            false => vec![one(0)?],
            true => side_by_side(models.len(), self.at_once(catalog)?, one)?,
        };
        let mut found = found.into_iter();
        let missing = || Error::new(Code::Internal, "a split without models was asked");
        let mut all = found.next().ok_or_else(missing)?;
        found.for_each(|own| join(&mut all, own));
        if self.config.multi_network {
            all.rows.sort_by_key(|row| (row.sample.image, row.sample.part));
        }
        Ok(all)
    }

    /// How many networks are asked at once, by processors and memory.
    fn at_once(&self, catalog: &Catalog) -> Result<usize> {
        let (plan, _) = self.experiment.plan(catalog)?;
        if self.device.is_cuda() || foreign(&plan, catalog) {
            return Ok(1);
        }
        let bytes = (plan.parameters().saturating_mul(4))
            .saturating_add(plan.activation_bytes().saturating_mul(self.batch_size as i64));
        Ok(fit(bytes).min(self.threads.unwrap_or(usize::MAX)))
    }
}

/// The options that the experiment was trained with, but for what training began with: that is in
/// the weights.
fn configuration(configuration: &Map<String, Value>, maps: &Path) -> Result<Config> {
    if configuration.is_empty() {
        let message = "the file does not say with which options the experiment was trained";
        return Err(bad(maps, message)
            .help("it is one of ClinicaDL: `host import` makes one of this program of it"));
    }
    let mut options = configuration.clone();
    options.retain(|key, _| !key.starts_with("transfer") && !key.starts_with("freeze"));
    Config::read(&options).map_err(|error| error.at(Place::File(maps.join("maps.json"))))
}
