//! Tensors that are read instead of images and their parts, where they were cut from what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::config::cores;
use crate::data::caps::{One, Origin, State, TENSOR_FILES, Wanted, changed, mask_origin, stem};
use crate::data::cohorts::Cohorts;
use crate::data::images::{Images, NotFinite};
use crate::data::part::Parts;
use crate::data::participants::Session as Visit;
use crate::data::pattern::Preprocessing;
use crate::each::each;
use crate::error::{Error, Result};
use crate::files;

/// Tensors that may be read; nothing where an image is read or cut.
pub(super) struct Tensors {
    pub(super) files: Vec<Option<PathBuf>>,
    /// What should be known of those that may not.
    pub(super) warning: Option<String>,
}

impl Tensors {
    /// From the tensors found of each image, and whether some of its tensors may not be read.
    fn new(found: Vec<(Vec<Option<PathBuf>>, bool)>) -> Self {
        let passed = found.iter().filter(|(_, passed)| *passed).count();
        let warning = (passed > 0).then(|| {
            format!(
                "tensors of {passed} images are not read, but the images themselves: these tensors \
                 are older than the image or its mask, or were cut from another one; host prepare \
                 writes them anew"
            )
        });
        Self { files: found.into_iter().flat_map(|(files, _)| files).collect(), warning }
    }
}

/// The tensor of each session's whole image, as far as it may be read. Where the image itself is gone,
/// which `images` says, there is nothing that it could differ from.
pub(super) fn whole(
    cohorts: &Cohorts,
    preprocessing: &Preprocessing,
    visits: &[Visit],
    images: &[Result<One>],
    not_finite: NotFinite,
) -> Tensors {
    let replaced = not_finite == NotFinite::Replace;
    let one = |i: usize| {
        let Some(file) = cohorts.find_tensor(&visits[i], preprocessing) else {
            return (vec![None], false);
        };
        let current = match &images[i] {
            Ok((image, _)) => is_current(&file, image, replaced),
            Err(_) => replaced || !Origin::read(&file).is_some_and(|origin| origin.replaced),
        };
        (vec![current.then_some(file)], !current)
    };
    Tensors::new(each(visits.len(), cores(), &|_| (), one))
}

fn is_current(tensor: &Path, image: &Path, replaced: bool) -> bool {
    let wanted = || {
        let hash = files::hash(image, "read the image")?;
        let origin = Origin::new(image, hash, replaced);
        Ok::<_, Error>(Wanted { origin, changed: changed(image)? })
    };
    wanted().is_ok_and(|wanted| wanted.compare(tensor, 0) == Some(State::Current))
}

/// Which tensors of parts may be read.
pub(super) struct OfParts<'a> {
    pub(super) cohorts: &'a Cohorts,
    pub(super) preprocessing: &'a Preprocessing,
    pub(super) images: &'a Images,
    pub(super) parts: &'a dyn Parts,
    pub(super) not_finite: NotFinite,
}

/// The hash of a mask, and when it was changed.
type Mask = (String, SystemTime);

impl OfParts<'_> {
    /// For every part of every image.
    ///
    /// # Errors
    /// An image, a mask or a JSON of tensors that cannot be read.
    pub(super) fn find(&self) -> Result<Tensors> {
        let masks = self.parts.masks().into_iter().map(mask_origin).collect::<Result<Vec<_>>>()?;
        // Of these cohorts the name of a region's tensor does not say which image it is of.
        let mut unsure: BTreeSet<&str> = BTreeSet::new();
        let regions = Value::Object(self.parts.describe());
        for cohort in self.cohorts.names().filter(|_| !masks.is_empty()) {
            let other = self.cohorts.caps(cohort)?.namesakes(self.preprocessing, &regions)?;
            unsure.extend(other.map(|_| cohort));
        }
        let visits: Vec<Visit> =
            (0..self.images.len()).map(|i| self.images.session(i).clone()).collect();
        let images = self.cohorts.find_each(&visits, self.preprocessing)?;
        let one = |i: usize| {
            let image = images[i].as_ref().ok().map(|(file, _)| file.as_path());
            self.of_image(i, image, &masks, unsure.contains(&*visits[i].cohort))
        };
        let found = each(self.images.len(), cores(), &|_| (), one);
        Ok(Tensors::new(found.into_iter().collect::<Result<Vec<_>>>()?))
    }

    /// Those of one image, which may be gone; and whether there are some that may not be read.
    fn of_image(
        &self,
        i: usize,
        image: Option<&Path>,
        masks: &[Mask],
        unsure: bool,
    ) -> Result<(Vec<Option<PathBuf>>, bool)> {
        let (mut found, mut passed) = (Vec::new(), false);
        let mut whole = None;
        for part in 0..self.parts.count() {
            let mut chosen = None;
            for file in self.files(i, part)?.into_iter().filter(|file| file.is_file()) {
                // Hashing an image takes its time.
                let whole = match &whole {
                    Some(whole) => whole,
                    None => whole.insert(self.wanted(i, image)?),
                };
                let wanted =
                    masks.get(part).map_or_else(|| whole.clone(), |mask| whole.within(mask));
                let size: i64 = self.parts.shape(part).iter().product();
                let current = wanted.compare(&file, size as usize) == Some(State::Current);
                if current && !(unsure && Origin::read(&file).is_none()) {
                    chosen = Some(file);
                    break;
                }
                passed = true;
            }
            found.push(chosen);
        }
        Ok((found, passed))
    }

    /// What the parts of an image are to be cut from. Where it is gone and the tensor of all of it is
    /// read, that says it.
    fn wanted(&self, i: usize, image: Option<&Path>) -> Result<Wanted> {
        let (own, replaced) = (self.images.file(i), self.not_finite == NotFinite::Replace);
        let Some(image) = image else {
            let origin = Origin::read(own).map_or_else(
                || Ok::<_, Error>(Origin::new(own, self.images.hash(i)?.to_owned(), replaced)),
                Ok,
            )?;
            return Ok(Wanted {
                origin: Origin { replaced, ..origin },
                changed: SystemTime::UNIX_EPOCH,
            });
        };
        let hash = match image == own {
            true => self.images.hash(i)?.to_owned(),
            false => files::hash(image, "read the image")?,
        };
        Ok(Wanted { origin: Origin::new(image, hash, replaced), changed: changed(image)? })
    }

    /// The files that a part's tensor may be in, the preferred one first.
    fn files(&self, i: usize, part: usize) -> Result<Vec<PathBuf>> {
        let Some(tensor) = self.parts.tensor(part) else { return Ok(Vec::new()) };
        let name = format!("{}.nii.gz", stem(self.images.file(i)));
        let session = self.images.session(i);
        let file = self.cohorts.tensor_path(session, self.preprocessing, &name, tensor)?;
        Ok(TENSOR_FILES.iter().map(|kind| file.with_extension(kind)).collect())
    }
}
