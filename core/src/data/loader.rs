//! Batches, ready before they are asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;

use super::images::Images;
use super::part::Parts;
use crate::catalog::TransformEntry;
use crate::error::{Code, Error, Place, Result};
use crate::guard::guarded;
use crate::options::Options;
use crate::random::derived_seed;
use crate::shape::{Shape, show};
use crate::volume::{Stats, read_tensor};

/// Part `part` of image `image`: what a network sees at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The image, by its place among [`Images`].
    pub image: usize,
    /// The part, from 0.
    pub part: usize,
    /// How often it was drawn before in the same epoch: transforms change it otherwise each time.
    pub draw: usize,
}

impl Sample {
    /// A part of an image, drawn for the first time.
    pub fn new(image: usize, part: usize) -> Self {
        Self { image, part, draw: 0 }
    }
}

/// A transform with its options.
pub type Step = (Arc<TransformEntry>, Options);

/// How samples are made.
#[derive(Clone)]
pub struct Source {
    /// The decoded images.
    pub images: Arc<Images>,
    /// The way they are cut.
    pub parts: Arc<dyn Parts>,
    /// Whether every part is scaled to 0…1.
    pub normalize: bool,
    /// The saved tensor of a part, image by image and part by part, where it is to be read instead
    /// of cut; empty where none is.
    pub tensors: Arc<[Option<PathBuf>]>,
    /// What is done to each sample in the end, and the seed of this epoch's random choices.
    pub augment: Option<(Arc<[Step]>, u64)>,
}

impl Source {
    /// The voxels of one sample, `[channel, …]` with the last axis fastest.
    ///
    /// # Errors
    /// What decoding its image and the transforms say, panics included, with the session, the file
    /// and the transform.
    pub fn sample(&self, sample: Sample) -> Result<Vec<f32>> {
        let voxels = guarded(|| self.plain(sample));
        let voxels = voxels.map_err(|error| error.at(self.place(sample)))?;
        match &self.augment {
            Some((steps, seed)) => self.augmented(voxels, sample, steps, *seed),
            None => Ok(voxels),
        }
    }

    /// What each transform draws for a sample, as JSON.
    ///
    /// # Errors
    /// What the transforms say.
    pub fn drawn(&self, sample: Sample) -> Result<Vec<Value>> {
        let Some((steps, seed)) = &self.augment else { return Ok(Vec::new()) };
        let shape = self.parts.shape(sample.part);
        let draw = |(i, step): (usize, &Step)| {
            let (entry, options) = step;
            let drawn =
                guarded(|| entry.draw(&shape, options, self.seed_of(*seed, sample, i, entry)));
            drawn.map_err(|error| self.amid(error, entry, sample))
        };
        steps.iter().enumerate().map(draw).collect()
    }

    /// The voxels before any transform.
    fn plain(&self, sample: Sample) -> Result<Vec<f32>> {
        let (mut voxels, known) = match self.tensor_file(sample) {
            Some(file) => (self.tensor(file, sample)?, None),
            _ => {
                let volume = self.images.get(sample.image)?;
                let size: i64 = self.parts.shape(sample.part).iter().product();
                let mut voxels = Vec::with_capacity(size as usize);
                self.parts.cut(&volume, sample.part, &mut voxels);
                (voxels, (self.parts.mode() == "image").then_some(volume.stats))
            }
        };
        if self.normalize {
            let stats = known.unwrap_or_else(|| Stats::of(&voxels));
            min_max(&mut voxels, stats.min, stats.max);
        }
        Ok(voxels)
    }

    /// The file that a part is read from, where it is not cut out of its image.
    fn tensor_file(&self, sample: Sample) -> Option<&Path> {
        let at = sample.image * self.parts.count() + sample.part;
        self.tensors.get(at)?.as_deref()
    }

    /// The session and the file that a sample comes from.
    fn place(&self, sample: Sample) -> Place {
        let file = self.tensor_file(sample).unwrap_or_else(|| self.images.file(sample.image));
        self.images.session(sample.image).place(Some(file.into()))
    }

    /// An error of a transform, with what it was to change.
    fn amid(&self, error: Error, entry: &TransformEntry, sample: Sample) -> Error {
        let (name, origin) = (&entry.info.name, &entry.origin);
        let (part, place) = (self.parts.label(sample.part), self.place(sample));
        let what = format!("the transform {name:?} ({origin}) was to change {part} of {place}");
        error.within("augmentation").at(place).amid(&what)
    }

    /// The seed of the `i`-th transform of a sample: keyed by whose it is, so that it depends on no order,
    /// no thread, and not on what else a run reads.
    fn seed_of(&self, seed: u64, sample: Sample, i: usize, entry: &TransformEntry) -> u64 {
        let visit = self.images.session(sample.image);
        let part = self.parts.label(sample.part);
        let names = [&entry.info.name, &visit.cohort, &visit.participant, &visit.session, &part];
        derived_seed(seed, &names.map(String::as_str).join("\t"), &[i as u64, sample.draw as u64])
    }

    /// The voxels after all transforms.
    fn augmented(
        &self,
        mut voxels: Vec<f32>,
        sample: Sample,
        steps: &[Step],
        seed: u64,
    ) -> Result<Vec<f32>> {
        let shape = self.parts.shape(sample.part);
        for (i, (entry, options)) in steps.iter().enumerate() {
            let seed = self.seed_of(seed, sample, i, entry);
            voxels = guarded(|| entry.apply(voxels, &shape, options, seed))
                .map_err(|error| self.amid(error, entry, sample))?;
        }
        Ok(voxels)
    }

    /// A part that was saved as a tensor, which must have the shape that would be cut.
    fn tensor(&self, file: &Path, sample: Sample) -> Result<Vec<f32>> {
        let place = self.images.session(sample.image).place(Some(file.into()));
        let (shape, voxels) = read_tensor(file).map_err(|error| error.at(place.clone()))?;
        let shape: Shape = shape.into_iter().map(|size| size as i64).collect();
        let expected = self.parts.shape(sample.part);
        if shape != expected {
            let (shape, expected) = (show(&shape), show(&expected));
            let message = format!("the tensor has the shape {shape}, but the part {expected}");
            return Err(Error::new(Code::BadTensor, message)
                .at(place)
                .help("write the tensors again with the same options, or leave use_tensors out"));
        }
        if voxels.iter().any(|voxel| !voxel.is_finite()) {
            return Err(Error::new(
                Code::ImageNotFinite,
                "the tensor holds NaN or infinite voxels",
            )
            .at(place));
        }
        Ok(voxels)
    }
}

/// (v − min) / (max − min), as ClinicaDL; a part that is constant, such as background, becomes 0.
fn min_max(voxels: &mut [f32], min: f32, max: f32) {
    let range = max - min;
    for voxel in voxels {
        *voxel = if range > 0.0 { (*voxel - min) / range } else { 0.0 };
    }
}

/// A batch of samples of one shape.
#[derive(Debug)]
pub struct Batch {
    /// What it holds, in order.
    pub samples: Vec<Sample>,
    /// The shape of one sample.
    pub shape: Shape,
    /// The voxels of all samples, one after the other.
    pub voxels: Vec<f32>,
}

/// Loads batches in the order given, on threads of its own.
pub struct Loader {
    source: Source,
    batches: std::vec::IntoIter<Vec<Sample>>,
    first: usize,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    samples: Vec<Sample>,
    ahead: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    next: usize,
    taken: usize,
    done: BTreeMap<usize, Result<Vec<f32>>>,
    stop: bool,
}

impl Loader {
    /// Starts loading; without threads, samples are made when they are asked for.
    pub fn new(source: Source, batches: Vec<Vec<Sample>>, threads: usize) -> Self {
        let samples: Vec<Sample> = batches.iter().flatten().copied().collect();
        let largest = batches.iter().map(Vec::len).max().unwrap_or(0);
        let state = State { next: 0, taken: 0, done: BTreeMap::new(), stop: false };
        let shared = Arc::new(Shared {
            // One batch is being used; the next one and a half are on their way.
            ahead: (2 * largest).max(largest + threads),
            samples,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let workers = (0..threads.min(shared.samples.len()))
            .map(|_| {
                let (shared, source) = (Arc::clone(&shared), source.clone());
                std::thread::spawn(move || shared.work(&source))
            })
            .collect();
        Self { source, batches: batches.into_iter(), first: 0, shared, workers }
    }

    fn voxels(&self, at: usize) -> Result<Vec<f32>> {
        if self.workers.is_empty() {
            return self.source.sample(self.shared.samples[at]);
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = state.done.remove(&at) {
                state.taken = at + 1;
                self.shared.changed.notify_all();
                return result;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let samples = self.batches.next()?;
        let shape = self.source.parts.shape(samples.first()?.part);
        let size: i64 = shape.iter().product();
        let mut voxels = Vec::with_capacity(size as usize * samples.len());
        for i in 0..samples.len() {
            match self.voxels(self.first + i) {
                Ok(sample) => voxels.extend_from_slice(&sample),
                Err(error) => {
                    // Nothing comes after an error.
                    self.batches = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
        self.first += samples.len();
        Some(Ok(Batch { samples, shape, voxels }))
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Panics are caught where samples are made, so there is nothing to learn from its end.
            drop(worker.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, source: &Source) {
        loop {
            let mut state = self.lock();
            while !state.stop
                && state.next < self.samples.len()
                && state.next >= state.taken + self.ahead
            {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop || state.next >= self.samples.len() {
                return;
            }
            let at = state.next;
            state.next += 1;
            drop(state);
            let made = source.sample(self.samples[at]);
            self.lock().done.insert(at, made);
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
