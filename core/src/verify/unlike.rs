//! Images that lie in space, or are stored, otherwise than the rest.

use std::path::Path;

use super::facts::Facts;
use super::finding::Findings;
use crate::data::images::space::{self, Odd};
use crate::data::images::{most_frequent, shapes};
use crate::data::participants::Session;
use crate::error::{Code, Error, Problems};

/// An image with what is known of it.
pub(super) type Known<'a> = (&'a Session, &'a Path, &'a Facts);

/// Compares images that one network is to see: shape, orientation, spacing, place and datatype.
pub(super) fn check(images: &[Known<'_>], findings: &mut Findings) {
    let Some(usual) = most_frequent(images.iter().map(|(.., facts)| facts.shape)) else { return };
    let mut problems = Problems::default();
    let shaped: Vec<_> =
        images.iter().map(|(session, file, f)| (*session, *file, f.shape)).collect();
    shapes::odd(&shaped, usual, &mut problems);
    if let Err(error) = problems.into_result() {
        findings.error(&error);
    }
    let placed: Vec<_> =
        images.iter().map(|(session, file, f)| (*session, *file, f.shape, f.affine)).collect();
    for odd in space::odd(&placed) {
        match odd {
            Odd::Unlike(error) => findings.error(&error),
            Odd::Shifted(error) => findings.warning(&error),
        }
    }
    levels(images, findings);
}

/// Fewer levels of intensity than the others have: whole numbers among fractions, or 8 bits among more.
fn levels(images: &[Known<'_>], findings: &mut Findings) {
    let bits = |facts: &Facts| match facts.datatype.is_whole() {
        true => (8 * facts.datatype.size()).min(31),
        // float64 says no more than float32 once it is read.
        false => 32,
    };
    let Some(usual) = most_frequent(images.iter().map(|(.., facts)| bits(facts))) else { return };
    let Some((.., other)) = images.iter().find(|(.., facts)| bits(facts) == usual) else { return };
    for (session, file, facts) in images.iter().filter(|(.., facts)| bits(facts) < usual) {
        let message =
            format!("it is stored as {}, the others as {}", facts.datatype, other.datatype);
        let error = Error::new(Code::ImageUnlike, message);
        findings.warning(
            &error.at(session.place(Some((*file).into()))).help(
                "intensities were rounded where it was written: write it again from its source",
            ),
        );
    }
}
