//! A learning rate to train with, found by a short trial in which it rises.

use serde_json::{Map, Value};

use super::config::Config;
use super::evaluate::images;
use super::finite::not_finite;
use super::prepare::{Prepared, prepare_trial};
use super::sampling;
use super::scaler::Scaler;
use super::session::{Event, Session};
use super::sides::Sides;
use super::sweep::{Curve, FoundRates, Sweep};
use crate::data::loader::{Loader, Sample};
use crate::data::split::Label;
use crate::error::{Code, Error, Result};
use crate::network::{Mode, Network};
use crate::optimizer::Optimizer;
use crate::random::derived_seed;
use crate::sampler::Draws;

/// Trains a network of its own for a few weight updates, with a learning rate that rises from update
/// to update, and gives the losses it met with a suggestion (Smith 2017, section 3.3,
/// <https://doi.org/10.1109/WACV.2017.58>, in the form of fastai's `lr_find`).
///
/// `options` are those of [`run`](super::run): the network, its first split, the order of images, the
/// augmentation and the optimiser are those of a training; of several networks it is the first. Learning
/// rate, schedule and warm-up are not looked at, and `output` may be left out: nothing is written.
///
/// # Errors
/// Everything that is wrong with the options and the data; [`Code::LossNotFinite`] where the first
/// loss is; [`Code::Interrupted`].
pub fn find_learning_rate(
    options: &Map<String, Value>,
    sweep: &Sweep,
    session: &Session<'_>,
) -> Result<FoundRates> {
    let mut options = options.clone();
    options.entry("output").or_insert_with(|| "none".into());
    let prepared = prepare_trial(Config::read(&options)?, session)?;
    for warning in &prepared.warnings {
        session.tell(Event::Warning { text: warning.clone() });
    }
    let Some(sides) = prepared.splits.first() else {
        return Err(Error::new(Code::Internal, "there is no split to try learning rates on"));
    };
    let mut trial = Trial::new(&prepared, sides, session)?;
    let mut curve = Curve::default();
    for update in 0..sweep.updates {
        if session.stopped() {
            return Err(Error::new(Code::Interrupted, "stopped while learning rates were tried")
                .help("nothing was written"));
        }
        let rate = sweep.rate(update);
        let goes_on = curve.take(rate, trial.update(rate)?);
        session.tell(Event::Sweeping { done: update + 1, updates: sweep.updates, ended: !goes_on });
        if !goes_on {
            break;
        }
    }
    Ok(curve.judged())
}

/// A training that is not kept.
struct Trial<'a> {
    prepared: &'a Prepared,
    sides: &'a Sides,
    seed: u64,
    network: Network,
    optimizer: Optimizer,
    samples: Vec<(Sample, Label)>,
    draws: Draws,
    scaler: Option<Scaler>,
    /// Epochs begun.
    epochs: usize,
    /// Batches of this epoch that are left, and what loads them.
    batches: std::vec::IntoIter<Vec<(Sample, Label)>>,
    loader: Loader,
    /// Batches and updates done.
    steps: u64,
    updates: usize,
}

impl<'a> Trial<'a> {
    fn new(prepared: &'a Prepared, sides: &'a Sides, session: &Session<'_>) -> Result<Self> {
        let number = prepared.networks().into_iter().next().flatten();
        let network = prepared.network(sides, number, session)?;
        let optimizer = prepared.updates.optimizer(&network)?;
        let samples = prepared.samples_of(&sides.train, number);
        Ok(Self {
            prepared,
            sides,
            seed: prepared.seed(number),
            network,
            optimizer,
            draws: prepared.draws(&samples)?,
            samples,
            scaler: Scaler::of(prepared.config.precision),
            epochs: 0,
            batches: Vec::new().into_iter(),
            loader: Loader::new(prepared.source.clone(), Vec::new(), 0),
            steps: 0,
            updates: 0,
        })
    }

    /// Begins another pass over the images, in an order of its own.
    fn begin_epoch(&mut self) {
        let (config, split) = (&self.prepared.config, self.sides.split.index);
        let key = (self.seed, split, self.epochs);
        let batches = sampling::batches(&self.draws, &self.samples, config.batch_size, key);
        let wanted = batches.iter().map(|batch| batch.iter().map(|(sample, _)| *sample).collect());
        let source = self.prepared.training_source(self.seed, split, self.epochs);
        self.loader = Loader::new(source, wanted.collect(), self.prepared.loader_threads());
        self.batches = batches.into_iter();
        self.epochs += 1;
    }

    /// One weight update, from as many batches as training takes; gives the mean loss before it.
    /// Where that is no number there is no update.
    fn update(&mut self, rate: f64) -> Result<f64> {
        if self.batches.len() == 0 {
            self.begin_epoch();
        }
        let window = self.prepared.config.accumulation_steps;
        let window: Vec<Vec<(Sample, Label)>> = self.batches.by_ref().take(window).collect();
        let samples = window.iter().map(Vec::len).sum::<usize>() as f64;
        let mut total = 0.0;
        for wanted in window {
            let labels: Vec<Label> = wanted.into_iter().map(|(_, label)| label).collect();
            total += self.learn(&labels, samples)?;
        }
        self.updates += 1;
        if total.is_finite() {
            Scaler::step(self.scaler.as_mut(), &mut self.optimizer, rate)?;
        }
        Ok(total / samples)
    }

    /// Adds the gradient of the next batch; gives the sum of its losses.
    fn learn(&mut self, labels: &[Label], samples: f64) -> Result<f64> {
        let Some(batch) = self.loader.next() else {
            return Err(Error::new(Code::Internal, "the loader ended before the epoch"));
        };
        let batch = batch?;
        let seed = derived_seed(self.seed, "sweep", &[self.steps]);
        self.steps += 1;
        // For layers that draw from libtorch's own generator.
        tch::manual_seed(seed as i64);
        let mode = Mode::Training { seed };
        let x = images(&batch, self.network.device())?;
        let pass = self.network.pass(&x, mode)?;
        let sum = self.sides.objective.sum(&pass, &x, labels)?;
        let total = sum.f_double_value(&[])?;
        if !total.is_finite() && self.updates == 0 {
            let data = (&batch, &self.prepared.source);
            let what = format!("the loss is {total} before any weight update");
            return Err(not_finite(&what, &self.network, (&x, mode), data, &self.sides.objective));
        }
        Scaler::scaled(self.scaler.as_ref(), sum.f_div_scalar(samples)?)?.f_backward()?;
        Ok(total)
    }
}
