//! A small labelled data set out of nothing: heads made of ellipsoids, in the spirit of Shepp and
//! Logan's phantom, as a CAPS with its tables, for tests, examples and first steps.
//!
//! Each head has two regions of interest, one on the left and one on the right, and the class says
//! which of them is large. Pose, tissue, folds, receive field and noise differ between the heads, so
//! no single voxel gives the class away. Ventricles widen with age: regression has something to find.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::participants::SINGLE;
use crate::files::write_atomic;
use crate::random::Random;
use crate::volume;
use crate::{Code, Error, Place, Problems, Result};

mod anatomy;
mod tables;

use anatomy::Anatomy;

/// The classes differ in which of two regions is large, which makes four at most.
const MOST_CLASSES: usize = 4;

/// Counts up whenever the same options give other files.
const VERSION: u32 = 1;

const SESSION: &str = "ses-M000";
const SPACE: &str = "MNI152NLin2009cSym";

/// What the data set is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomOptions {
    /// The names of cohorts, each of which has a CAPS, labels and splits in a folder of its name; by
    /// default none: the data set is one CAPS.
    pub cohorts: Vec<String>,
    /// The number of participants of each class, in each cohort; by default 20.
    pub participants_per_class: usize,
    /// How many of these are left out of the splits, for testing; by default none.
    pub test_per_class: usize,
    /// The names of the classes, two to four; by default "alpha" and "beta".
    pub classes: Vec<String>,
    /// The number of voxels from left to right, back to front and bottom to top; by default
    /// 48, 56, 48.
    pub image_size: [usize; 3],
    /// The standard deviation of the noise, where scalp and white matter are near 1; by default
    /// 0.04.
    pub noise_sigma: f64,
    /// The standard deviation of the Gaussian that blurs the anatomy; by default 0.6.
    pub smoothing_voxels: f64,
    /// One split directly in `splits/`, or so many folds in `splits/split-<k>/`; by default 1.
    pub n_splits: usize,
    /// Whether masks of the two regions are written; by default they are.
    pub masks: bool,
    /// The seed of everything drawn; by default 0.
    pub seed: u64,
}

impl Default for PhantomOptions {
    fn default() -> Self {
        Self {
            cohorts: Vec::new(),
            participants_per_class: 20,
            test_per_class: 0,
            classes: vec!["alpha".to_owned(), "beta".to_owned()],
            image_size: [48, 56, 48],
            noise_sigma: 0.04,
            smoothing_voxels: 0.6,
            n_splits: 1,
            masks: true,
            seed: 0,
        }
    }
}

/// Where the data set of these options lies in `folder`: its CAPS, its labels and its splits; of
/// several cohorts, tables with the columns `cohort` and `path` for each of the three.
pub fn paths(folder: &Path, options: &PhantomOptions) -> [PathBuf; 3] {
    match options.cohorts.is_empty() {
        true => [folder.into(), folder.join("labels.tsv"), folder.join("splits")],
        false => ["cohorts.tsv", "labels.tsv", "splits.tsv"].map(|name| folder.join(name)),
    }
}

/// A data set that lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phantom {
    /// The CAPS; see [`paths`].
    pub caps: PathBuf,
    /// The table of all participants.
    pub labels: PathBuf,
    /// The folder of the splits.
    pub splits: PathBuf,
    /// How many participants there are.
    pub participants: usize,
    /// How many images were written now; fewer than participants where some were there already.
    pub written: usize,
}

/// One imagined participant.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    number: u64,
    id: String,
    class: usize,
    age: f64,
    sex: &'static str,
}

impl Person {
    fn draw(number: usize, options: &PhantomOptions) -> Self {
        let mut random = Random::new(options.seed, "phantom person", &[number as u64]);
        let age = (random.uniform(55.0, 90.0) * 10.0).round() / 10.0;
        let sex = if random.below(2) == 0 { "F" } else { "M" };
        let class = number % options.classes.len();
        Self { number: number as u64, id: format!("sub-PHAN{number:03}"), class, age, sex }
    }

    fn image(&self, caps: &Path) -> PathBuf {
        let name = format!("{}_{SESSION}_space-{SPACE}_desc-Crop_res-1x1x1_T1w.nii.gz", self.id);
        caps.join("subjects").join(&self.id).join(SESSION).join("t1_linear").join(name)
    }
}

/// Makes the data set in `folder`, or completes the one that is there with the same options.
///
/// The same options give the same files, byte by byte, whatever the number of threads.
pub fn generate(folder: &Path, options: &PhantomOptions) -> Result<Phantom> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    generate_with(folder, options, threads)
}

fn generate_with(folder: &Path, options: &PhantomOptions, threads: usize) -> Result<Phantom> {
    check(options)?;
    claim(folder, options)?;
    let participants = options.participants_per_class * options.classes.len();
    let cohort = |folder: &Path, first: usize| -> Result<usize> {
        let people: Vec<_> =
            (first..first + participants).map(|number| Person::draw(number, options)).collect();
        let written = write_images(folder, &people, options, threads)?;
        if options.masks {
            write_masks(folder, options)?;
        }
        tables::write(folder, &people, options)?;
        Ok(written)
    };
    let mut written = 0;
    // Nobody is in two cohorts.
    for (i, name) in options.cohorts.iter().enumerate() {
        written += cohort(&folder.join(name), i * participants)?;
    }
    match options.cohorts.is_empty() {
        true => written += cohort(folder, 0)?,
        false => tables::write_cohorts(folder, options)?,
    }
    let participants = participants * options.cohorts.len().max(1);
    let [caps, labels, splits] = paths(folder, options);
    Ok(Phantom { caps, labels, splits, participants, written })
}

fn check(options: &PhantomOptions) -> Result<()> {
    let mut problems = Problems::default();
    let mut need = |fine: bool, option: &str, message: String| {
        if !fine {
            let error = Error::new(Code::BadOption, message);
            problems.push(error.at(Place::Option(option.to_owned())));
        }
    };
    for (i, name) in options.cohorts.iter().enumerate() {
        let plain = name.chars().all(|mark| mark.is_alphanumeric() || "_-".contains(mark));
        let fine = plain && !name.is_empty() && name != SINGLE;
        need(fine, "cohorts", format!("{name:?} cannot be the name of a cohort and its folder"));
        let twice = options.cohorts[..i].contains(name);
        need(!twice, "cohorts", format!("cohort {name:?} is named twice"));
    }
    let classes = &options.classes;
    need(
        (2..=MOST_CLASSES).contains(&classes.len()),
        "classes",
        format!("2 to {MOST_CLASSES} classes were expected, not {}", classes.len()),
    );
    for (i, name) in classes.iter().enumerate() {
        let plain = !name.is_empty() && name.trim() == name && !name.contains(char::is_control);
        need(plain, "classes", format!("{name:?} cannot be the name of a class"));
        need(!classes[..i].contains(name), "classes", format!("class {name:?} is named twice"));
    }
    need(
        options.image_size.iter().all(|length| (16..=512).contains(length)),
        "image_size",
        format!("16 to 512 voxels along each axis were expected, not {:?}", options.image_size),
    );
    need(
        (0.0..=1.0).contains(&options.noise_sigma),
        "noise_sigma",
        format!("a number from 0 to 1 was expected, not {}", options.noise_sigma),
    );
    need(
        (0.0..=8.0).contains(&options.smoothing_voxels),
        "smoothing_voxels",
        format!("a number from 0 to 8 was expected, not {}", options.smoothing_voxels),
    );
    need(options.n_splits >= 1, "n_splits", "1 or more was expected, not 0".to_owned());
    let needed = options.test_per_class.saturating_add(options.n_splits.max(2));
    need(
        (needed..=100_000).contains(&options.participants_per_class),
        "participants_per_class",
        format!(
            "{needed} to 100000 were expected, so that every side of every split and the {} for \
             testing have members, not {}",
            options.test_per_class, options.participants_per_class
        ),
    );
    problems.into_result()
}

/// Makes `folder` ours: it is empty, or holds a data set with the same options.
fn claim(folder: &Path, options: &PhantomOptions) -> Result<()> {
    let record = folder.join("phantom.json");
    let wanted = serde_json::json!({ "version": VERSION, "options": options });
    let in_use = |message: String| {
        Err(Error::new(Code::OutputInUse, message)
            .at(Place::File(folder.into()))
            .help("choose another folder, or remove this one"))
    };
    if record.is_file() {
        let text = fs::read_to_string(&record)
            .map_err(|error| Error::io(&record, "read what the folder holds", &error))?;
        let found = serde_json::from_str::<Value>(&text).unwrap_or_default();
        // What an older record does not say is as by default.
        let same = serde_json::from_value(found["options"].clone()).is_ok_and(|o| options == &o);
        if same && found["version"] == wanted["version"] {
            return Ok(());
        }
        let differences = differences(&found, &wanted);
        return in_use(format!("a phantom data set is here with {}", differences.join(", ")));
    }
    fs::create_dir_all(folder)
        .map_err(|error| Error::io(folder, "make the folder of the data set", &error))?;
    let mut entries = fs::read_dir(folder)
        .map_err(|error| Error::io(folder, "list the folder of the data set", &error))?;
    if entries.next().is_some() {
        return in_use("the folder holds something else already".to_owned());
    }
    let text = format!("{wanted:#}\n");
    write_atomic(&record, |out| out.write_all(text.as_bytes()))
}

/// `seed 1 instead of 0` for everything that two records say differently.
fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let (from, to) = (&found["options"], &wanted["options"]);
    let options = to.as_object().into_iter().flatten();
    let differing: Vec<_> = options
        .filter(|(key, value)| from[key.as_str()] != **value)
        .map(|(key, value)| format!("{key} {} instead of {value}", from[key.as_str()]))
        .collect();
    if differing.is_empty() { vec!["files of another version".to_owned()] } else { differing }
}

/// Writes the images that are not there yet and says how many those were.
fn write_images(
    folder: &Path,
    people: &[Person],
    options: &PhantomOptions,
    threads: usize,
) -> Result<usize> {
    let affine = affine(options.image_size);
    let write = |person: &Person| {
        let path = person.image(folder);
        if path.is_file() {
            return Ok(0);
        }
        make_parent(&path)?;
        let voxels = Anatomy::draw(person, options.seed).render(options);
        volume::write(&path, options.image_size, &voxels, &affine).map(|()| 1)
    };
    let threads = threads.clamp(1, people.len().max(1));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let mine = people.iter().skip(first).step_by(threads);
                scope.spawn(move || mine.map(write).sum::<Result<usize>>())
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Result<usize>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).sum()
    })
}

/// Boxes that hold the regions of every head, whatever its pose.
fn write_masks(folder: &Path, options: &PhantomOptions) -> Result<()> {
    let [nx, ny, nz] = options.image_size;
    for (region, box_x) in [("left", -0.75..-0.02), ("right", 0.02..0.75)] {
        let name = format!("tpl-{SPACE}_desc-Crop_res-1x1x1_roi-{region}_mask.nii.gz");
        let path = folder.join("masks").join(format!("tpl-{SPACE}")).join(name);
        if path.is_file() {
            continue;
        }
        make_parent(&path)?;
        let place = |i: usize, n: usize| (2 * i + 1) as f64 / n as f64 - 1.0;
        let mut voxels = Vec::with_capacity(nx * ny * nz);
        for x in 0..nx {
            for y in 0..ny {
                let inside = box_x.contains(&place(x, nx)) && place(y, ny).abs() < 0.5;
                voxels.extend(
                    (0..nz).map(|z| {
                        f32::from(u8::from(inside && (-0.6..0.35).contains(&place(z, nz))))
                    }),
                );
            }
        }
        volume::write(&path, options.image_size, &voxels, &affine(options.image_size))?;
    }
    Ok(())
}

/// Voxels of 1 mm, with the origin in the middle.
fn affine(size: [usize; 3]) -> volume::Affine {
    let middle = size.map(|length| -((length - 1) as f64) / 2.0);
    [
        [1.0, 0.0, 0.0, middle[0]],
        [0.0, 1.0, 0.0, middle[1]],
        [0.0, 0.0, 1.0, middle[2]],
        [0.0, 0.0, 0.0, 1.0],
    ]
}

fn make_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| Error::io(folder, "make the folder", &error))
}

#[cfg(test)]
mod tests;
