//! The evaluations of a training, as `metrics.jsonl` holds them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A line of `split-<k>/training_logs/[network-<n>/]metrics.jsonl`: what an evaluation of a set said.
/// When it was done is in `times.tsv` beside it, so that the same training writes the same lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The split.
    pub split: usize,
    /// The network, where there is one for each part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<usize>,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Batches learned from in this epoch.
    pub iteration: usize,
    /// Batches learned from since training began: TensorBoard's step, as ClinicaDL counts it.
    pub step: usize,
    /// The set that was evaluated: `train` or `validation`.
    pub group: String,
    /// The learning rate of the last weight update.
    pub learning_rate: f64,
    /// Every metric of the task, then `loss`; null where it is undefined.
    pub metrics: Map<String, Value>,
}
