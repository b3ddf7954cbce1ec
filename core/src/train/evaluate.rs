//! What a network says about a set, and how right it is.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::finite::not_finite;
use super::objective::Objective;
use super::session::{Event, Session};
use crate::catalog::Catalog;
use crate::data::loader::{Batch, Loader, Sample, Source};
use crate::error::{Code, Error, Result};
use crate::metric::{
    Confusion, Interval, Measure, Metric, RESAMPLES, Rows, bootstrap, bootstrap_rows,
};
use crate::network::{Mode, Network, channels_last};
use crate::task::Task;
use crate::vote::winner;

/// The predictions for a set, one row per sample, in the set's order.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    pub(crate) rows: Vec<Row>,
    pub(crate) classes: usize,
    /// Mean loss over the rows; `None` for scores that come from a vote.
    pub(crate) loss: Option<f64>,
}

/// One prediction.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) sample: Sample,
    pub(crate) truth: usize,
    pub(crate) predicted: usize,
    pub(crate) probabilities: Vec<f64>,
}

/// A metric's value over a set.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    pub(crate) interval: Option<Interval>,
}

/// The predictions in columns, as metrics read them.
struct Columns {
    classes: usize,
    truth: Vec<usize>,
    predicted: Vec<usize>,
    scores: Vec<f64>,
    confusion: Confusion,
}

impl Columns {
    fn rows(&self) -> Rows<'_> {
        let Self { classes, truth, predicted, scores, .. } = self;
        Rows { classes: *classes, truth, predicted, scores }
    }
}

impl Evaluation {
    fn columns(&self) -> Result<Columns> {
        let truth: Vec<usize> = self.rows.iter().map(|row| row.truth).collect();
        let predicted: Vec<usize> = self.rows.iter().map(|row| row.predicted).collect();
        let scores = self.rows.iter().flat_map(|row| row.probabilities.iter().copied()).collect();
        let confusion = Confusion::new(&truth, &predicted, self.classes)?;
        Ok(Columns { classes: self.classes, truth, predicted, scores, confusion })
    }

    /// All metrics of the catalog, in its order, then the loss.
    pub(crate) fn scores(&self, catalog: &Catalog) -> Result<Vec<Score>> {
        self.scores_of(&self.columns()?, catalog)
    }

    fn scores_of(&self, columns: &Columns, catalog: &Catalog) -> Result<Vec<Score>> {
        let mut scores = Vec::new();
        for entry in catalog.metrics.iter() {
            let value = entry.value(&columns.rows(), &columns.confusion)?;
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
        let catalog = session.catalog;
        let columns = self.columns()?;
        let of_classes =
            catalog.metrics.iter().filter_map(|entry| match entry.measure(Task::Classification) {
                Some(Measure::Classes(metric)) => Some(metric.as_ref()),
                _ => None,
            });
        let of_classes: Vec<&dyn Metric> = of_classes.collect();
        let mut drawn = bootstrap(&columns.confusion, &of_classes, RESAMPLES, seed).into_iter();
        let mut scores = self.scores_of(&columns, catalog)?;
        for (score, entry) in scores.iter_mut().zip(catalog.metrics.iter()) {
            score.interval = match entry.measure(Task::Classification) {
                Some(Measure::Classes(_)) => drawn.next().flatten(),
                Some(Measure::Rows(metric)) => {
                    bootstrap_rows(&columns.rows(), metric.as_ref(), RESAMPLES, seed, || {
                        session.stopped()
                    })?
                }
                _ => None,
            };
        }
        Ok(scores)
    }

    /// One metric.
    pub(crate) fn value(&self, catalog: &Catalog, metric: &str) -> Result<Option<f64>> {
        let Some(entry) = catalog.metrics.find(metric) else { return Ok(None) };
        let columns = self.columns()?;
        entry.value(&columns.rows(), &columns.confusion)
    }

    /// The rows of one part, as an evaluation of its own.
    pub(crate) fn of_part(&self, part: usize) -> Self {
        let rows = self.rows.iter().filter(|row| row.sample.part == part).cloned().collect();
        Self { rows, classes: self.classes, loss: None }
    }
}

/// The images of a batch `[batch, channel, …]` on `device`, channels side by side in memory.
pub(crate) fn images(batch: &Batch, device: Device) -> Result<Tensor> {
    let mut size = vec![batch.samples.len() as i64];
    size.extend(&batch.shape);
    let x = Tensor::f_from_slice(&batch.voxels)?.f_view(&size[..])?;
    channels_last(&x.f_to_device(device)?)
}

/// How sets are evaluated in a run.
pub(crate) struct Evaluator<'a> {
    pub(crate) objective: &'a Objective,
    pub(crate) source: &'a Source,
    pub(crate) batch_size: usize,
    pub(crate) threads: usize,
    pub(crate) session: &'a Session<'a>,
}

impl Evaluator<'_> {
    /// Shows every sample to the network once, in evaluation mode and without gradients.
    pub(crate) fn run(
        &self,
        network: &Network,
        samples: &[(Sample, usize)],
        group: &str,
    ) -> Result<Evaluation> {
        let _no_grad = no_grad_guard();
        let batches = samples
            .chunks(self.batch_size)
            .map(|chunk| chunk.iter().map(|(sample, _)| *sample).collect())
            .collect();
        let mut truths = samples.iter().map(|(_, class)| *class);
        let mut rows = Vec::with_capacity(samples.len());
        let (mut total, mut classes) = (0.0, 0);
        for batch in Loader::new(self.source.clone(), batches, self.threads) {
            if self.session.stopped() {
                return Err(Error::new(Code::Interrupted, "stopped during an evaluation"));
            }
            let batch = batch?;
            let x = images(&batch, network.device())?;
            let logits = network.forward(&x, Mode::Evaluation)?;
            let first = rows.len();
            let codes: Vec<i64> = samples[first..first + batch.samples.len()]
                .iter()
                .map(|(_, class)| *class as i64)
                .collect();
            total += self.objective.total(&logits, &codes)?;
            let logits = logits.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?.f_contiguous()?;
            classes = logits.size().get(1).map_or(0, |n| *n as usize);
            let mut values = vec![0f32; logits.numel()];
            logits.f_copy_data(&mut values, logits.numel())?;
            // A prediction made of such numbers would count as the first class.
            if !total.is_finite() || values.iter().any(|value| !value.is_finite()) {
                let what = format!("outputs or losses of the {group} set are NaN or infinite");
                let (pass, data) = ((&x, Mode::Evaluation), (&batch, self.source));
                return Err(not_finite(&what, network, pass, data, self.objective));
            }
            let pairs = batch.samples.iter().zip(values.chunks_exact(classes.max(1)));
            for ((sample, logits), truth) in pairs.zip(truths.by_ref()) {
                let probabilities = softmax(logits);
                let predicted = winner(&probabilities);
                rows.push(Row { sample: *sample, truth, predicted, probabilities });
            }
            let group = group.to_owned();
            self.session.tell(Event::Evaluating {
                group,
                done: rows.len(),
                samples: samples.len(),
            });
        }
        let loss = Some(total / rows.len() as f64);
        Ok(Evaluation { rows, classes, loss })
    }
}

fn log_sum(logits: &[f32]) -> (f64, f64) {
    let largest = logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    (largest, sum.ln())
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let (largest, log_sum) = log_sum(logits);
    logits.iter().map(|logit| (f64::from(*logit) - largest - log_sum).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.special.softmax([1, 2, 3])`; large logits must not overflow.
    #[test]
    fn probabilities_are_softmax() {
        let expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218];
        for (p, e) in softmax(&[1.0, 2.0, 3.0]).iter().zip(expected) {
            assert!((p - e).abs() < 1e-15);
        }
        assert_eq!(softmax(&[1e30, 0.0]), [1.0, 0.0]);
    }
}
