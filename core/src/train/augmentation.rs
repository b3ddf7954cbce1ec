//! What transforms draw: tried before training, and logged where that is asked for.

use super::prepare::Prepared;
use crate::error::{Error, Place, Problems, Result};

/// Lets every transform draw for each shape of part, so that options which do not fit are told at the
/// beginning.
///
/// # Errors
/// What the transforms say, all at once.
pub(super) fn check(prepared: &Prepared) -> Result<()> {
    let mut problems = Problems::default();
    let parts = &prepared.source.parts;
    let mut shapes: Vec<_> = (0..parts.count()).map(|part| parts.shape(part)).collect();
    shapes.sort();
    shapes.dedup();
    for (entry, options) in prepared.augmentation.iter() {
        let tried: Result<()> =
            shapes.iter().try_for_each(|shape| entry.transform.draw(shape, options, 0).map(drop));
        let here = |error: Error| {
            error.within("augmentation").at(Place::Option("augmentation".into())).amid(&format!(
                "the transform {:?} ({}) was tried before training",
                entry.info.name, entry.origin
            ))
        };
        problems.take(tried.map_err(here));
    }
    problems.into_result()
}
