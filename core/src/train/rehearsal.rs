//! The loss, and votes and metrics of plugins and scripts, are tried before training: what would fail
//! on the way or at the end of a run fails at its beginning.

use tch::{Device, Kind, Tensor};

use super::evaluate::{Evaluation, Row};
use super::image_level::Election;
use super::part_weights::PartWeights;
use super::prepare::Prepared;
use super::session::Session;
use super::sides::Sides;
use crate::catalog::Origin;
use crate::data::loader::Sample;
use crate::data::split::Label;
use crate::error::{Code, Error, Result};
use crate::loss::Latent;
use crate::network::{Pass, Plan};
use crate::random::Random;
use crate::task::Task;

/// Samples in a made-up batch: a number that classes, channels and outputs rarely have.
const SAMPLES: usize = 3;

/// Takes the loss of made-up outputs, of a reconstruction for its first image: one that wants another
/// kind of network fails here, and so does one that cannot learn some of the numbers of a regression or
/// such voxels.
fn rehearse_loss(prepared: &Prepared, plan: &Plan) -> Result<()> {
    for sides in &prepared.splits {
        if prepared.config.task == Task::Regression {
            check_numbers(sides, prepared)?;
        }
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
        let pass = Pass {
            output: half(&plan.output)?,
            latents: latents.collect::<Result<_>>()?,
            parts: Vec::new(),
        };
        let x = match prepared.config.task {
            Task::Reconstruction => first_image(prepared, sides)?,
            // Only reconstructions learn from it.
            _ => half(&[])?,
        };
        sides.objective.total(&pass, &x, &labels)?;
    }
    Ok(())
}

/// The first part of the first training image, several times: `[batch, channel, …]`.
fn first_image(prepared: &Prepared, sides: &Sides) -> Result<Tensor> {
    let image = sides.train.first().map_or(0, |(image, _)| *image);
    let voxels = prepared.source.sample(Sample::new(image, 0))?;
    let shape = [&[1], &prepared.input[..]].concat();
    let x = Tensor::f_from_slice(&voxels)?.f_view(&shape[..])?;
    let mut times = vec![1; shape.len()];
    times[0] = SAMPLES as i64;
    Ok(x.f_repeat(&times[..])?)
}

/// Refuses numbers whose loss, or the sum of a batch of such losses, is beyond float32.
///
/// # Errors
/// [`Code::BadValue`] with the session of the largest number.
fn check_numbers(sides: &Sides, prepared: &Prepared) -> Result<()> {
    /// Losses of smaller numbers are judged by training: its outputs come to be like them.
    const LARGE: f64 = 1e9;
    let rows = sides.split.train.iter().chain(&sides.split.validation);
    let numbers = rows.filter_map(|row| match row.label {
        Label::Number(number) => Some((number, row)),
        _ => None,
    });
    let largest = numbers.max_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs()));
    let Some((number, row)) = largest.filter(|(number, _)| number.abs() > LARGE) else {
        return Ok(());
    };
    let output = Tensor::f_full([1, 1], 0.5, (Kind::Float, Device::Cpu))?;
    let x = output.shallow_clone();
    let pass = Pass { output, latents: Vec::new(), parts: Vec::new() };
    let loss = sides.objective.total(&pass, &x, &[Label::Number(number)])?;
    if loss * (prepared.config.batch_size as f64) < f64::from(f32::MAX) {
        return Ok(());
    }
    let column = prepared.config.label()?;
    let message = format!(
        "the number {number:e} in column {column:?} is too large to be learned: losses are float32, \
         and that of a batch of such numbers would be infinite"
    );
    Err(Error::new(Code::BadValue, message)
        .at(row.session.place(None))
        .help("take another unit, so that the numbers lie near 1, or mend the cell"))
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
