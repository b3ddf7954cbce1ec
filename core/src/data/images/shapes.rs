//! Images whose shape is not that of the others.

use std::collections::BTreeMap;
use std::path::Path;

use super::most_frequent;
use crate::data::participants::Session;
use crate::error::{Code, Error, Problems};

type Found<'a> = (&'a Session, &'a Path, [usize; 3]);

/// A problem for every image that has another shape than `usual`; where that is the shape of most
/// images of a cohort, one for the cohort.
pub(crate) fn odd(images: &[Found<'_>], usual: [usize; 3], problems: &mut Problems) {
    let mut cohorts: BTreeMap<&str, Vec<&Found<'_>>> = BTreeMap::new();
    for found in images {
        cohorts.entry(&found.0.cohort).or_default().push(found);
    }
    // Of a single cohort every image is told.
    let several = cohorts.len() > 1;
    let own: BTreeMap<&str, [usize; 3]> = (cohorts.iter().filter(|_| several))
        .filter_map(|(name, found)| {
            Some((*name, most_frequent(found.iter().map(|(.., shape)| *shape))?))
        })
        .collect();
    let alike = own.iter().find(|(_, shape)| **shape == usual);
    let alike = alike.map_or("the others".to_owned(), |(name, _)| format!("cohort {name:?}"));
    for (cohort, here) in own.iter().filter(|(_, shape)| **shape != usual) {
        let first = cohorts[cohort].iter().find(|(.., shape)| shape == here);
        let Some((session, file, _)) = first else { continue };
        let message = format!(
            "the images of cohort {cohort:?} have {} voxels, those of {alike} {}",
            show(*here),
            show(usual)
        );
        problems.push(
            Error::new(Code::ImageShape, message)
                .at(session.place(Some((*file).into())))
                .help("preprocess the cohorts alike: a network sees images of one shape"),
        );
    }
    for (session, file, shape) in images.iter().filter(|(.., shape)| *shape != usual) {
        if own.get(&*session.cohort) == Some(shape) {
            continue;
        }
        problems.push(
            Error::new(
                Code::ImageShape,
                format!("has {} voxels, the other images {}", show(*shape), show(usual)),
            )
            .at(session.place(Some((*file).into())))
            .help("preprocess it like the others, or leave the session out"),
        );
    }
}

pub(crate) fn show(shape: [usize; 3]) -> String {
    format!("{}×{}×{}", shape[0], shape[1], shape[2])
}
