//! `interpret.json`: what was asked for, by which it can be asked for again, and what was found.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::means::Mean;
use super::options::Target;
use super::records::{Found, Records};
use super::work::Work;
use crate::error::{Error, Result};
use crate::files;
use crate::maps::pretty;
use crate::transfer::folder::Model;

impl Records<'_> {
    /// # Errors
    /// Files that cannot be read; what the disk says.
    pub(super) fn write_description(
        &self,
        means: &BTreeMap<Option<usize>, Mean>,
        models: &[Model],
        found: &Found,
    ) -> Result<()> {
        let Work { opened, group, asked, .. } = self.work;
        let weights = models.iter().map(|model| {
            let name = model.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(json!({ "file": name, "blake3": files::hash(&model.file, "read the weights")? }))
        });
        let classes = means.iter().filter_map(|(class, mean)| {
            let name = opened.classes.get((*class)?)?.clone();
            Some((name, json!(mean.images)))
        });
        let classes: serde_json::Map<_, _> = classes.collect();
        let means_by = match self.work.target {
            _ if opened.classes.is_empty() => None,
            Target::Predicted => Some("predicted class"),
            Target::Output(_) => Some("true class"),
        };
        let description = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "method": asked.method.name(),
            "method_options": asked.method.options(),
            "caution": self.work.caution,
            "target": self.work.target.describe(&opened.classes),
            "group": group.name,
            "split": self.split,
            "selection_metric": self.metric,
            "mode": group.source.parts.mode(),
            "normalize": group.source.normalize,
            "images": found.images,
            "means_by": means_by,
            "images_per_class": classes,
            "seed": opened.config.seed,
            "batch_size": self.work.batch_size(),
            "threads": asked.group.threads,
            "device": if opened.device.is_cuda() { "cuda" } else { "cpu" },
            "atlas": asked.atlas.as_deref().map(source).transpose()?,
            "atlas_names": asked.atlas_names.as_deref().map(source).transpose()?,
            "completeness": found.completeness,
            "randomise": asked.randomise,
            "randomised": found.randomised,
            "weights": weights.collect::<Result<Vec<_>>>()?,
        });
        let text = pretty(&description);
        files::write_atomic(&self.folder.join("interpret.json"), |out| {
            out.write_all(text.as_bytes())
        })
    }
}

/// A file that was read, and its hash.
fn source(file: &Path) -> Result<Value> {
    let path =
        std::path::absolute(file).map_err(|error| Error::io(file, "find the folder", &error))?;
    Ok(json!({ "file": path, "blake3": files::hash(file, "read the file")? }))
}
