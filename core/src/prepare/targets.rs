//! The files that tensors go to, and which of them are there.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Format, Plan};
use crate::cache::Stamp;
use crate::data::caps::{Caps, Origin, State, TensorOf, Wanted, changed, mask_origin};
use crate::data::images::NotFinite;
use crate::data::part::Parts;
use crate::data::participants::Session;
use crate::data::pattern::Preprocessing;
use crate::each::each;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files;

/// A file to write.
pub(super) struct Target {
    pub(super) part: usize,
    pub(super) file: PathBuf,
    pub(super) origin: Origin,
}

/// How the tensors of images are called, and what they are to be cut from.
pub(super) struct Targets<'a> {
    pub(super) caps: &'a Caps,
    pub(super) preprocessing: &'a Preprocessing,
    pub(super) parts: &'a dyn Parts,
    pub(super) format: Format,
    pub(super) not_finite: NotFinite,
}

/// What a file takes beside its numbers, at most: headers, and the rest of a block of the disk.
const OVERHEAD: u64 = 2048 + 4096;

/// What is missing of an image.
pub(super) struct Missing {
    /// Its place among all.
    pub(super) image: usize,
    /// What its file was when it was hashed.
    pub(super) stamp: Option<Stamp>,
    pub(super) targets: Vec<Target>,
    outdated: usize,
}

impl Targets<'_> {
    /// What is missing of which images, in their order, and how much that is; `progress` is told how
    /// many images were compared.
    ///
    /// # Errors
    /// Parts that ClinicaDL has no name for; [`Code::PreparedOtherwise`] for tensors of other images
    /// under the names; an image or mask that is not there any more.
    pub(super) fn plan(
        &self,
        images: &[(Session, PathBuf)],
        threads: usize,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Vec<Missing>, Plan)> {
        let masks = self.parts.masks().into_iter().map(mask_origin).collect::<Result<Vec<_>>>()?;
        let missing = each(images.len(), threads, progress, |image| {
            self.missing(image, &images[image], &masks)
        });
        let mut plan = Plan {
            images: images.len(),
            parts: self.parts.count(),
            finished: 0,
            files: 0,
            outdated: 0,
            bytes: 0,
            free: None,
        };
        let mut problems = Problems::default();
        let mut pending = Vec::new();
        for missing in missing.into_iter().filter_map(|missing| problems.take(missing)) {
            let numbers = missing.targets.iter().map(|target| self.numbers(target.part));
            plan.bytes += numbers.map(|numbers| 4 * numbers as u64 + OVERHEAD).sum::<u64>();
            plan.files += missing.targets.len();
            plan.outdated += missing.outdated;
            match missing.targets.is_empty() {
                true => plan.finished += 1,
                false => pending.push(missing),
            }
        }
        problems.into_result()?;
        Ok((pending, plan))
    }

    fn missing(
        &self,
        image: usize,
        (session, source): &(Session, PathBuf),
        masks: &[(String, SystemTime)],
    ) -> Result<Missing> {
        let stamp = Stamp::of(source).ok();
        let hash = files::hash(source, "read the image")?;
        let origin = Origin::new(source, hash, self.not_finite == NotFinite::Replace);
        let whole = Wanted { origin, changed: changed(source)? };
        let mut missing = Missing { image, stamp, targets: Vec::new(), outdated: 0 };
        for part in 0..self.parts.count() {
            let file = self.file(session, source, part)?;
            let wanted = masks.get(part).map_or_else(|| whole.clone(), |mask| whole.within(mask));
            match wanted.compare(&file, self.numbers(part)) {
                Some(State::Current) => continue,
                Some(State::Outdated) => missing.outdated += 1,
                Some(State::OfAnother(other)) => {
                    let message = format!(
                        "this tensor was cut from {other}, and that of {} has the same name",
                        wanted.origin.image
                    );
                    return Err(Error::new(Code::PreparedOtherwise, message)
                        .at(session.place(Some(file)))
                        .help(MOVE_AWAY));
                }
                None => {}
            }
            missing.targets.push(Target { part, file, origin: wanted.origin });
        }
        Ok(missing)
    }

    fn numbers(&self, part: usize) -> usize {
        self.parts.shape(part).iter().product::<i64>() as usize
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

/// What to do where tensors of other images have the names of those that are to be written.
pub(super) const MOVE_AWAY: &str = "the names of regions do not say of which image they are: move the roi_based folders and their \
     JSON away first, or prepare in a copy of the CAPS";
