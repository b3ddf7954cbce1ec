//! The images of a run: decoded once, checked, and kept in memory as far as that is allowed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::caps::is_tensor;
use super::participants::{SINGLE, Session};
use crate::cache::{Key, Stamp, Volumes};
use crate::each::each;
use crate::error::{Code, Error, Place, Problem, Problems, Result};
use crate::files;
use crate::guard::guarded;
use crate::volume::{self, Affine, Stats, Volume};

pub(crate) mod shapes;
pub(crate) mod sound;
pub(crate) mod space;
#[cfg(test)]
mod tests;

use space::Odd;

/// What becomes of voxels that are NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFinite {
    /// The image is refused.
    Refuse,
    /// NaN becomes 0 and ±∞ the largest and smallest number, as torch's `nan_to_num` does.
    Replace,
}

/// The images of a list of sessions.
pub struct Images {
    entries: Vec<Entry>,
    not_finite: NotFinite,
    budget: usize,
    cache: Mutex<Cache>,
    disk: Option<Volumes>,
    /// Which of them could be used, and where their voxels lie, once all are checked.
    placed: OnceLock<Vec<Placed>>,
}

/// The place of an image among all, its shape, and where its voxels lie.
type Placed = (usize, [usize; 3], Affine);

/// Images that lie oddly in space are told up to this number.
const ODD_SHOWN: usize = 3;

struct Entry {
    session: Session,
    file: PathBuf,
    hash: OnceLock<Hashed>,
}

/// What a file held once.
struct Hashed {
    blake3: String,
    /// Taken before the file was read, if every later change shows in another one.
    stamp: Option<Stamp>,
}

struct Cache {
    volumes: Vec<Option<Arc<Volume>>>,
    bytes: usize,
}

impl Entry {
    /// The BLAKE3 hash of the file, which is read for it once.
    fn hash(&self) -> Result<&Hashed> {
        if let Some(hash) = self.hash.get() {
            return Ok(hash);
        }
        let stamp = Stamp::of(&self.file).ok().filter(Stamp::settled);
        let blake3 = self.hash_now()?;
        Ok(self.hash.get_or_init(|| Hashed { blake3, stamp }))
    }

    fn hash_now(&self) -> Result<String> {
        files::hash(&self.file, "read the image").map_err(|error| {
            let place = self.session.place(Some(self.file.clone()));
            error.placed(|_| Some(place.clone()))
        })
    }

    /// Whether the file still holds what was hashed.
    fn is(&self, hashed: &Hashed) -> bool {
        match hashed.stamp {
            Some(stamp) => Stamp::of(&self.file).is_ok_and(|now| now == stamp),
            None => self.hash_now().is_ok_and(|now| now == hashed.blake3),
        }
    }
}

impl Images {
    /// The images at `files`, one per session; at most `budget` bytes of them stay decoded.
    pub fn new(sessions: Vec<(Session, PathBuf)>, not_finite: NotFinite, budget: usize) -> Self {
        let volumes = vec![None; sessions.len()];
        let entry = |(session, file)| Entry { session, file, hash: OnceLock::new() };
        let entries = sessions.into_iter().map(entry).collect();
        let cache = Mutex::new(Cache { volumes, bytes: 0 });
        Self { entries, not_finite, budget, cache, disk: None, placed: OnceLock::new() }
    }

    /// The same, decoded only where `disk` does not hold them already.
    #[must_use]
    pub fn kept_in(mut self, disk: Option<Volumes>) -> Self {
        self.disk = disk;
        self
    }

    /// What should be known, once they are checked: images that lie in space otherwise than the others,
    /// and why they are not kept on disk, although that was asked for.
    pub fn warnings(&self) -> Vec<Problem> {
        let placed =
            self.placed().map(|(i, shape, affine)| (self.session(i), self.file(i), shape, affine));
        let odd = space::odd(&placed.collect::<Vec<_>>());
        let more = odd.len().saturating_sub(ODD_SHOWN);
        let mut warnings = Vec::new();
        for odd in odd.into_iter().take(ODD_SHOWN) {
            let (Odd::Unlike(error) | Odd::Shifted(error)) = odd;
            warnings.extend(error.problems().iter().cloned());
        }
        if let (Some(last), true) = (warnings.last_mut(), more > 0) {
            last.message += &format!("; {more} other images are odd, too: host check names them");
        }
        warnings.extend(self.disk.as_ref().and_then(Volumes::warning).map(|mut why| {
            why.message = format!("the cache takes no more images: {}", why.message);
            why
        }));
        warnings
    }

    /// Those that were checked and say where their voxels lie, which a tensor does not.
    fn placed(&self) -> impl Iterator<Item = Placed> {
        let placed = self.placed.get().into_iter().flatten();
        placed.filter(|(i, ..)| !is_tensor(self.file(*i))).copied()
    }

    /// Where the voxels of the images lie, once these are checked; nothing where no place is usual or
    /// none says it.
    pub(crate) fn usual_affine(&self) -> Option<Affine> {
        let placed = self.placed().map(|(_, shape, affine)| (shape, affine));
        space::usual(&placed.collect::<Vec<_>>())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The file of image `index`.
    pub fn file(&self, index: usize) -> &Path {
        &self.entries[index].file
    }

    /// The session of image `index`.
    pub fn session(&self, index: usize) -> &Session {
        &self.entries[index].session
    }

    /// The shape that all of them share, once they are checked.
    pub(crate) fn shape(&self) -> Option<[usize; 3]> {
        self.placed.get()?.first().map(|(_, shape, _)| *shape)
    }

    /// Where the voxels of image `index` lie; it is decoded only where it was not checked.
    ///
    /// # Errors
    /// As [`Images::get`].
    pub(crate) fn affine(&self, index: usize) -> Result<Affine> {
        let placed = self.placed.get().and_then(|placed| placed.get(index));
        match placed.filter(|(image, ..)| *image == index) {
            Some((_, _, affine)) => Ok(*affine),
            None => Ok(self.get(index)?.affine),
        }
    }

    /// Whether they are of cohorts that a table names.
    pub fn several_cohorts(&self) -> bool {
        self.entries.iter().any(|entry| entry.session.cohort != SINGLE)
    }

    /// Image `index`, from memory or decoded now. Images are kept until the budget is used up and
    /// then not replaced: every epoch needs all of them, so exchanging them would only cost time.
    ///
    /// # Errors
    /// An unreadable, constant or non-finite image.
    pub fn get(&self, index: usize) -> Result<Arc<Volume>> {
        let cached = self.lock().volumes[index].clone();
        if let Some(volume) = cached {
            return Ok(volume);
        }
        let volume = Arc::new(self.load(index)?);
        let bytes = match volume.voxels.is_mapped() {
            true => 0,
            false => volume.voxels.len() * size_of::<f32>(),
        };
        let mut cache = self.lock();
        if cache.volumes[index].is_none() && cache.bytes + bytes <= self.budget {
            cache.bytes += bytes;
            cache.volumes[index] = Some(Arc::clone(&volume));
        }
        Ok(volume)
    }

    /// The BLAKE3 hash of the file of image `index`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn hash(&self, index: usize) -> Result<&str> {
        Ok(&self.entries[index].hash()?.blake3)
    }

    /// The BLAKE3 hash of every file, in order.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn hashes(&self) -> Result<Vec<String>> {
        (0..self.len()).map(|index| Ok(self.hash(index)?.to_owned())).collect()
    }

    /// The image from disk, or decoded now and kept there.
    fn load(&self, index: usize) -> Result<Volume> {
        let entry = &self.entries[index];
        // An image of two files has no hash of its own; a tensor is as quick to read as what is kept.
        let name = entry.file.to_string_lossy();
        let packed = name.ends_with(".nii.gz") || name.ends_with(".nii");
        let Some(disk) = self.disk.as_ref().filter(|_| packed) else { return self.decode(index) };
        let hashed = entry.hash()?;
        let key = Key::new(
            &hashed.blake3,
            match self.not_finite {
                NotFinite::Refuse => "decoded",
                NotFinite::Replace => "decoded, NaN replaced",
            },
        );
        if let Some(volume) = disk.get(&key) {
            return Ok(volume);
        }
        let volume = self.decode(index)?;
        // Whoever changed the file meanwhile made it another one than was hashed.
        if entry.is(hashed) && disk.put(key.clone(), &entry.file, &volume) {
            return Ok(disk.get(&key).unwrap_or(volume));
        }
        Ok(volume)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        // The cache is consistent whenever the lock is released, even by a panic.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decode(&self, index: usize) -> Result<Volume> {
        let Entry { session, file, .. } = &self.entries[index];
        let place = session.place(Some(file.clone()));
        let volume = guarded(|| read(file));
        let mut volume = volume.map_err(|error| replaced(error, &place))?;
        if volume.stats.non_finite > 0 {
            if self.not_finite == NotFinite::Refuse {
                return Err(sound::not_finite(&volume.stats).at(place));
            }
            for voxel in volume.voxels.iter_mut().filter(|voxel| !voxel.is_finite()) {
                *voxel = if voxel.is_nan() { 0.0 } else { f32::MAX.copysign(*voxel) };
            }
            volume.stats = Stats::of(&volume.voxels);
        }
        if volume.stats.min == volume.stats.max {
            return Err(sound::constant(&volume.stats).at(place));
        }
        Ok(volume)
    }

    /// Decodes every image once, on `threads` threads, and says everything that is wrong; gives the
    /// shape that all of them share.
    ///
    /// # Errors
    /// All unreadable, constant and non-finite images, and those of another shape than most.
    pub fn check(&self, threads: usize, progress: &(dyn Fn(usize) + Sync)) -> Result<[usize; 3]> {
        let placed = |i| self.get(i).map(|volume| (i, volume.shape, volume.affine));
        let mut problems = Problems::default();
        let results = each(self.len(), threads, progress, placed).into_iter();
        let placed = results.filter_map(|result| problems.take(result)).collect();
        self.shared_shape(placed, problems)
    }

    /// The shape that all images share by their headers; voxels are not looked at, and none may be a
    /// tensor.
    ///
    /// # Errors
    /// All images without a readable header, and those of another shape than most.
    pub(crate) fn header_shape(&self, threads: usize) -> Result<[usize; 3]> {
        let placed = |index: usize| {
            let Entry { session, file, .. } = &self.entries[index];
            let header = guarded(|| volume::read_header(file))
                .map_err(|error| replaced(error, &session.place(Some(file.clone()))))?;
            Ok((index, header.shape, header.affine))
        };
        let mut problems = Problems::default();
        let results = each(self.len(), threads, &|_| (), placed).into_iter();
        let placed = results.filter_map(|result| problems.take(result)).collect();
        self.shared_shape(placed, problems)
    }

    /// The shape of most images; what was wrong with others comes first.
    fn shared_shape(&self, placed: Vec<Placed>, mut problems: Problems) -> Result<[usize; 3]> {
        let placed = self.placed.get_or_init(|| placed);
        let Some(usual) = most_frequent(placed.iter().map(|(_, shape, _)| *shape)) else {
            problems.into_result()?;
            return Err(Error::new(Code::EmptySelection, "there is no image"));
        };
        let found = placed.iter().map(|(i, shape, _)| (self.session(*i), self.file(*i), *shape));
        shapes::odd(&found.collect::<Vec<_>>(), usual, &mut problems);
        problems.into_result()?;
        Ok(usual)
    }
}

/// The value that occurs most often; of several, the one seen first.
pub(crate) fn most_frequent<T: Ord + Clone>(values: impl Iterator<Item = T> + Clone) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values.clone() {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.values().max()?;
    values.into_iter().find(|value| counts.get(value) == Some(most))
}

/// The problem of a file, told for the session it belongs to.
fn replaced(error: Error, place: &Place) -> Error {
    let problem = &error.problems()[0];
    let mut told = Error::new(problem.code, problem.message.clone()).at(place.clone());
    if let Some(help) = &problem.help {
        told = told.help(help.clone());
    }
    match &problem.cause {
        Some(cause) => told.because(cause),
        None => told,
    }
}

/// Reads an image, or a tensor of one.
fn read(file: &Path) -> Result<Volume> {
    if !is_tensor(file) {
        return volume::read(file);
    }
    let (shape, voxels) = volume::read_tensor(file)?;
    let [1, x, y, z] = shape[..] else {
        return Err(Error::new(
            Code::BadTensor,
            format!("an image tensor has the shape 1×depth×height×width, this one {shape:?}"),
        )
        .at(Place::File(file.into())));
    };
    let affine = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    let stats = Stats::of(&voxels);
    Ok(Volume { shape: [x, y, z], voxels: voxels.into(), affine, stats })
}
