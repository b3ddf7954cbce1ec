//! Tensors on disk, for programs that do not cut parts on the fly.
//!
//! What ClinicaDL's `prepare-data` does, with its file names and JSON, so that it reads the tensors as
//! its own; they are cut by the code that cuts parts in training.
//!
//! Every file says which image and mask it was cut from, by their hashes; one that was cut from what is
//! there is left alone, and so is one of ClinicaDL's that is not older than its image and mask. As every
//! file appears at once and whole, a run that was stopped or killed goes on when it is started again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};

use crate::cache::Stamp;
use crate::data::caps::{Caps, Origin};
use crate::data::cohorts::{Cohorts, is_table};
use crate::data::images::Images;
use crate::data::options::specs;
use crate::data::part::{self, Parts};
use crate::data::participants::{SINGLE, Session, read_sessions};
use crate::data::pattern::Preprocessing;
use crate::data::table::Table;
use crate::each::each_until;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::files::{self, Lock};
use crate::guard::guarded;
use crate::options::Options;
use crate::train::inputs::{budget, not_finite, preprocessing, regions};
use crate::volume::{write_pt_with, write_safetensors};

mod description;
mod targets;
#[cfg(test)]
mod tests;

use description::Description;
use targets::{MOVE_AWAY, Missing, Targets};

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

    fn write(self, path: &Path, values: &[f32], shape: &[usize], origin: &Origin) -> Result<()> {
        let note = serde_json::to_string(origin).map_err(|error| {
            Error::new(Code::Internal, "cannot say what a tensor was cut from").because(error)
        })?;
        match self {
            Self::Pt => write_pt_with(path, values, shape, Some(&note)),
            Self::Safetensors => write_safetensors(path, values, shape, &note),
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
    /// Images whose tensors were looked for.
    Comparing {
        /// So many.
        done: usize,
        /// Of so many.
        images: usize,
    },
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
    /// Those among them that are there, but not whole or cut from another image or mask.
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
/// images can be read and have one shape, masks, JSONs that are there already, and the disk space.
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

    let (not_finite, budget) = (not_finite(&options)?, budget(&options)?);
    let images = |files: Vec<(Session, PathBuf)>| Images::new(files, not_finite, budget);
    let all = images(files.clone());
    let shape = all.header_shape(preparation.threads)?;
    let masks = regions(&cohorts, &BTreeSet::from([SINGLE]), &preprocessing, &options)?;
    let parts = part::parts(&options, shape, all.usual_affine().as_ref(), masks)?;
    let description = Description::new(preparation, &options, &preprocessing, parts.as_ref())?;
    let json = root.join("tensor_extraction").join(description.name());
    let caps = cohorts.caps(SINGLE)?;
    let is_written = || {
        check_names(caps, &preprocessing, parts.as_ref())?;
        description.check(&json)
    };
    is_written()?;

    let targets = Targets {
        caps,
        preprocessing: &preprocessing,
        parts: parts.as_ref(),
        format: preparation.format,
        not_finite,
    };
    let total = files.len();
    let progress = |done| tell(Progress::Comparing { done, images: total });
    let (pending, mut plan) = targets.plan(&files, preparation.threads, &progress)?;
    let images = images(pending.iter().map(|missing| files[missing.image].clone()).collect());
    if !images.is_empty() {
        let total = images.len();
        let progress = |done| tell(Progress::Checking { done, images: total });
        images.check(preparation.threads, &progress)?;
    }
    plan.free = files::free_bytes(&root);
    plan.check_space(&root)?;
    tell(Progress::Planned(plan.clone()));

    let _lock = lock(&json)?;
    // Another process may have finished meanwhile.
    let written = is_written()?;
    let work = Work { images: &images, pending: &pending, parts: parts.as_ref(), stop, tell };
    work.run(preparation)?;
    if !written {
        description.write(&json)?;
    }
    Ok(Prepared { plan, json })
}

/// Refuses regions whose files would have the names of those of other images.
fn check_names(caps: &Caps, preprocessing: &Preprocessing, parts: &dyn Parts) -> Result<()> {
    if parts.mode() != "roi" {
        return Ok(());
    }
    match caps.namesakes(preprocessing, &Value::Object(parts.describe()))? {
        None => Ok(()),
        Some(other) => {
            let message = "tensors of these regions were cut from other images, and have the names \
                           that these would have";
            Err(Error::new(Code::PreparedOtherwise, message).at(Place::File(other)).help(MOVE_AWAY))
        }
    }
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
    pending: &'a [Missing],
    parts: &'a dyn Parts,
    stop: &'a AtomicBool,
    tell: &'a (dyn Fn(Progress) + Sync),
}

impl Work<'_> {
    /// Writes all that is missing, on threads that take one image after the other.
    fn run(&self, preparation: &Preparation) -> Result<()> {
        let targets = self.pending.iter().flat_map(|missing| &missing.targets);
        let folders: BTreeSet<&Path> = targets.filter_map(|target| target.file.parent()).collect();
        for folder in folders {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io(folder, "make the folder", &error))?;
            // The lock is ours, so nobody else is writing there.
            files::remove_leftovers(folder)?;
        }
        let (failed, total) = (AtomicBool::new(false), self.images.len());
        let stop = || self.stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
        let progress = |done| (self.tell)(Progress::Writing { done, images: total });
        let work = |image| {
            let done = guarded(|| self.one(image, preparation.format)).transpose();
            failed.fetch_or(matches!(done, Some(Err(_))), Ordering::Relaxed);
            done
        };
        let results = each_until(total, preparation.threads, &stop, &progress, work);
        let (mut done, mut problems) = (0, Problems::default());
        results.into_iter().for_each(|result| done += usize::from(problems.take(result).is_some()));
        problems.into_result()?;
        if done < total {
            let message = format!("{done} of {total} images were prepared");
            return Err(Error::new(Code::Interrupted, message)
                .help("what was written stays: the same command goes on from there"));
        }
        Ok(())
    }

    /// Writes what is missing of one image; nothing where it was to stop before the end.
    fn one(&self, image: usize, format: Format) -> Result<Option<()>> {
        let volume = self.images.get(image)?;
        let missing = &self.pending[image];
        if Stamp::of(self.images.file(image)).ok() != missing.stamp {
            let place = self.images.session(image).place(Some(self.images.file(image).into()));
            return Err(Error::new(Code::BadImage, "the image has changed since the start")
                .at(place)
                .help("start again once nothing writes images any more"));
        }
        let mut values = Vec::new();
        for target in &missing.targets {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            values.clear();
            self.parts.cut(&volume, target.part, &mut values);
            let shape = self.parts.shape(target.part);
            let shape: Vec<usize> = shape.into_iter().map(|size| size as usize).collect();
            format.write(&target.file, &values, &shape, &target.origin)?;
        }
        Ok(Some(()))
    }
}
