//! Tensors on disk, for programs that do not cut parts on the fly.
//!
//! What ClinicaDL's `prepare-data` does, with its file names and JSON, so that it reads the tensors as
//! its own; they are cut by the code that cuts parts in training.
//!
//! A file that is there, and not older than its image and masks, is left alone. As every file appears
//! at once and whole, a run that was stopped or killed goes on when it is started again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::data::caps::Caps;
use crate::data::cohorts::{Cohorts, is_table};
use crate::data::images::Images;
use crate::data::options::specs;
use crate::data::part::{self, Parts};
use crate::data::participants::{SINGLE, Session, read_sessions};
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files::{self, Lock};
use crate::guard::guarded;
use crate::options::Options;
use crate::train::inputs::{budget, not_finite, preprocessing, regions};
use crate::volume::{write_pt, write_safetensors};

mod description;
mod targets;
#[cfg(test)]
mod tests;

use description::Description;
use targets::{Target, Targets};

/// The kind of file that holds a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `torch.save` writes it, float32; ClinicaDL reads it.
    Pt,
    /// The tensor `tensor` of a safetensors file.
    Safetensors,
}

impl Format {
    /// How its files end, without the point.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pt => "pt",
            Self::Safetensors => "safetensors",
        }
    }

    fn write(self, path: &Path, values: &[f32], shape: &[usize]) -> Result<()> {
        match self {
            Self::Pt => write_pt(path, values, shape),
            Self::Safetensors => write_safetensors(path, values, shape),
        }
    }
}

/// What is to be prepared.
#[derive(Debug, Clone)]
pub struct Preparation {
    /// The options of `data`, as in a training.
    pub data: Map<String, Value>,
    /// A table of the sessions; without one, all that the CAPS has.
    pub table: Option<PathBuf>,
    /// The name of the JSON in `tensor_extraction`; `<mode>.json` without one.
    pub name: Option<String>,
    /// The kind of files.
    pub format: Format,
    /// How many threads decode, cut and write.
    pub threads: usize,
}

/// What happens meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Something a person should know.
    Warning(String),
    /// Images that were decoded and found sound, of those that something is missing of.
    Checking {
        /// So many.
        done: usize,
        /// Of so many.
        images: usize,
    },
    /// Everything is checked, and writing begins.
    Planned(Plan),
    /// Images whose tensors are written.
    Writing {
        /// So many.
        done: usize,
        /// Of so many.
        images: usize,
    },
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All images.
    pub images: usize,
    /// Parts of each.
    pub parts: usize,
    /// Images that are finished, and left alone.
    pub finished: usize,
    /// Files to write.
    pub files: usize,
    /// Those among them that are there, but older than their image or mask.
    pub outdated: usize,
    /// The disk space that they take, in bytes.
    pub bytes: u64,
    /// What is free, where the system says it.
    pub free: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What was found before.
    pub plan: Plan,
    /// The JSON that says how the tensors were cut.
    pub json: PathBuf,
}

/// Writes the tensors of all images, and then the JSON.
///
/// Everything is checked before the first write: the options, that each session has an image, that
/// images can be read and have one shape, masks, a JSON that is there already, and the disk space.
/// `stop` ends it between two files.
///
/// # Errors
/// All that is wrong with the options, the table or the images; [`Code::PreparedOtherwise`];
/// [`Code::DiskFull`]; [`Code::OutputLocked`] where another process writes tensors into this CAPS;
/// [`Code::Interrupted`]; what the disk says.
pub fn prepare(
    preparation: &Preparation,
    stop: &AtomicBool,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Prepared> {
    let options = Options::check(&specs(), &preparation.data, "prepare")?;
    let root = PathBuf::from(options.text("caps")?);
    let (cohorts, preprocessing) = (open(&root)?, preprocessing(&options)?);
    let sessions = sessions(cohorts.caps(SINGLE)?, preparation.table.as_deref())?;
    let found = cohorts.find(&sessions, &preprocessing)?;
    found.warnings.iter().for_each(|warning| tell(Progress::Warning(warning.to_string())));
    let files: Vec<(Session, PathBuf)> = sessions.into_iter().zip(found.files).collect();

    let images = |files: Vec<(Session, PathBuf)>| {
        Ok::<_, Error>(Images::new(files, not_finite(&options)?, budget(&options)?))
    };
    let shape = images(files.clone())?.header_shape(preparation.threads)?;
    let masks = regions(&cohorts, &BTreeSet::from([SINGLE]), &preprocessing, &options)?;
    let mask_files: Vec<PathBuf> = masks.iter().map(|mask| mask.file.clone()).collect();
    let parts = part::parts(&options, shape, masks)?;
    let description = Description::new(preparation, &options, &preprocessing, parts.as_ref())?;
    let json = root.join("tensor_extraction").join(description.name());
    let written = description.check(&json)?;

    let targets = Targets {
        caps: cohorts.caps(SINGLE)?,
        preprocessing: &preprocessing,
        parts: parts.as_ref(),
        format: preparation.format,
        masks: &mask_files,
    };
    let (pending, mut plan) = targets.plan(&files)?;
    let (own, wanted): (Vec<_>, Vec<_>) =
        pending.into_iter().map(|(image, targets)| (files[image].clone(), targets)).unzip();
    let images = images(own)?;
    if !images.is_empty() {
        let total = images.len();
        let progress = |done| tell(Progress::Checking { done, images: total });
        images.check(preparation.threads, &progress)?;
    }
    plan.free = files::free_bytes(&root);
    plan.check_space(&root)?;
    tell(Progress::Planned(plan.clone()));

    let _lock = lock(&json)?;
    let work = Work { images: &images, wanted: &wanted, parts: parts.as_ref(), stop, tell };
    work.run(preparation)?;
    if !written {
        description.write(&json)?;
    }
    Ok(Prepared { plan, json })
}

/// The CAPS, as the only cohort.
fn open(root: &Path) -> Result<Cohorts> {
    if is_table(root) {
        return Err(Error::new(Code::BadOption, "tensors are written into one CAPS at a time")
            .at(Place::File(root.into()))
            .help("name the folder of a CAPS, and prepare one after the other"));
    }
    Cohorts::open(root)
}

fn sessions(caps: &Caps, table: Option<&Path>) -> Result<Vec<Session>> {
    let (sessions, place) = match table {
        Some(file) => (read_sessions(&Table::read(file)?, &[])?, file),
        None => (caps.sessions()?, caps.root()),
    };
    if sessions.is_empty() {
        return Err(Error::new(Code::EmptySelection, "there is no session to prepare")
            .at(Place::File(place.into())));
    }
    Ok(sessions)
}

/// Keeps other processes from writing tensors into the CAPS.
fn lock(json: &Path) -> Result<Lock> {
    let folder = json.parent().unwrap_or(json);
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::io(folder, "make the folder", &error))?;
    let lock = Lock::acquire(&folder.join(".lock")).map_err(|error| match error.code() {
        Code::OutputLocked => Error::new(Code::OutputLocked, "another process writes tensors here")
            .at(Place::File(folder.into()))
            .help("wait until it has finished; then the same command goes on"),
        _ => error,
    })?;
    files::remove_leftovers(folder)?;
    Ok(lock)
}

impl Plan {
    fn check_space(&self, root: &Path) -> Result<()> {
        let size = |bytes: u64| match bytes as f64 {
            many if many >= 1e9 => format!("{:.2} GB", many / 1e9),
            few => format!("{:.1} MB", few / 1e6),
        };
        match self.free {
            Some(free) if free < self.bytes => {
                let message = format!(
                    "{} files of tensors take {}, but {} are free",
                    self.files,
                    size(self.bytes),
                    size(free)
                );
                Err(Error::new(Code::DiskFull, message).at(Place::File(root.into())).help(
                    "nothing was written; free some space, or leave the parts to be cut on the fly",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The images that something is missing of, and what.
struct Work<'a> {
    images: &'a Images,
    wanted: &'a [Vec<Target>],
    parts: &'a dyn Parts,
    stop: &'a AtomicBool,
    tell: &'a (dyn Fn(Progress) + Sync),
}

impl Work<'_> {
    /// Writes all that is missing, on threads that take one image after the other.
    fn run(&self, preparation: &Preparation) -> Result<()> {
        let folders: BTreeSet<&Path> =
            self.wanted.iter().flatten().filter_map(|target| target.file.parent()).collect();
        for folder in folders {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io(folder, "make the folder", &error))?;
            // The lock is ours, so nobody else is writing there.
            files::remove_leftovers(folder)?;
        }
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = Mutex::new((0, Problems::default()));
        let total = self.images.len();
        std::thread::scope(|scope| {
            for _ in 0..preparation.threads.clamp(1, total.max(1)) {
                scope.spawn(|| {
                    while !self.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                        let image = next.fetch_add(1, Ordering::Relaxed);
                        if image >= total {
                            break;
                        }
                        let done = guarded(|| self.one(image, preparation.format));
                        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                        match done {
                            Ok(true) => {
                                state.0 += 1;
                                (self.tell)(Progress::Writing { done: state.0, images: total });
                            }
                            Ok(false) => {}
                            Err(error) => {
                                failed.store(true, Ordering::Relaxed);
                                state.1.push(error);
                            }
                        }
                    }
                });
            }
        });
        let (done, problems) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        problems.into_result()?;
        if done < total {
            let message = format!("{done} of {total} images were prepared");
            return Err(Error::new(Code::Interrupted, message)
                .help("what was written stays: the same command goes on from there"));
        }
        Ok(())
    }

    /// Writes what is missing of one image; false where it was to stop before the end.
    fn one(&self, image: usize, format: Format) -> Result<bool> {
        let volume = self.images.get(image)?;
        let mut values = Vec::new();
        for target in &self.wanted[image] {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            values.clear();
            self.parts.cut(&volume, target.part, &mut values);
            let shape = self.parts.shape(target.part);
            let shape: Vec<usize> = shape.into_iter().map(|size| size as usize).collect();
            format.write(&target.file, &values, &shape)?;
        }
        Ok(true)
    }
}
