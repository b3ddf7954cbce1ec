//! The loss, and votes and metrics of plugins and scripts, are tried before training: what would fail
//! on the way or at the end of a run fails at its beginning.

use tch::{Device, Kind, Tensor};

use super::evaluate::{Evaluation, Row};
use super::image_level::Election;
use super::part_weights::PartWeights;
use super::prepare::Prepared;
use super::session::Session;
use crate::catalog::Origin;
use crate::data::loader::Sample;
use crate::data::split::Label;
use crate::error::Result;
use crate::loss::Latent;
use crate::network::{Pass, Plan};
use crate::random::Random;
use crate::task::Task;

/// Samples in a made-up batch: a number that classes, channels and outputs rarely have.
const SAMPLES: usize = 3;

/// Takes the loss of made-up outputs: one that wants another kind of network fails here, and so does
/// one that cannot learn some of the numbers of a regression.
fn rehearse_loss(prepared: &Prepared, plan: &Plan) -> Result<()> {
    for sides in &prepared.splits {
        let labels = sides.train.iter().chain(&sides.validation).map(|(_, label)| *label);
        let labels: Vec<Label> = match prepared.config.task {
            Task::Regression => labels.collect(),
            _ => labels.cycle().take(SAMPLES).collect(),
        };
        let half = |shape: &[i64]| -> Result<Tensor> {
            let shape = [&[labels.len() as i64], shape].concat();
            Ok(Tensor::f_ones(&shape, (Kind::Float, Device::Cpu))?.f_mul_scalar(0.5)?)
        };
        let latents =
            plan.rows.iter().filter(|row| row.kind == "latent").map(|row| {
                Ok(Latent { mean: half(&row.output)?, log_variance: half(&row.output)? })
            });
        let pass = Pass { output: half(&plan.output)?, latents: latents.collect::<Result<_>>()? };
        let x = match prepared.config.task {
            Task::Reconstruction => half(&prepared.input)?,
            // Only reconstructions learn from it.
            _ => half(&[])?,
        };
        sides.objective.total(&pass, &x, &labels)?;
    }
    Ok(())
}

/// Takes the loss, and the vote and every metric on random scores for the validation images of the
/// first split.
///
/// # Errors
/// What the loss, the vote or a metric says; it would say the same in training and after it.
pub(super) fn rehearse(prepared: &Prepared, plan: &Plan, session: &Session<'_>) -> Result<()> {
    let help = |error: crate::Error| error.help("it was tried on made-up outputs before training");
    rehearse_loss(prepared, plan).map_err(help)?;
    let (train, catalog) = (&prepared.config.train, session.catalog);
    let Some(sides) = prepared.splits.first() else { return Ok(()) };
    let mut random = Random::new(prepared.config.seed, "rehearsal", &[]);
    let task = prepared.config.task;
    let outputs = match task {
        Task::Classification => prepared.classes.len(),
        Task::Regression => 1,
        // Nobody votes on reconstructions, and metrics of others do not judge them.
        Task::Reconstruction => return Ok(()),
    };
    let row = |(sample, truth): (Sample, Label)| {
        let raw: Vec<f64> = (0..outputs).map(|_| random.uniform(0.05, 1.0)).collect();
        // Probabilities of classes have the sum 1.
        let sum = if task == Task::Classification { raw.iter().sum() } else { 1.0 };
        Row { sample, truth, values: raw.iter().map(|value| value / sum).collect() }
    };
    let rows = prepared.samples(&sides.validation).into_iter().map(row).collect();
    let mut evaluation = Evaluation { task, rows, outputs, loss: None };
    let help = |error: crate::Error| error.help("it was tried on random scores before training");
    let vote = catalog.votes.get(train.text("vote")?)?;
    if prepared.source.parts.mode() != "image" && vote.origin != Origin::BuiltIn {
        let weights = PartWeights::uniform(prepared.source.parts.count());
        let (config, source) = (&prepared.config, &prepared.source);
        evaluation = Election::new(config, weights, &evaluation, source, catalog)
            .and_then(|election| election.take(&evaluation, source))
            .map_err(help)?;
    }
    if catalog.metrics.iter().any(|entry| entry.origin != Origin::BuiltIn) {
        evaluation.scores(catalog).map_err(help)?;
    }
    Ok(())
}
