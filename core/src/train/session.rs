//! What a run is given from outside, and what it tells while it goes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::catalog::Catalog;
use crate::overrides::Replaced;
use crate::transfer::Transfer;

/// A script's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its file, or a name such as `zoo/conv5_fc3` for one within the program.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The names and values that it was called with, where it is the one that runs.
    pub arguments: Vec<(String, String)>,
    /// Its options that were replaced from outside, where it is the one that runs.
    pub replaced: Vec<Replaced>,
}

/// What surrounds a run.
pub struct Session<'a> {
    /// Where names are looked up.
    pub catalog: &'a Catalog,
    /// The scripts that were loaded, the one that runs first; kept with the results.
    pub scripts: &'a [Script],
    /// Set to true to stop after the current step, with everything saved.
    pub stop: &'a AtomicBool,
    /// Told what happens.
    pub events: &'a (dyn Fn(&Event) + Sync),
}

impl Session<'_> {
    pub(crate) fn tell(&self, event: Event) {
        (self.events)(&event);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Something that happened in a run. Epochs and splits count from 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Where the run computes.
    Device {
        /// `CPU (2 threads)`.
        name: String,
    },
    /// Images are decoded and checked.
    Checking {
        /// Images done.
        done: usize,
        /// All images.
        images: usize,
    },
    /// The data are in order.
    Data {
        /// Images in all.
        images: usize,
        /// Their shape.
        shape: [usize; 3],
        /// What a network sees of one.
        mode: String,
        /// Parts per image.
        parts: usize,
    },
    /// Whom the networks are asked about.
    Group {
        /// Its name.
        group: String,
        /// Sessions, of each one image.
        sessions: usize,
        /// Participants.
        participants: usize,
        /// The column that says what is true of them; none where that is not known.
        label: Option<String>,
        /// Sessions of its table that are left out, as was asked for.
        left_out: usize,
    },
    /// The best network of a split is asked about a group.
    Predicting {
        /// The split.
        split: usize,
        /// The metric that the network is the best by.
        selection_metric: String,
    },
    /// What is there already and goes once the new results are complete.
    Replacing {
        /// Files and folders.
        paths: Vec<PathBuf>,
    },
    /// Something that does not stop the run but should be known.
    Warning {
        /// What.
        text: String,
    },
    /// The experiment folder is there, and is written to from now on.
    Opened {
        /// The folder.
        maps: PathBuf,
    },
    /// A split begins.
    SplitStarted {
        /// Its number.
        split: usize,
        /// Training and validation images.
        images: (usize, usize),
        /// The classes, with their numbers of training and validation images.
        classes: Vec<(String, usize, usize)>,
        /// Likewise the cohorts, where there are several.
        cohorts: Vec<(String, usize, usize)>,
    },
    /// A split's network begins with weights from elsewhere.
    Transferred {
        /// The split.
        split: usize,
        /// The file they come from.
        from: PathBuf,
        /// Which tensor went where.
        transfer: Transfer,
    },
    /// A split goes on where its checkpoint stands.
    Resumed {
        /// The split.
        split: usize,
        /// Epochs that are done.
        epoch: usize,
        /// Batches of the next one that are done.
        batch: usize,
    },
    /// An epoch begins.
    EpochStarted {
        /// The epoch.
        epoch: usize,
        /// Epochs at most.
        epochs: usize,
        /// Batches in it.
        steps: usize,
    },
    /// A batch was learned from.
    Step {
        /// Batches done in this epoch.
        step: usize,
        /// Mean loss of the batch.
        loss: f64,
    },
    /// A learning rate was tried.
    Sweeping {
        /// Those that were.
        done: usize,
        /// All of them, at most.
        updates: usize,
        /// Whether the loss diverged, so that no others are.
        ended: bool,
    },
    /// A set is evaluated.
    Evaluating {
        /// `train` or `validation`.
        group: String,
        /// Samples done.
        done: usize,
        /// All samples.
        samples: usize,
    },
    /// Maps of a group's images are made.
    Interpreting {
        /// The group.
        group: String,
        /// Passes of a sample through a network that are done.
        done: u64,
        /// All of them, at most.
        passes: u64,
    },
    /// An epoch ended.
    EpochEnded {
        /// The epoch.
        epoch: usize,
        /// Epochs at most.
        epochs: usize,
        /// Mean loss over the training set, where it was evaluated.
        train_loss: Option<f64>,
        /// Mean loss over the validation set.
        validation_loss: f64,
        /// The metric that tells most about the task, over the validation set.
        headline: Option<(String, f64)>,
        /// Selection metrics that reached their best value.
        best: Vec<String>,
        /// Seconds the epoch took, evaluation included.
        seconds: f64,
    },
    /// One of several networks is trained; how each went is in its own log.
    NetworkTrained {
        /// The split.
        split: usize,
        /// The network, by its part.
        network: usize,
        /// How many are trained.
        trained: usize,
        /// How many there are.
        networks: usize,
    },
    /// Training ended before the last epoch.
    EarlyStop {
        /// The last epoch.
        epoch: usize,
        /// Epochs without a better loss.
        patience: usize,
    },
    /// All is written.
    Finished {
        /// The experiment folder.
        maps: PathBuf,
    },
}
