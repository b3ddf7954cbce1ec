//! The one door through which everything that can be extended comes in.

use std::collections::BTreeSet;

mod entries;
mod registry;

pub use entries::{
    Architecture, ArchitectureEntry, ArchitectureRequest, LayerEntry, LossEntry, MetricEntry,
    TransformEntry, TransposeEntry, VoteEntry,
};
pub use registry::{Entry, Origin, Registry};

use crate::error::Result;
use crate::{layer, loss, metric, transform, transpose, vote};

/// Everything that can be named in a script or configuration.
pub struct Catalog {
    /// The layers.
    pub layers: Registry<LayerEntry>,
    /// The architectures.
    pub architectures: Registry<ArchitectureEntry>,
    /// How layers are undone, by the layer's name.
    pub transposes: Registry<TransposeEntry>,
    /// The votes.
    pub votes: Registry<VoteEntry>,
    /// The metrics.
    pub metrics: Registry<MetricEntry>,
    /// The losses.
    pub losses: Registry<LossEntry>,
    /// The transforms of training images.
    pub transforms: Registry<TransformEntry>,
}

impl Catalog {
    /// A catalog with everything that is built in.
    ///
    /// # Errors
    /// None, unless two built-in entries share a name, which a test excludes.
    pub fn built_in() -> Result<Self> {
        let mut catalog = Self {
            layers: Registry::new("layer"),
            architectures: Registry::new("architecture"),
            transposes: Registry::new("transpose rule"),
            votes: Registry::new("vote"),
            metrics: Registry::new("metric").reserving(&["loss"]),
            losses: Registry::new("loss"),
            transforms: Registry::new("transform"),
        };
        let origin = || Origin::BuiltIn;
        for layer in layer::built_in() {
            let info = layer.info();
            catalog.layers.register(LayerEntry { info, origin: origin(), layer })?;
        }
        for (layer, help, rule) in transpose::built_in() {
            let (layer, help) = (layer.to_owned(), help.to_owned());
            catalog.transposes.register(TransposeEntry { layer, help, origin: origin(), rule })?;
        }
        for vote in vote::built_in() {
            catalog.votes.register(VoteEntry { info: vote.info(), origin: origin(), vote })?;
        }
        for (info, measures) in metric::built_in() {
            catalog.metrics.register(MetricEntry { info, origin: origin(), measures })?;
        }
        for loss in loss::built_in() {
            catalog.losses.register(LossEntry { info: loss.info(), origin: origin(), loss })?;
        }
        for transform in transform::built_in() {
            catalog.transforms.register(TransformEntry::new(transform, origin()))?;
        }
        Ok(catalog)
    }

    /// The BLAKE3 hashes of the plugins that have entries here, sorted.
    pub fn plugins(&self) -> BTreeSet<&str> {
        fn of<E: Entry>(registry: &Registry<E>) -> impl Iterator<Item = &str> {
            registry.iter().filter_map(|entry| match entry.origin() {
                Origin::Plugin { blake3, .. } => Some(blake3.as_str()),
                _ => None,
            })
        }
        of(&self.layers)
            .chain(of(&self.architectures))
            .chain(of(&self.transposes))
            .chain(of(&self.votes))
            .chain(of(&self.metrics))
            .chain(of(&self.losses))
            .chain(of(&self.transforms))
            .collect()
    }
}
