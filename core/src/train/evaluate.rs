//! What a network says about a set.

use tch::{Device, Kind, Tensor, no_grad_guard};

use super::finite::not_finite;
use super::objective::Objective;
use super::scores::judges;
use super::session::{Event, Session};
use crate::data::loader::{Batch, Loader, Sample, Source};
use crate::data::split::Label;
use crate::error::{Code, Error, Result};
use crate::metric::Measure;
use crate::network::{Mode, Network, Pass, channels_last};
use crate::task::Task;
use crate::vote::winner;

/// The predictions for a set, one row per sample, in the set's order.
#[derive(Debug, Clone)]
pub(crate) struct Evaluation {
    pub(crate) task: Task,
    pub(crate) rows: Vec<Row>,
    /// Values per row.
    pub(crate) outputs: usize,
    /// Mean loss over the rows, weighed by class where training is; `None` for scores that come from
    /// a vote.
    pub(crate) loss: Option<f64>,
}

/// One prediction.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) sample: Sample,
    pub(crate) truth: Label,
    /// A probability per class, the predicted number, or what each metric of reconstructions says of
    /// it, in the catalog's order.
    pub(crate) values: Vec<f64>,
}

impl Row {
    /// The true class.
    pub(crate) fn class(&self) -> usize {
        match self.truth {
            Label::Class(class) => class,
            _ => 0,
        }
    }

    /// The true number.
    pub(crate) fn number(&self) -> f64 {
        match self.truth {
            Label::Number(number) => number,
            _ => f64::NAN,
        }
    }

    /// The most probable class.
    pub(crate) fn winner(&self) -> usize {
        winner(&self.values)
    }
}

impl Evaluation {
    /// Whether it is known what is true of every row.
    pub(crate) fn labelled(&self) -> bool {
        self.task == Task::Reconstruction || self.rows.iter().all(|row| row.truth != Label::None)
    }

    /// The rows of the images that `keep` holds for, as an evaluation of its own.
    pub(crate) fn of_images(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows = self.rows.iter().filter(|row| keep(row.sample.image)).cloned().collect();
        Self { rows, loss: None, ..*self }
    }

    /// The rows of one part, as an evaluation of its own.
    pub(crate) fn of_part(&self, part: usize) -> Self {
        let rows = self.rows.iter().filter(|row| row.sample.part == part).cloned().collect();
        Self { rows, loss: None, ..*self }
    }
}

/// The images of a batch `[batch, channel, …]` on `device`, channels side by side in memory.
pub(crate) fn images(batch: &Batch, device: Device) -> Result<Tensor> {
    let mut size = vec![batch.samples.len() as i64];
    size.extend(&batch.shape);
    let x = Tensor::f_from_slice(&batch.voxels)?.f_view(&size[..])?;
    channels_last(&x.f_to_device(device)?)
}

/// Is shown each batch, what the network saw of it `[batch, channel, …]`, and what it gave.
pub(crate) type Keep<'a> = dyn Fn(&Batch, &Tensor, &Pass) -> Result<()> + Sync + 'a;

/// How sets are evaluated in a run.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub(crate) objective: &'a Objective,
    pub(crate) source: &'a Source,
    pub(crate) batch_size: usize,
    pub(crate) threads: usize,
    pub(crate) session: &'a Session<'a>,
    /// Is shown every batch.
    pub(crate) keep: Option<&'a Keep<'a>>,
}

impl Evaluator<'_> {
    /// Shows every sample to the network once, in evaluation mode and without gradients. Where it is
    /// not known what is true of a sample, there is no loss.
    pub(crate) fn run(
        &self,
        network: &Network,
        samples: &[(Sample, Label)],
        group: &str,
    ) -> Result<Evaluation> {
        let _no_grad = no_grad_guard();
        let batches = samples
            .chunks(self.batch_size)
            .map(|chunk| chunk.iter().map(|(sample, _)| *sample).collect())
            .collect();
        let mut rows = Vec::with_capacity(samples.len());
        let (mut total, mut outputs) = (0.0, 0);
        let known = self.objective.task == Task::Reconstruction
            || samples.iter().all(|(_, truth)| *truth != Label::None);
        for batch in Loader::new(self.source.clone(), batches, self.threads) {
            if self.session.stopped() {
                return Err(Error::new(Code::Interrupted, "stopped during an evaluation"));
            }
            let batch = batch?;
            let x = images(&batch, network.device())?;
            let pass = network.pass(&x, Mode::Evaluation)?;
            let (first, n) = (rows.len(), batch.samples.len());
            let labels: Vec<Label> =
                samples[first..first + n].iter().map(|(_, label)| *label).collect();
            if known {
                total += self.objective.total(&pass, &x, &labels)?;
            }
            // A prediction made of such numbers would count as the first class.
            if !total.is_finite() || !finite(&pass.output)? {
                let what = format!("outputs or losses of the {group} set are NaN or infinite");
                let (pass, data) = ((&x, Mode::Evaluation), (&batch, self.source));
                return Err(not_finite(&what, network, pass, data, self.objective));
            }
            if let Some(keep) = self.keep {
                keep(&batch, &x, &pass)?;
            }
            let values = self.values(&pass, &x, n)?;
            outputs = values.len() / n.max(1);
            let pairs = batch.samples.iter().zip(labels).zip(values.chunks_exact(outputs.max(1)));
            rows.extend(pairs.map(|((sample, truth), values)| Row {
                sample: *sample,
                truth,
                values: values.to_vec(),
            }));
            let group = group.to_owned();
            self.session.tell(Event::Evaluating {
                group,
                done: rows.len(),
                samples: samples.len(),
            });
        }
        let loss = (known && !rows.is_empty()).then(|| total / rows.len() as f64);
        Ok(Evaluation { task: self.objective.task, rows, outputs, loss })
    }

    /// What is kept of a batch of `n` samples, one after the other.
    fn values(&self, pass: &Pass, x: &Tensor, n: usize) -> Result<Vec<f64>> {
        if self.objective.task == Task::Reconstruction {
            let mut columns = Vec::new();
            for entry in judges(self.session.catalog, Task::Reconstruction) {
                if let Some(Measure::Images(metric)) = entry.measure(Task::Reconstruction) {
                    columns.push(metric.values(&pass.output, x)?);
                }
            }
            return Ok((0..n).flat_map(|row| columns.iter().map(move |c| c[row])).collect());
        }
        let output = pass.output.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
        let output = output.f_contiguous()?;
        let mut values = vec![0f32; output.numel()];
        output.f_copy_data(&mut values, output.numel())?;
        let samples = values.chunks_exact((values.len() / n.max(1)).max(1));
        Ok(match self.objective.task {
            Task::Classification => samples.flat_map(softmax).collect(),
            _ => values.iter().map(|value| f64::from(*value)).collect(),
        })
    }
}

fn finite(output: &Tensor) -> Result<bool> {
    Ok(output.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1)
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - largest).exp()).sum();
    logits.iter().map(|logit| (f64::from(*logit) - largest - sum.ln()).exp()).collect()
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
