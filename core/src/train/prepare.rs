//! Everything short of training: what a run needs is found and checked, and every problem told at
//! once, before anything is written.

use std::path::Path;
use std::sync::Arc;

use neurhai_torch::Deterministic;
use tch::Device;

use super::config::Config;
use super::evaluate::Evaluator;
use super::inputs::{find_files, preprocessing, source, visits_of};
use super::modes;
use super::named::Named;
use super::objective::Objective;
use super::rehearsal::rehearse;
use super::sampling;
use super::session::{Event, Session};
use super::sides::{Sides, class_weights, missing_classes, places, read_splits};
use super::start::{Opened, Start, open};
use super::unused::check_unused;
use super::updates::Updates;
use super::{augmentation, cohorts};
use crate::catalog::ArchitectureRequest;
use crate::data::cohorts::Cohorts;
use crate::data::loader::{Sample, Source, Step};
use crate::data::pattern::Preprocessing;
use crate::data::split::Label;
use crate::device;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files;
use crate::network::{Network, NetworkSpec, Plan};
use crate::random::derived_seed;
use crate::sampler::Sampler;
use crate::shape::{Shape, show};
use crate::task::Task;

/// Bytes that the largest map of a batch may take in evaluation.
const EVALUATION_BYTES: i64 = 32 << 20;

/// A run that is ready to start.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    /// What is done to training images, in order.
    pub(crate) augmentation: Arc<[Step]>,
    pub(crate) sampler: Sampler,
    pub(crate) updates: Updates,
    pub(crate) cohorts: Cohorts,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) device: Device,
    pub(crate) single_split: bool,
    pub(crate) splits: Vec<Sides>,
    pub(crate) classes: Vec<String>,
    pub(crate) source: Source,
    pub(crate) input: Shape,
    pub(crate) spec: NetworkSpec,
    /// Samples per forward pass in evaluation, where nothing is kept for a backward pass.
    pub(crate) evaluation_batch: usize,
    pub(crate) warnings: Vec<String>,
    _deterministic: Option<Deterministic>,
}

impl Prepared {
    /// A fresh plan of the network.
    pub(crate) fn plan(&self, session: &Session<'_>) -> Result<Plan> {
        Plan::new(self.spec.clone(), &self.input, session.catalog)
    }

    /// The networks of a split: one for each part, or one for all.
    pub(crate) fn networks(&self) -> Vec<Option<usize>> {
        match self.config.multi_network {
            true => (0..self.source.parts.count()).map(Some).collect(),
            false => vec![None],
        }
    }

    /// The seed of a network: one of several has its own.
    pub(crate) fn seed(&self, network: Option<usize>) -> u64 {
        let seed = self.config.seed;
        network.map_or(seed, |number| derived_seed(seed, "network", &[number as u64]))
    }

    /// The network that a split begins with.
    pub(crate) fn network(
        &self,
        sides: &Sides,
        number: Option<usize>,
        session: &Session<'_>,
    ) -> Result<Network> {
        let own = (number, self.seed(number));
        let mut network = sides.start.network(self.plan(session)?, own, self.device)?;
        network.set_precision(self.config.precision);
        Ok(network)
    }

    /// Where training samples of an epoch come from, augmented where that was asked for.
    pub(crate) fn training_source(&self, seed: u64, split: usize, epoch: usize) -> Source {
        let mut source = self.source.clone();
        if !self.augmentation.is_empty() {
            let keys = [split as u64, epoch as u64];
            let seed = derived_seed(seed, "augmentation", &keys);
            source.augment = Some((Arc::clone(&self.augmentation), seed));
        }
        source
    }

    /// Threads that load for a network; of several networks each cuts its own parts.
    pub(crate) fn loader_threads(&self) -> usize {
        if self.config.multi_network { 0 } else { self.config.loader_threads }
    }

    /// How sets are evaluated.
    pub(crate) fn evaluator<'a>(
        &'a self,
        sides: &'a Sides,
        session: &'a Session<'a>,
    ) -> Evaluator<'a> {
        Evaluator {
            objective: &sides.objective,
            source: &self.source,
            batch_size: self.evaluation_batch,
            threads: self.loader_threads(),
            session,
            keep: None,
        }
    }

    /// Those that a network learns from or is judged by: of several networks each has its own part.
    pub(crate) fn samples_of(
        &self,
        side: &[(usize, Label)],
        network: Option<usize>,
    ) -> Vec<(Sample, Label)> {
        let mut samples = self.samples(side);
        samples.retain(|(sample, _)| network.is_none_or(|number| sample.part == number));
        samples
    }

    /// All parts of these images, image by image, with what is to be learned of each.
    pub(crate) fn samples(&self, side: &[(usize, Label)]) -> Vec<(Sample, Label)> {
        let parts = self.source.parts.count();
        side.iter()
            .flat_map(|(image, label)| (0..parts).map(|part| (Sample::new(*image, part), *label)))
            .collect()
    }
}

/// Finds and checks everything that `config` names, for a new experiment.
pub(crate) fn prepare(config: Config, session: &Session<'_>) -> Result<Prepared> {
    prepare_either(config, None, true, session)
}

/// The same where nothing is written.
pub(super) fn prepare_trial(config: Config, session: &Session<'_>) -> Result<Prepared> {
    prepare_either(config, None, false, session)
}

/// What there is already of an experiment that goes on.
pub(crate) struct Existing {
    pub(crate) network: NetworkSpec,
    /// The splits in which every network has a state to go on from.
    pub(crate) begun: Vec<usize>,
}

/// The same for an experiment that exists.
pub(crate) fn prepare_existing(
    config: Config,
    existing: Existing,
    session: &Session<'_>,
) -> Result<Prepared> {
    prepare_either(config, Some(existing), false, session)
}

fn prepare_either(
    config: Config,
    existing: Option<Existing>,
    writes: bool,
    session: &Session<'_>,
) -> Result<Prepared> {
    let mut problems = Problems::default();
    if existing.is_none() {
        problems.take(check_unused(&config));
    }
    if writes {
        problems.take(check_output(&config.output));
    }
    let named = problems.take(Named::find(&config, session));
    let device = problems.take(device::choose(config.train.text("device")?));
    problems.take(device.map_or(Ok(()), |device| config.precision.check(device)));
    let mut splits = problems.take(read_splits(&config));
    let (mut weights, mut opened) = (None, None);
    if let Some((splits, _)) = &splits {
        let all = splits.iter();
        weights = problems.take(
            all.clone().map(|split| class_weights(split.classes.as_ref(), &config)).collect(),
        );
        opened = problems.take(all.map(|split| open(split, &config, existing.as_ref())).collect());
    }
    let preprocessing = problems.take(preprocessing(&config.data));
    let cohorts = problems.take(cohorts::open(&config));

    // Files are looked up even where other things are wrong, so that one report holds all.
    let (mut files, mut namesakes) = (None, None);
    if let (Some(cohorts), Some(pre), Some((splits, _))) = (&cohorts, &preprocessing, &mut splits) {
        namesakes = problems.take(cohorts::check_people(splits, cohorts, &config));
        files = problems.take(find_files(cohorts, pre, visits_of(splits), &config.data));
    }
    problems.into_result()?;
    let of_data = (preprocessing, cohorts, files);
    let of_network = (named, device, splits, weights, opened);
    let (
        (Some(preprocessing), Some(cohorts), Some((visits, mut warnings))),
        (Some(named), Some(device), Some((splits, single_split)), Some(weights), Some(opened)),
    ) = (of_data, of_network)
    else {
        return Err(Error::new(Code::Internal, "a check failed without saying why"));
    };
    let (weights, opened): (Vec<Vec<f64>>, Vec<Option<Opened>>) = (weights, opened);
    warnings.extend(splits.iter().filter_map(missing_classes));
    session.tell(Event::Device { name: device::describe(device) });

    warnings.extend(cohorts::unused(&config, &cohorts)?);
    warnings.extend(splits.iter().flat_map(|split| split.warnings.iter().cloned()));
    warnings.extend(namesakes.into_iter().flatten());
    let source = source(visits, &cohorts, &preprocessing, &config.data, session)?;
    let input = source.parts.shape(0);
    if config.multi_network && source.parts.count() < 2 {
        let message = "a network for each part needs an image that is cut into several";
        return Err(Error::new(Code::BadOption, message)
            .at(Place::Option("multi_network".into()))
            .help("cut it: data.patches(50, 50), data.slices(#{}), data.roi([\"a\", \"b\"])"));
    }
    let classes = splits[0].classes.as_ref().map_or_else(Vec::new, |classes| classes.names.clone());
    let request = ArchitectureRequest {
        input: input.clone(),
        outputs: outputs(config.task, &classes, &input)[0],
        options: config.train.map("options")?.clone(),
    };
    let spec = match existing {
        Some(existing) => existing.network,
        None => named.architecture.architecture.build(&request, session.catalog)?,
    };
    let plan = Plan::new(spec.clone(), &input, session.catalog)?;
    check_output_shape(config.task, &classes, &plan)?;
    let deterministic = modes::deterministic(&config, &plan, device)?;
    warnings.extend(modes::warning(&config, device));
    let evaluation_batch = evaluation_batch(&config, &plan);
    let images = places(&source.images);
    let sides = |((split, class_weights), opened)| {
        let objective = Objective { class_weights, ..named.objective.clone() };
        Ok(Sides::new(split, &images, objective, Start::of(opened, &config, &plan)?))
    };
    let splits = splits.into_iter().zip(weights).zip(opened);
    let splits = splits.map(sides).collect::<Result<Vec<_>>>()?;
    if let Some(sides) = splits.first() {
        named.updates.check(&sides.start.learning(&plan)?)?;
        warnings.extend(sides.start.warning());
    }
    warnings.extend(splits.iter().filter_map(|sides| sides.start.namesakes_warning()));
    warnings.extend(sampling::warning(&config)?);
    let prepared = Prepared {
        config,
        augmentation: named.augmentation,
        sampler: named.sampler,
        updates: named.updates,
        cohorts,
        preprocessing,
        device,
        single_split,
        splits,
        classes,
        source,
        input,
        spec,
        evaluation_batch,
        warnings,
        _deterministic: deterministic,
    };
    for sides in &prepared.splits {
        prepared.draws(&prepared.samples(&sides.train))?;
    }
    augmentation::check(&prepared)?;
    rehearse(&prepared, &plan, session)?;
    Ok(prepared)
}

/// Samples per forward pass in evaluation; at least as many as in training.
pub(crate) fn evaluation_batch(config: &Config, plan: &Plan) -> usize {
    let largest = plan.rows.iter().map(|row| row.output_bytes).max().unwrap_or(1).max(1);
    config.batch_size.max((EVALUATION_BYTES / largest) as usize)
}

/// The shape that a network for the task gives.
fn outputs(task: Task, classes: &[String], input: &[i64]) -> Shape {
    match task {
        Task::Classification => vec![classes.len() as i64],
        Task::Regression => vec![1],
        Task::Reconstruction => input.to_vec(),
    }
}

/// Whether the network gives what the task needs.
///
/// # Errors
/// [`Code::ShapeMismatch`] where it does not.
pub(crate) fn check_output_shape(task: Task, classes: &[String], plan: &Plan) -> Result<()> {
    let expected = outputs(task, classes, &plan.input);
    if plan.output == expected {
        return Ok(());
    }
    let (architecture, found) = (&plan.spec.architecture, show(&plan.output));
    let (needed, help) = match task {
        Task::Classification => (
            format!("{0} classes need {0} outputs", classes.len()),
            "end the network with linear(p.outputs)",
        ),
        Task::Regression => {
            ("a regression needs 1 output".to_owned(), "end the network with linear(p.outputs)")
        }
        Task::Reconstruction => (
            format!("a reconstruction needs the input's shape, {}", show(&expected)),
            "take an autoencoder: architecture: autoencoder(\"…\") derives one from a CNN",
        ),
    };
    let message = format!("{needed}, but {architecture:?} gives {found}");
    Err(Error::new(Code::ShapeMismatch, message).help(help))
}

/// Results are never overwritten: the folder must be new or empty.
fn check_output(output: &Path) -> Result<()> {
    if output.as_os_str().is_empty() {
        let error = Error::new(Code::BadOption, "the output has no name");
        return Err(error.at(Place::Option("output".into())).help("name a folder that is new"));
    }
    files::check_unused(output)
}
