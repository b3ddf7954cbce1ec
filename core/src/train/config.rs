//! The options of a run in the form the trainer reads.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::data;
use crate::data::split::check_label;
use crate::error::{Problems, Result};
use crate::network::Precision;
use crate::options::Options;
use crate::task::Task;

/// The checked options of `train` and of its `data`.
pub(crate) struct Config {
    pub(crate) train: Options,
    pub(crate) data: Options,
    pub(crate) task: Task,
    pub(crate) output: PathBuf,
    pub(crate) multi_network: bool,
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) accumulation_steps: usize,
    pub(crate) evaluation_steps: usize,
    pub(crate) evaluate_train: bool,
    pub(crate) learning_rate: f64,
    pub(crate) weight_decay: f64,
    pub(crate) patience: usize,
    pub(crate) tolerance: f64,
    pub(crate) selection_metrics: Vec<String>,
    pub(crate) checkpoint_minutes: f64,
    pub(crate) log_augmentation: bool,
    pub(crate) seed: u64,
    pub(crate) precision: Precision,
    pub(crate) loader_threads: usize,
}

impl Config {
    /// Checks all options at once, those of the data included.
    pub(crate) fn read(given: &Map<String, Value>) -> Result<Self> {
        let mut problems = Problems::default();
        let train = problems.take(Options::check(&super::options(), given, "train"));
        // The data's options are judged even where the others are wrong.
        let data = given.get("data").and_then(Value::as_object);
        let data = data
            .and_then(|data| problems.take(Options::check(&data::options::specs(), data, "data")));
        problems.into_result()?;
        let (Some(train), Some(data)) = (train, data) else {
            return Err(crate::Error::new(crate::Code::BadOption, "data must be a map"));
        };
        let count = |name| train.int(name).map(|n| n as usize);
        let loader_threads = match train.has("loader_threads") {
            true => count("loader_threads")?,
            false => cores().min(4),
        };
        let config = Self {
            task: Task::named(train.text("task")?).unwrap_or(Task::Classification),
            multi_network: train.flag("multi_network")?,
            output: train.text("output")?.into(),
            epochs: count("epochs")?,
            batch_size: count("batch_size")?,
            accumulation_steps: count("accumulation_steps")?,
            evaluation_steps: count("evaluation_steps")?,
            evaluate_train: train.text("evaluate_train")? == "always",
            learning_rate: train.float("learning_rate")?,
            weight_decay: train.float("weight_decay")?,
            patience: count("patience")?,
            tolerance: train.float("tolerance")?,
            selection_metrics: train.texts("selection_metrics")?,
            checkpoint_minutes: train.float("checkpoint_minutes")?,
            log_augmentation: train.flag("log_augmentation")?,
            seed: train.int("seed")? as u64,
            precision: Precision::named(train.text("precision")?).unwrap_or_default(),
            loader_threads,
            train,
            data,
        };
        check_label(config.label()?)?;
        Ok(config)
    }

    /// A text option whose default depends on the task.
    fn text_or(&self, name: &str, [classes, number, image]: [&'static str; 3]) -> Result<&str> {
        if self.train.has(name) {
            return self.train.text(name);
        }
        Ok(match self.task {
            Task::Classification => classes,
            Task::Regression => number,
            Task::Reconstruction => image,
        })
    }

    /// The column that is learned.
    pub(crate) fn label(&self) -> Result<&str> {
        self.text_or("label", ["diagnosis", "age", "diagnosis"])
    }

    pub(crate) fn architecture(&self) -> Result<&str> {
        self.text_or("architecture", ["Conv5_FC3", "Conv5_FC3", "AE_Conv5_FC3"])
    }

    pub(crate) fn loss(&self) -> Result<&str> {
        self.text_or("loss", ["CrossEntropyLoss", "MSELoss", "MSELoss"])
    }

    pub(crate) fn vote_weights(&self) -> Result<&str> {
        self.text_or("vote_weights", ["balanced_accuracy", "uniform", "uniform"])
    }
}

/// Processors this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
