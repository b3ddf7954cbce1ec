//! What an epoch did, in a few characters: two runs with the same fingerprints did the same.

use blake3::Hasher;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::data::loader::{Sample, Source};
use crate::data::split::Label;
use crate::error::Result;
use crate::network::Network;

/// A line of `fingerprints.tsv`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) epoch: usize,
    /// Which parts of whom, in the order in which they were learned from, and what was learned of them.
    pub(crate) order: String,
    /// What was done to them: transforms, options and the seed of the epoch.
    pub(crate) augmentation: String,
    /// Parameters and buffers before the epoch; `n/a` where it went on from a checkpoint without them.
    pub(crate) weights_before: String,
    /// Parameters and buffers after it.
    pub(crate) weights_after: String,
}

/// The fingerprints of a network's epochs so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Fingerprints {
    /// That of the weights that training began with.
    began: Option<String>,
    rows: Vec<Fingerprint>,
}

impl Fingerprints {
    /// Training begins with these weights.
    ///
    /// # Errors
    /// What libtorch says.
    pub(super) fn begin(network: &Network) -> Result<Self> {
        Ok(Self { began: Some(of_weights(network)?), rows: Vec::new() })
    }

    /// Adds an epoch that has ended: samples in this order, from this source.
    ///
    /// # Errors
    /// What libtorch says.
    pub(super) fn add(
        &mut self,
        epoch: usize,
        order: String,
        source: &Source,
        network: &Network,
    ) -> Result<()> {
        let last = self.rows.last().map(|row| &row.weights_after);
        let before = last.or(self.began.as_ref()).cloned();
        self.rows.push(Fingerprint {
            epoch,
            order,
            augmentation: of_augmentation(source),
            weights_before: before.unwrap_or_else(|| "n/a".into()),
            weights_after: of_weights(network)?,
        });
        Ok(())
    }

    pub(super) fn rows(&self) -> &[Fingerprint] {
        &self.rows
    }
}

/// Half of a BLAKE3 hash: no two inputs that ever occur have the same.
fn shown(hasher: &Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// All parameters and buffers, with their names, in the order of these.
///
/// # Errors
/// What libtorch says.
fn of_weights(network: &Network) -> Result<String> {
    let mut hasher = Hasher::new();
    let mut state: Vec<_> = network.state().collect();
    state.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    for (param, tensor) in state {
        hasher.update(format!("{}\0{:?}\0", param.name, param.shape).as_bytes());
        neurhai_torch::with_bytes(tensor, |bytes| hasher.update(bytes).count())?;
    }
    Ok(shown(&hasher))
}

/// Samples in their order; where they lie on the disk does not count.
pub(super) fn of_order(batches: &[Vec<(Sample, Label)>], source: &Source) -> String {
    let mut hasher = Hasher::new();
    for (sample, label) in batches.iter().flatten() {
        let visit = source.images.session(sample.image);
        let part = source.parts.label(sample.part);
        let (cohort, participant, session) = (&visit.cohort, &visit.participant, &visit.session);
        let line = format!("{cohort}\t{participant}\t{session}\t{part}\t{label:?}\n");
        hasher.update(line.as_bytes());
    }
    shown(&hasher)
}

/// The transforms of a source; `none` where there are none.
fn of_augmentation(source: &Source) -> String {
    let Some((steps, seed)) = &source.augment else { return "none".into() };
    let mut hasher = Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for (entry, options) in steps.iter() {
        hasher.update(format!("{}\n", json!([entry.info.name, options.values()])).as_bytes());
    }
    shown(&hasher)
}
