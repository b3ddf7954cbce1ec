//! Whether the files of an experiment are what they were when they were written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::later::hashes;
use super::manifest::{Manifest, images, load, written};
use crate::error::Result;
use crate::files;

/// How a file differs from what the hashes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// It holds something else.
    Changed,
    /// It is not there.
    Missing,
    /// No hash of it is known.
    Added,
}

/// A file that is not as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The file: within the folder, or of an input where it lay.
    pub file: PathBuf,
    /// How it differs.
    pub difference: Difference,
}

/// What became of a run's files, and of what predictions left, since they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Files of the folder that were compared.
    pub files: usize,
    /// Those that differ, in order.
    pub deviations: Vec<Deviation>,
    /// Inputs that were compared: images, tables, masks, tensors, weights.
    pub inputs: usize,
    /// Those that differ, in the order in which they were read.
    pub input_deviations: Vec<Deviation>,
}

impl Verified {
    /// Whether everything that the run left, and everything it was given, is there and as it was. Files
    /// that were added change no result.
    pub fn intact(&self) -> bool {
        let added = |one: &Deviation| one.difference == Difference::Added;
        self.deviations.iter().all(added) && self.input_deviations.is_empty()
    }
}

/// Compares every file of an experiment folder, and every input, with the hashes in its manifest and in
/// the `hashes.tsv` of what `host predict` and `host interpret` left.
///
/// # Errors
/// [`Code::BadMaps`](crate::Code::BadMaps) where there is no manifest, or a damaged one; damaged tables of
/// hashes; files that cannot be read.
pub fn verify(root: &Path) -> Result<Verified> {
    let Manifest { reproducible, circumstances, .. } = load(root)?;
    let later = hashes(root)?;
    let own = reproducible.images.into_iter().map(|image| image.blake3).zip(circumstances.images);
    let sources = reproducible.sources.into_iter().map(|source| source.blake3);
    let mut read: Vec<(String, PathBuf)> = own.chain(sources.zip(circumstances.sources)).collect();
    // A group of training is predicted from the same images.
    let known: BTreeSet<(String, PathBuf)> = read.iter().cloned().collect();
    for name in later.keys().filter(|name| name.ends_with("/inputs.tsv")) {
        let (found, places) = images(&root.join(name))?;
        let pairs = found.into_iter().map(|image| image.blake3).zip(places);
        read.extend(pairs.filter(|pair| !known.contains(pair)));
    }
    let mut then = reproducible.files;
    then.extend(circumstances.files);
    then.extend(later);
    let mut now = written(root, &|_| true)?;
    let mut deviations = Vec::new();
    for (name, was) in &then {
        let difference = match now.remove(name) {
            Some(is) if is == *was => continue,
            Some(_) => Difference::Changed,
            None => Difference::Missing,
        };
        deviations.push(Deviation { file: name.into(), difference });
    }
    let added =
        now.into_keys().map(|name| Deviation { file: name.into(), difference: Difference::Added });
    deviations.extend(added);
    deviations.sort_by(|a, b| a.file.cmp(&b.file));
    let (mut inputs, mut input_deviations) = (0, Vec::new());
    for (was, file) in read {
        inputs += 1;
        let difference = match file.is_file() {
            true if files::hash(&file, "read the file")? == was => continue,
            true => Difference::Changed,
            false => Difference::Missing,
        };
        input_deviations.push(Deviation { file, difference });
    }
    Ok(Verified { files: then.len(), deviations, inputs, input_deviations })
}
