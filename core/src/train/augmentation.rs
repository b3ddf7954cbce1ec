//! What transforms draw: tried before training, and logged where that is asked for.

use super::prepare::Prepared;
use crate::data::loader::{Sample, Source};
use crate::error::{Error, Place, Problems, Result};
use crate::maps::{AugmentationRow, Maps};

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

/// Writes what every transform draws in an epoch for these samples. It depends on the seed alone, so
/// it is all written at once, and again in the same way when the epoch is gone on with.
///
/// # Errors
/// What the transforms and the disk say.
pub(super) fn log(
    maps: &Maps,
    (split, network, epoch): (usize, Option<usize>, usize),
    source: &Source,
    samples: impl Iterator<Item = Sample>,
) -> Result<()> {
    let Some((steps, _)) = &source.augment else { return Ok(()) };
    let mut rows = Vec::new();
    for sample in samples {
        let visit = source.images.session(sample.image);
        for ((entry, _), parameters) in steps.iter().zip(source.drawn(sample)?) {
            let transform = &entry.info.name;
            rows.push(AugmentationRow { visit, part: sample.part, transform, parameters });
        }
    }
    maps.write_augmentation(split, network, epoch, &rows, source.parts.as_ref())
}
