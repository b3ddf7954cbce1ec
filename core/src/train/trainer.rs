//! The loop: batches, weight updates, evaluations, the best models.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::accumulation::Window;
use super::due::Due;
use super::evaluate::{Evaluation, images};
use super::fingerprint::{Fingerprints, of_order};
use super::finite::not_finite;
use super::prepare::Prepared;
use super::sampling;
use super::scaler::Scaler;
use super::session::{Event, Session};
use super::sides::Sides;
use super::stopping::{Best, EarlyStopping};
use crate::data::loader::{Batch, Loader, Sample};
use crate::data::split::Label;
use crate::error::{Code, Error, Place, Result};
use crate::maps::{Maps, TrainingLog, TrainingRow};
use crate::metric::Direction;
use crate::network::{Mode, Network, load_checkpoint, save_checkpoint};
use crate::optimizer::Optimizer;
use crate::random::derived_seed;
use crate::sampler::Draws;
use crate::schedule::Standing;

/// The state of a split that is being trained.
pub(crate) struct Trainer<'a> {
    prepared: &'a Prepared,
    session: &'a Session<'a>,
    maps: &'a Maps,
    sides: &'a Sides,
    /// Its number, where there is a network for each part.
    number: Option<usize>,
    seed: u64,
    train: Vec<(Sample, Label)>,
    draws: Draws,
    validation: Vec<(Sample, Label)>,
    pub(crate) network: Network,
    optimizer: Optimizer,
    progress: Progress,
    log: TrainingLog,
    due: Due,
    /// The evaluations of the best model of each selection metric.
    pub(crate) best: Vec<Option<Rc<Evaluations>>>,
}

/// The evaluations at one point of training.
pub(crate) struct Evaluations {
    pub(crate) train: Option<Evaluation>,
    pub(crate) validation: Evaluation,
}

/// Where training stands; written into the checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    epoch: usize,
    /// Batches done in this epoch.
    batch: usize,
    /// That of the last weight update.
    learning_rate: f64,
    stopping: EarlyStopping,
    /// Whether early stopping has ended it.
    stopped: bool,
    best: Vec<Best>,
    /// The training log so far.
    rows: Vec<TrainingRow>,
    /// The scale of losses, where gradients need one.
    #[serde(default)]
    scaler: Option<Scaler>,
    /// Older checkpoints have none.
    #[serde(default)]
    fingerprints: Fingerprints,
}

impl<'a> Trainer<'a> {
    pub(crate) fn new(
        prepared: &'a Prepared,
        sides: &'a Sides,
        number: Option<usize>,
        maps: &'a Maps,
        session: &'a Session<'a>,
    ) -> Result<Self> {
        let config = &prepared.config;
        let network = prepared.network(sides, number, session)?;
        let optimizer = prepared.updates.optimizer(&network)?;
        let fingerprints = Fingerprints::begin(&network)?;
        let direction = |name: &str| match session.catalog.metrics.find(name) {
            Some(entry) => entry.info.direction,
            None => Direction::Lower,
        };
        let train = prepared.samples_of(&sides.train, number);
        let best: Vec<Best> =
            config.selection_metrics.iter().map(|name| Best::new(name, direction(name))).collect();
        Ok(Self {
            prepared,
            session,
            maps,
            sides,
            number,
            seed: prepared.seed(number),
            draws: prepared.draws(&train)?,
            train,
            validation: prepared.samples_of(&sides.validation, number),
            network,
            optimizer,
            log: maps.training_log(sides.split.index, number),
            due: Due::every(config.checkpoint_minutes),
            best: best.iter().map(|_| None).collect(),
            progress: Progress {
                epoch: 0,
                batch: 0,
                learning_rate: config.learning_rate,
                stopping: EarlyStopping::new(config.patience, config.tolerance),
                stopped: false,
                best,
                rows: Vec::new(),
                scaler: Scaler::of(config.precision),
                fingerprints,
            },
        })
    }

    /// Trains to the end, or until early stopping or an interruption.
    ///
    /// # Errors
    /// [`Code::Interrupted`] with everything saved, [`Code::LossNotFinite`], and what the disk,
    /// the images and libtorch say.
    pub(crate) fn run(&mut self) -> Result<()> {
        let config = &self.prepared.config;
        self.log.begin(&self.progress.rows)?;
        while self.progress.epoch < config.epochs && !self.progress.stopped {
            let start = Instant::now();
            let (epoch, epochs) = (self.progress.epoch, config.epochs);
            let key = (self.seed, self.split(), epoch);
            let batches = sampling::batches(&self.draws, &self.train, config.batch_size, key);
            let steps = batches.len();
            self.session.tell(Event::EpochStarted { epoch, epochs, steps });
            let order = of_order(&batches, &self.prepared.source);
            self.epoch(batches)?;
            let evaluations = self.evaluate().map_err(|e| self.interrupted(e))?;
            let improved = self.select(evaluations.clone())?;
            let validation_loss = evaluations.validation.loss.unwrap_or(f64::NAN);
            self.progress.epoch += 1;
            self.progress.batch = 0;
            self.progress.stopped = self.progress.stopping.stops_after(validation_loss);
            self.keep_fingerprint(epoch, order)?;
            self.save_checkpoint()?;
            self.due.restart();
            self.session.tell(Event::EpochEnded {
                epoch,
                epochs,
                train_loss: evaluations.train.as_ref().and_then(|train| train.loss),
                validation_loss,
                headline: self.headline(),
                best: improved,
                seconds: start.elapsed().as_secs_f64(),
            });
            if self.progress.stopped && epoch + 1 < epochs {
                self.session.tell(Event::EarlyStop { epoch, patience: config.patience });
            }
        }
        Ok(())
    }

    /// Notes what an epoch did, and writes all such notes.
    fn keep_fingerprint(&mut self, epoch: usize, order: String) -> Result<()> {
        let source = self.prepared.training_source(self.seed, self.split(), epoch);
        let fingerprints = &mut self.progress.fingerprints;
        fingerprints.add(epoch, order, &source, &self.network)?;
        self.maps.write_fingerprints(self.sides.split.index, self.number, fingerprints.rows())
    }

    /// The batches of an epoch that are still to be done.
    fn epoch(&mut self, batches: Vec<Vec<(Sample, Label)>>) -> Result<()> {
        let config = &self.prepared.config;
        let done = self.progress.batch;
        let mut updates = done.div_ceil(config.accumulation_steps);
        self.evaluate_within(updates, done == batches.len())?;
        let left = batches.iter().skip(done);
        let samples: Vec<Vec<Sample>> =
            left.map(|batch| batch.iter().map(|(sample, _)| *sample).collect()).collect();
        let source = self.prepared.training_source(self.seed, self.split(), self.progress.epoch);
        if config.log_augmentation {
            // All at once, and again in the same way when the epoch is gone on with.
            let all = batches.iter().flatten().map(|(sample, _)| *sample);
            let (split, epoch) = (self.split(), self.progress.epoch);
            self.maps.write_augmentation(split, self.number, epoch, &source, all)?;
        }
        let loader = Loader::new(source, samples, self.prepared.loader_threads());
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        for (i, batch) in (done..).zip(loader) {
            let batch = batch?;
            let window = Window::of(i, &sizes, config.accumulation_steps);
            let labels: Vec<Label> = batches[i].iter().map(|(_, label)| *label).collect();
            let loss = self.learn(&batch, &labels, i, window.samples)?;
            self.session.tell(Event::Step { step: i + 1, loss });
            if i != window.last {
                continue;
            }
            let all = batches.len().div_ceil(config.accumulation_steps);
            self.progress.learning_rate = self.learning_rate(updates, all)?;
            let rate = self.progress.learning_rate;
            let stepped = Scaler::step(self.progress.scaler.as_mut(), &mut self.optimizer, rate);
            let epoch = self.progress.epoch + 1;
            stepped.map_err(|e| e.because(format!("in epoch {epoch}, batch {}", i + 1)))?;
            self.progress.batch = i + 1;
            updates += 1;
            if self.session.stopped() {
                return Err(self.interrupted(Error::new(Code::Interrupted, "stopped after a step")));
            }
            if self.due.now() {
                self.save_checkpoint()?;
                self.due.restart();
            }
            self.evaluate_within(updates, i + 1 == batches.len())?;
        }
        Ok(())
    }

    /// The learning rate of the next weight update, the `update`-th of `all` in this epoch, from 0.
    fn learning_rate(&self, update: usize, all: usize) -> Result<f64> {
        let Progress { epoch, rows, .. } = &self.progress;
        let ends = (0..*epoch).map(|epoch| rows.iter().rev().find(|row| row.epoch == epoch));
        let losses: Vec<f64> = ends
            .map(|row| row.and_then(|row| row.validation_score("loss")).unwrap_or(f64::NAN))
            .collect();
        self.prepared.updates.schedule.rate(Standing {
            epoch: *epoch,
            update,
            updates_per_epoch: all,
            epochs: self.prepared.config.epochs,
            losses: &losses,
        })
    }

    /// Evaluates after so many weight updates of the epoch, where that is asked for and not done yet;
    /// at the epoch's end that is done anyway.
    fn evaluate_within(&mut self, updates: usize, last: bool) -> Result<()> {
        let every = self.prepared.config.evaluation_steps;
        let (epoch, batch) = (self.progress.epoch, self.progress.batch);
        let row = self.progress.rows.last();
        let done = row.is_some_and(|row| (row.epoch, row.iteration) == (epoch, batch));
        if every > 0 && updates > 0 && updates.is_multiple_of(every) && !last && !done {
            self.evaluate().map_err(|error| self.interrupted(error))?;
        }
        Ok(())
    }

    /// Adds a batch's gradient, weighed so that each of the window's `samples` counts once; gives
    /// the batch's mean loss.
    pub(super) fn learn(
        &mut self,
        batch: &Batch,
        labels: &[Label],
        i: usize,
        samples: usize,
    ) -> Result<f64> {
        let keys = [self.split() as u64, self.progress.epoch as u64, i as u64];
        let mode = self.mode(&keys);
        let device = self.network.device();
        let x = images(batch, device)?;
        let pass = self.network.pass(&x, mode)?;
        let objective = &self.sides.objective;
        let sum = objective.sum(&pass, &x, labels)?;
        let loss = sum.f_double_value(&[])? / labels.len() as f64;
        if !loss.is_finite() {
            let epoch = self.progress.epoch + 1;
            let what = format!("the loss is {loss} in epoch {epoch}, batch {}", i + 1);
            let (pass, data) = ((&x, self.mode(&keys)), (batch, &self.prepared.source));
            return Err(not_finite(&what, &self.network, pass, data, objective));
        }
        let share = sum.f_div_scalar(samples as f64)?;
        Scaler::scaled(self.progress.scaler.as_ref(), share)?.f_backward()?;
        if self.progress.epoch == 0 && i == 0 {
            self.warn_of_idle_weights();
        }
        Ok(loss)
    }

    /// Weights that the loss does not depend on stay as they are, which is rarely meant.
    fn warn_of_idle_weights(&self) {
        let learns = |tensor: &Tensor| tensor.f_grad().is_ok_and(|grad| grad.defined());
        let idle = self.network.trainable().filter(|(_, tensor)| !learns(tensor));
        let idle: Vec<&str> = idle.map(|(param, _)| param.name.as_str()).collect();
        if !idle.is_empty() {
            let text = format!(
                "the loss does not depend on {}, which will stay as they are: a layer after them may have \
                 left the record of operations",
                idle.join(", ")
            );
            self.session.tell(Event::Warning { text });
        }
    }

    /// The random choices of a step, those of layers that draw from libtorch's own generator included.
    fn mode(&self, keys: &[u64; 3]) -> Mode {
        let seed = derived_seed(self.seed, "step", keys);
        tch::manual_seed(seed as i64);
        Mode::Training { seed }
    }

    /// Evaluates both sets, or the validation set alone where that was asked for, and writes a row.
    fn evaluate(&mut self) -> Result<Rc<Evaluations>> {
        let config = &self.prepared.config;
        let evaluator = self.prepared.evaluator(self.sides, self.session);
        let run = |samples, group| evaluator.run(&self.network, samples, group);
        let train = match config.evaluate_train {
            true => Some(run(&self.train, "train")?),
            false => None,
        };
        let validation = run(&self.validation, "validation")?;
        let catalog = self.session.catalog;
        self.progress.rows.push(TrainingRow {
            epoch: self.progress.epoch,
            iteration: self.progress.batch,
            train: train.as_ref().map(|train| train.scores(catalog)).transpose()?,
            validation: validation.scores(catalog)?,
            learning_rate: self.progress.learning_rate,
        });
        self.log.write(&self.progress.rows)?;
        Ok(Rc::new(Evaluations { train, validation }))
    }

    fn split(&self) -> usize {
        self.sides.split.index
    }

    /// The metric that tells a person most, over the validation set.
    fn headline(&self) -> Option<(String, f64)> {
        let metric = self.prepared.config.task.headline();
        Some((metric.to_owned(), self.validation_score(metric)?))
    }

    /// A metric of the validation set, or its loss, in the last evaluation.
    fn validation_score(&self, name: &str) -> Option<f64> {
        self.progress.rows.last()?.validation_score(name)
    }

    /// Keeps the model for every metric that is strictly better than ever; gives their names.
    fn select(&mut self, evaluations: Rc<Evaluations>) -> Result<Vec<String>> {
        let mut improved = Vec::new();
        for i in 0..self.progress.best.len() {
            let name = self.progress.best[i].metric.clone();
            let value = self.validation_score(&name);
            if self.progress.best[i].improves(value, self.progress.epoch) {
                self.network.save(&self.maps.best_model(self.split(), &name, self.number))?;
                self.best[i] = Some(Rc::clone(&evaluations));
                improved.push(name);
            }
        }
        Ok(improved)
    }

    /// The training set's evaluation by the model that the network now holds.
    pub(crate) fn evaluate_train(&self) -> Result<Evaluation> {
        self.prepared.evaluator(self.sides, self.session).run(&self.network, &self.train, "train")
    }

    /// Loads the best model of a metric into the network.
    pub(crate) fn load_best(&mut self, file: &Path) -> Result<()> {
        self.network.load(file)
    }

    /// Saves where training stands if `error` is an interruption.
    fn interrupted(&self, error: Error) -> Error {
        if error.code() != Code::Interrupted {
            return error;
        }
        match self.save_checkpoint() {
            Ok(()) => {
                error.help(format!("everything so far is saved in {}", self.maps.root().display()))
            }
            Err(failed) => failed,
        }
    }

    /// Goes on where a checkpoint stands.
    ///
    /// # Errors
    /// A damaged checkpoint, or one of another training.
    pub(crate) fn resume(&mut self, file: &Path) -> Result<()> {
        let here = |error: Error| error.at(Place::File(file.into()));
        let (optimizer, progress) = load_checkpoint(file, &mut self.network)?;
        self.optimizer.load_state(&optimizer).map_err(here)?;
        let progress: Progress = serde_json::from_str(&progress).map_err(|error| {
            here(Error::new(Code::BadMaps, "the checkpoint is damaged").because(error))
        })?;
        let names = |progress: &Progress| -> Vec<String> {
            progress.best.iter().map(|best| best.metric.clone()).collect()
        };
        if names(&progress) != names(&self.progress) {
            let message = "the checkpoint keeps models by other metrics than the options ask for";
            return Err(here(Error::new(Code::BadMaps, message)));
        }
        self.progress = progress;
        Ok(())
    }

    /// Epochs and, of the next one, batches that are done.
    pub(crate) fn done(&self) -> (usize, usize) {
        (self.progress.epoch, self.progress.batch)
    }

    /// Whether a model was ever kept for a metric.
    pub(crate) fn has_best(&self, i: usize) -> bool {
        self.progress.best[i].record.is_some()
    }

    /// The validation set's evaluation by the model that the network now holds.
    pub(crate) fn evaluate_validation(&self) -> Result<Evaluation> {
        let evaluator = self.prepared.evaluator(self.sides, self.session);
        evaluator.run(&self.network, &self.validation, "validation")
    }

    fn save_checkpoint(&self) -> Result<()> {
        let progress = serde_json::to_string(&self.progress)
            .map_err(|e| Error::new(Code::Internal, "cannot write the progress").because(e))?;
        let file = self.maps.checkpoint(self.split(), self.number);
        save_checkpoint(&file, &self.network, &self.optimizer.state()?, &progress)
    }
}
