//! A run without the training: what would be done, and what it would take.

use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};

use super::cohorts;
use super::config::{Config, cores};
use super::evaluate::images;
use super::prepare::{Prepared, prepare};
use super::session::{Event, Session};
use crate::cache::{self, Verdicts};
use crate::data::caps::is_tensor;
use crate::data::loader::{Loader, Sample};
use crate::data::split::Label;
use crate::device;
use crate::error::{Code, Result};
use crate::network::{LayerRow, Mode};
use crate::shape::{Shape, elements};
use crate::task::Task;
use crate::transfer::Transfer;
use crate::verify::{Finding, Request, Severity, check_files};

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// Where it would compute.
    pub device: String,
    /// What a network sees of an image.
    pub mode: String,
    /// Parts per image.
    pub parts: usize,
    /// The network's input shape.
    pub input: Shape,
    /// What would be learned.
    pub task: Task,
    /// The classes by their code; empty where classes are not learned.
    pub classes: Vec<String>,
    /// Per split: its number, and per class the training and validation images.
    pub splits: Vec<SplitCounts>,
    /// The architecture's name.
    pub architecture: String,
    /// The layer table.
    pub layers: Vec<LayerRow>,
    /// Learned numbers.
    pub parameters: i64,
    /// How many of them stay as they are.
    pub frozen: i64,
    /// What the first split's network begins with, where that comes from elsewhere.
    pub transfer: Option<Transfer>,
    /// Multiplications with additions for one sample.
    pub multiply_adds: u64,
    /// Weight updates per epoch, for the first split.
    pub updates_per_epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Estimated bytes for weights, gradients, what the optimiser keeps, and one batch's activations.
    pub memory_bytes: i64,
    /// Seconds that one training batch took here, after one to warm up.
    pub seconds_per_batch: f64,
    /// Estimated seconds per epoch, evaluation included, for the first split.
    pub seconds_per_epoch: f64,
    /// What should be known.
    pub warnings: Vec<String>,
    /// What is wrong or remarkable with the images, beside each other.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// How many errors there are among the images.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// The sizes of a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitCounts {
    /// The split's number.
    pub split: usize,
    /// Training images per class; where classes are not learned, all of them.
    pub train: Vec<usize>,
    /// Validation images, likewise.
    pub validation: Vec<usize>,
    /// The cohorts, where there are several, with their training and validation images.
    pub cohorts: Vec<(String, usize, usize)>,
}

/// Does everything short of training, one batch for its time included; writes nothing.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn check(options: &Map<String, Value>, session: &Session<'_>) -> Result<CheckReport> {
    let prepared = prepare(Config::read(options)?, session)?;
    let config = &prepared.config;
    let plan = prepared.plan(session)?;
    let (layers, parameters) = (plan.rows.clone(), plan.parameters());
    let (multiply_adds, activations) = (plan.multiply_adds(), plan.activation_bytes());
    let batch = config.batch_size as i64;

    let first = &prepared.splits[0];
    let network = prepared.network(first, prepared.networks()[0], session)?;
    let frozen =
        parameters - network.trainable().filter_map(|(p, _)| elements(&p.shape)).sum::<i64>();
    let memory_bytes = (prepared.updates.bytes(parameters, parameters - frozen)?)
        .saturating_add(activations.saturating_mul(batch))
        .saturating_add(elements(&prepared.input).unwrap_or(0).saturating_mul(4 * batch));
    let mut optimizer = prepared.updates.optimizer(&network)?;
    let samples = prepared.samples(&first.train);
    let chunk: Vec<(Sample, Label)> = samples.iter().take(config.batch_size).copied().collect();
    let labels: Vec<Label> = chunk.iter().map(|(_, label)| *label).collect();
    let chunk: Vec<Sample> = chunk.into_iter().map(|(sample, _)| sample).collect();
    let mut seconds_per_batch = 0.0;
    for loaded in
        Loader::new(prepared.training_source(config.seed, first.split.index, 0), vec![chunk; 2], 0)
    {
        let start = Instant::now();
        let x = images(&loaded?, prepared.device)?;
        let pass = network.pass(&x, Mode::Training { seed: config.seed })?;
        let sum = first.objective.sum(&pass, &x, &labels)?;
        let loss = sum.f_div_scalar(labels.len() as f64)?;
        loss.f_backward()?;
        optimizer.step(config.learning_rate)?;
        loss.f_double_value(&[])?;
        seconds_per_batch = start.elapsed().as_secs_f64();
    }
    let batches = samples.len().div_ceil(config.batch_size);
    let evaluated = batches + prepared.samples(&first.validation).len().div_ceil(config.batch_size);
    Ok(CheckReport {
        device: device::describe(prepared.device),
        mode: prepared.source.parts.mode().into(),
        parts: prepared.source.parts.count(),
        input: prepared.input.clone(),
        task: config.task,
        classes: prepared.classes.clone(),
        splits: prepared
            .splits
            .iter()
            .map(|sides| {
                let (train, validation) = match &sides.split.classes {
                    Some(classes) => (classes.train.clone(), classes.validation.clone()),
                    None => (vec![sides.train.len()], vec![sides.validation.len()]),
                };
                let cohorts = cohorts::counts(&prepared, sides);
                SplitCounts { split: sides.split.index, train, validation, cohorts }
            })
            .collect(),
        architecture: prepared.spec.architecture.clone(),
        layers,
        parameters,
        frozen,
        transfer: first.start.taken().map(|taken| taken.transfer.clone()),
        multiply_adds,
        updates_per_epoch: batches.div_ceil(config.accumulation_steps),
        epochs: config.epochs,
        memory_bytes,
        seconds_per_batch,
        // A forward pass without gradients takes about a third of a training step.
        seconds_per_epoch: seconds_per_batch * (batches as f64 + evaluated as f64 / 3.0),
        findings: findings(&prepared, session)?,
        warnings: prepared.warnings,
    })
}

/// What the images are beside each other. That each by itself can be used is known already.
fn findings(prepared: &Prepared, session: &Session<'_>) -> Result<Vec<Finding>> {
    let images = &prepared.source.images;
    let files = (0..images.len()).map(|i| (images.session(i).clone(), images.file(i).to_owned()));
    let files = files.filter(|(_, file)| !is_tensor(file));
    let verdicts = cache::folder().map(|folder| Verdicts::new(&folder));
    let request = Request {
        preprocessing: None,
        caps: None,
        verdicts: verdicts.as_ref(),
        fresh: false,
        threads: cores(),
        progress: &|done, images| session.tell(Event::Checking { done, images }),
    };
    let mut findings = check_files(files.collect(), &request);
    let replaced = prepared.config.data.text("nan")? == "replace";
    findings.retain(|finding| !replaced || finding.code != Code::ImageNotFinite.id());
    Ok(findings)
}
