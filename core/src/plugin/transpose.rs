use neurhai_abi as abi;

use super::handle::Handle;
use super::info::Info;
use super::stage::{Staging, needed};
use crate::catalog::{Catalog, TransposeEntry};
use crate::error::Result;
use crate::network::LayerSpec;
use crate::transpose::{Transpose, TransposeRequest};

/// A rule of a plugin.
struct Rule {
    transpose: abi::JsonFn,
    handle: Handle,
}

impl Transpose for Rule {
    fn transpose(&self, request: &TransposeRequest, _: &Catalog) -> Result<Vec<LayerSpec>> {
        let answer = self.handle.ask(self.transpose, request)?;
        LayerSpec::list(&answer).map_err(|error| {
            self.handle.error("gives layers that are not well formed").because(error)
        })
    }
}

pub(super) fn stage(
    raw: abi::Transpose,
    staging: &Staging,
    layer: String,
    help: String,
    mut info: Info,
) -> Result<TransposeEntry> {
    let transpose = needed(raw.transpose, "transpose")?;
    // A source may be given; the rule's help is what a person reads.
    info.text("source")?;
    info.finish(&["source"])?;
    let handle = Handle::new(&staging.about, format!("transpose rule {layer:?}"), &raw.item);
    let rule = Box::new(Rule { transpose, handle });
    Ok(TransposeEntry { layer, help, origin: staging.origin(), rule })
}
