//! How right predictions are: the metrics of the catalog over an evaluation.

use serde::{Deserialize, Serialize};

use super::evaluate::Evaluation;
use super::session::Session;
use crate::catalog::{Catalog, MetricEntry};
use crate::error::Result;
use crate::metric::{
    Confusion, Interval, Measure, Metric, RESAMPLES, RowMetric, Rows, Weighed, bootstrap,
    bootstrap_rows, bootstrap_weighed, mean_of,
};
use crate::task::Task;

/// A metric's value over a set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Score {
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    pub(crate) interval: Option<Interval>,
}

/// The predictions in columns, as metrics read them.
struct Columns {
    task: Task,
    classes: usize,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    scores: Vec<f64>,
    confusion: Option<Confusion>,
    /// True and predicted numbers.
    numbers: (Vec<f64>, Vec<f64>),
    /// The values of each metric of reconstructions.
    images: Vec<Vec<f64>>,
}

impl Columns {
    fn of(evaluation: &Evaluation) -> Result<Self> {
        let rows = &evaluation.rows;
        let mut columns = Self {
            task: evaluation.task,
            classes: evaluation.outputs,
            truth: Vec::new(),
            predicted: Vec::new(),
            scores: Vec::new(),
            confusion: None,
            numbers: (Vec::new(), Vec::new()),
            images: Vec::new(),
        };
        match evaluation.task {
            Task::Classification => {
                columns.truth = rows.iter().map(|row| row.class()).collect();
                columns.predicted = rows.iter().map(|row| row.winner()).collect();
                columns.scores = rows.iter().flat_map(|row| row.values.iter().copied()).collect();
                let (truth, predicted) = (&columns.truth, &columns.predicted);
                columns.confusion = Some(Confusion::new(truth, predicted, evaluation.outputs)?);
            }
            Task::Regression => {
                columns.numbers = rows.iter().map(|row| (row.number(), row.values[0])).unzip();
            }
            Task::Reconstruction => {
                let column = |metric| rows.iter().map(|row| row.values[metric]).collect();
                columns.images = (0..evaluation.outputs).map(column).collect();
            }
        }
        Ok(columns)
    }

    fn rows(&self) -> Rows<'_> {
        let Self { classes, truth, predicted, scores, .. } = self;
        Rows { classes: *classes, truth, predicted, scores }
    }

    /// The values of a metric that judges reconstructions image by image.
    fn of_images(&self, catalog: &Catalog, name: &str) -> Option<&[f64]> {
        let at = judges(catalog, Task::Reconstruction).position(|entry| entry.info.name == name)?;
        self.images.get(at).map(Vec::as_slice)
    }

    fn value(&self, entry: &MetricEntry, catalog: &Catalog) -> Result<Option<f64>> {
        match (self.task, &self.confusion) {
            (Task::Classification, Some(confusion)) => entry.value(&self.rows(), confusion),
            (Task::Regression, _) => Ok(entry.value_of_numbers(&self.numbers.0, &self.numbers.1)),
            _ => {
                let values = self.of_images(catalog, &entry.info.name);
                Ok(values.and_then(|values| mean_of(values)(&vec![1; values.len()])))
            }
        }
    }

    /// The metric, ready for many resamples, where it is computed from rows by us.
    fn weighed<'a>(&'a self, entry: &MetricEntry, catalog: &Catalog) -> Option<Weighed<'a>> {
        match entry.measure(self.task)? {
            Measure::Scores(metric) => Some(metric.weighed(&self.rows())),
            Measure::Numbers(metric) => Some(metric.weighed(&self.numbers.0, &self.numbers.1)),
            Measure::Images(_) => self.of_images(catalog, &entry.info.name).map(mean_of),
            Measure::Classes(_) | Measure::Rows(_) => None,
        }
    }
}

/// The metrics that judge a task, in the catalog's order.
pub(crate) fn judges(catalog: &Catalog, task: Task) -> impl Iterator<Item = &MetricEntry> {
    catalog.metrics.iter().map(|entry| &**entry).filter(move |entry| entry.measure(task).is_some())
}

impl Evaluation {
    /// All metrics of the task, in the catalog's order, then the loss.
    pub(crate) fn scores(&self, catalog: &Catalog) -> Result<Vec<Score>> {
        self.scores_of(&Columns::of(self)?, catalog)
    }

    fn scores_of(&self, columns: &Columns, catalog: &Catalog) -> Result<Vec<Score>> {
        let mut scores = Vec::new();
        for entry in judges(catalog, self.task) {
            let value = columns.value(entry, catalog)?;
            scores.push(Score { name: entry.info.name.clone(), value, interval: None });
        }
        if self.loss.is_some() {
            scores.push(Score { name: "loss".into(), value: self.loss, interval: None });
        }
        Ok(scores)
    }

    /// As [`Evaluation::scores`], with bootstrap intervals for the metrics.
    pub(crate) fn scores_with_intervals(
        &self,
        session: &Session<'_>,
        seed: u64,
    ) -> Result<Vec<Score>> {
        let (catalog, columns) = (session.catalog, Columns::of(self)?);
        let mut scores = self.scores_of(&columns, catalog)?;
        let stopped = || session.stopped();
        let of_classes: Vec<&dyn Metric> =
            judges(catalog, self.task).filter_map(|entry| of_classes(entry, self.task)).collect();
        let mut by_classes = match &columns.confusion {
            Some(confusion) => bootstrap(confusion, &of_classes, RESAMPLES, seed),
            None => Vec::new(),
        }
        .into_iter();
        let ready: Vec<Weighed<'_>> =
            judges(catalog, self.task).filter_map(|e| columns.weighed(e, catalog)).collect();
        let rows = self.rows.len();
        let mut by_rows = bootstrap_weighed(rows, &ready, RESAMPLES, seed, &stopped)?.into_iter();
        for (score, entry) in scores.iter_mut().zip(judges(catalog, self.task)) {
            score.interval = match entry.measure(self.task) {
                Some(Measure::Classes(_)) => by_classes.next().flatten(),
                Some(Measure::Rows(metric)) => {
                    let metric: &dyn RowMetric = metric.as_ref();
                    bootstrap_rows(&columns.rows(), metric, RESAMPLES, seed, stopped)?
                }
                _ => by_rows.next().flatten(),
            };
        }
        Ok(scores)
    }

    /// One metric.
    pub(crate) fn value(&self, catalog: &Catalog, metric: &str) -> Result<Option<f64>> {
        let Some(entry) = catalog.metrics.find(metric) else { return Ok(None) };
        Columns::of(self)?.value(entry, catalog)
    }
}

fn of_classes(entry: &MetricEntry, task: Task) -> Option<&dyn Metric> {
    match entry.measure(task)? {
        Measure::Classes(metric) => Some(metric.as_ref()),
        _ => None,
    }
}
