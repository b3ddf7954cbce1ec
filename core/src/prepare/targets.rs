//! The files that tensors go to, and which of them are there.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Format, Plan};
use crate::data::caps::{Caps, TensorOf};
use crate::data::part::Parts;
use crate::data::participants::Session;
use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place, Result};

/// A file to write.
pub(super) struct Target {
    pub(super) part: usize,
    pub(super) file: PathBuf,
}

/// How the tensors of images are called.
pub(super) struct Targets<'a> {
    pub(super) caps: &'a Caps,
    pub(super) preprocessing: &'a Preprocessing,
    pub(super) parts: &'a dyn Parts,
    pub(super) format: Format,
    pub(super) masks: &'a [PathBuf],
}

/// What a file takes beside its numbers, at most: headers, and the rest of a block of the disk.
const OVERHEAD: u64 = 1024 + 4096;

/// The place of an image, and what is missing of it.
type Missing = (usize, Vec<Target>);

impl Targets<'_> {
    /// What is missing of which images, by their places, and how much that is.
    ///
    /// # Errors
    /// Parts that ClinicaDL has no name for; an image or mask that is not there any more.
    pub(super) fn plan(&self, images: &[(Session, PathBuf)]) -> Result<(Vec<Missing>, Plan)> {
        let masks = self.masks.iter().map(|mask| changed(mask)).collect::<Result<Vec<_>>>()?;
        let masks = masks.into_iter().max();
        let mut plan = Plan {
            images: images.len(),
            parts: self.parts.count(),
            finished: 0,
            files: 0,
            outdated: 0,
            bytes: 0,
            free: None,
        };
        let mut pending = Vec::new();
        for (i, (session, image)) in images.iter().enumerate() {
            let newest = changed(image)?.max(masks.unwrap_or(SystemTime::UNIX_EPOCH));
            let mut missing = Vec::new();
            for part in 0..self.parts.count() {
                let file = self.file(session, image, part)?;
                let there = file.metadata().ok().filter(std::fs::Metadata::is_file);
                let written = there.and_then(|about| about.modified().ok());
                if written.is_some_and(|written| written >= newest) {
                    continue;
                }
                plan.outdated += usize::from(written.is_some());
                let numbers: i64 = self.parts.shape(part).iter().product();
                plan.bytes += 4 * numbers as u64 + OVERHEAD;
                missing.push(Target { part, file });
            }
            plan.files += missing.len();
            match missing.is_empty() {
                true => plan.finished += 1,
                false => pending.push((i, missing)),
            }
        }
        Ok((pending, plan))
    }

    fn file(&self, session: &Session, image: &Path, part: usize) -> Result<PathBuf> {
        let tensor = match self.parts.mode() {
            "image" => TensorOf::Image,
            _ => self.parts.tensor(part).ok_or_else(|| {
                let message = "the names of ClinicaDL's tensors know only patches that are cubes, \
                               with one stride along all axes";
                Error::new(Code::BadOption, message)
                    .at(Place::Option("patch_size".into()))
                    .help("give patch_size and stride_size as one number each")
            })?,
        };
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        let file = self.caps.tensor_path(session, self.preprocessing, &name, tensor)?;
        Ok(file.with_extension(self.format.extension()))
    }
}

/// When a file was changed last.
fn changed(file: &Path) -> Result<SystemTime> {
    let asked = file.metadata().and_then(|about| about.modified());
    asked.map_err(|error| Error::io(file, "look at the file", &error))
}
