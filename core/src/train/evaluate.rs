//! What a network says about a set, and how right it is.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::session::{Event, Session};
use crate::catalog::{Catalog, MetricEntry};
use crate::data::loader::{Batch, Loader, Sample, Source};
use crate::error::{Code, Error, Result};
use crate::metric::{Confusion, Interval, Metric, RESAMPLES, bootstrap};
use crate::network::{Mode, Network, channels_last};
use crate::vote::winner;

/// The predictions for a set, one row per sample, in the set's order.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    pub(crate) rows: Vec<Row>,
    pub(crate) classes: usize,
    /// Mean cross-entropy over the rows; `None` for scores that come from a vote.
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

impl Evaluation {
    fn confusion(&self) -> Result<Confusion> {
        let truth: Vec<usize> = self.rows.iter().map(|row| row.truth).collect();
        let predicted: Vec<usize> = self.rows.iter().map(|row| row.predicted).collect();
        Confusion::new(&truth, &predicted, self.classes)
    }

    /// All metrics of the catalog, in its order, then the loss.
    pub(crate) fn scores(&self, catalog: &Catalog) -> Result<Vec<Score>> {
        let confusion = self.confusion()?;
        let value = |entry: &MetricEntry| entry.metric.value(&confusion);
        let mut scores: Vec<Score> = catalog
            .metrics
            .iter()
            .map(|entry| Score {
                name: entry.info.name.clone(),
                value: value(entry),
                interval: None,
            })
            .collect();
        if self.loss.is_some() {
            scores.push(Score { name: "loss".into(), value: self.loss, interval: None });
        }
        Ok(scores)
    }

    /// As [`Evaluation::scores`], with bootstrap intervals for the metrics.
    pub(crate) fn scores_with_intervals(&self, catalog: &Catalog, seed: u64) -> Result<Vec<Score>> {
        let metrics: Vec<&dyn Metric> =
            catalog.metrics.iter().map(|entry| entry.metric.as_ref()).collect();
        let intervals = bootstrap(&self.confusion()?, &metrics, RESAMPLES, seed);
        let mut scores = self.scores(catalog)?;
        for (score, interval) in scores.iter_mut().zip(intervals) {
            score.interval = interval;
        }
        Ok(scores)
    }

    /// One metric, or the loss.
    pub(crate) fn value(&self, catalog: &Catalog, metric: &str) -> Result<Option<f64>> {
        Ok(match catalog.metrics.find(metric) {
            Some(entry) => entry.metric.value(&self.confusion()?),
            None => self.loss,
        })
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

/// Shows every sample to the network once, in evaluation mode and without gradients.
pub(crate) fn evaluate(
    network: &Network,
    source: &Source,
    samples: &[(Sample, usize)],
    batch_size: usize,
    threads: usize,
    group: &str,
    session: &Session<'_>,
) -> Result<Evaluation> {
    let _no_grad = no_grad_guard();
    let batches = samples
        .chunks(batch_size)
        .map(|chunk| chunk.iter().map(|(sample, _)| *sample).collect())
        .collect();
    let mut truths = samples.iter().map(|(_, class)| *class);
    let mut rows = Vec::with_capacity(samples.len());
    let (mut total, mut classes) = (0.0, 0);
    for batch in Loader::new(source.clone(), batches, threads) {
        if session.stopped() {
            return Err(Error::new(Code::Interrupted, "stopped during an evaluation"));
        }
        let batch = batch?;
        let logits = network.forward(&images(&batch, network.device())?, Mode::Evaluation)?;
        let logits = logits.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?.f_contiguous()?;
        classes = logits.size().get(1).map_or(0, |n| *n as usize);
        let mut values = vec![0f32; logits.numel()];
        logits.f_copy_data(&mut values, logits.numel())?;
        let pairs = batch.samples.iter().zip(values.chunks_exact(classes.max(1)));
        for ((sample, logits), truth) in pairs.zip(truths.by_ref()) {
            let probabilities = softmax(logits);
            total -= log_probability(logits, truth);
            let predicted = winner(&probabilities);
            rows.push(Row { sample: *sample, truth, predicted, probabilities });
        }
        let group = group.to_owned();
        session.tell(Event::Evaluating { group, done: rows.len(), samples: samples.len() });
    }
    let loss = Some(total / rows.len() as f64);
    Ok(Evaluation { rows, classes, loss })
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

fn log_probability(logits: &[f32], class: usize) -> f64 {
    let (largest, log_sum) = log_sum(logits);
    logits.get(class).map_or(f64::NAN, |logit| f64::from(*logit) - largest - log_sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.special.log_softmax([1, 2, 3])` and `softmax`; large logits must not overflow.
    #[test]
    fn probabilities_are_softmax() {
        let expected = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218];
        for (p, e) in softmax(&[1.0, 2.0, 3.0]).iter().zip(expected) {
            assert!((p - e).abs() < 1e-15);
        }
        assert!((log_probability(&[1.0, 2.0, 3.0], 0) + 2.4076059644443806).abs() < 1e-15);
        assert_eq!(softmax(&[1e30, 0.0]), [1.0, 0.0]);
        assert!((log_probability(&[1000.0, 0.0], 1) + 1000.0).abs() < 1e-9);
    }
}
