//! An interpretation from options to files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::names::stem;
use super::options::{Asked, Target};
use super::records::Found;
use super::regions::Atlas;
use super::work::Work;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::experiment::Experiment;
use crate::maps::Maps;
use crate::picture::Plane;
use crate::predict::{
    self, DataGroup, Opened, Staged, Standing, Threads, check_finished, standing,
};
use crate::train::{Event, Session};

/// What was interpreted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interpreted {
    /// The experiment folder.
    pub maps: PathBuf,
    /// The group.
    pub group: String,
    /// The interpretation's name.
    pub name: String,
    /// The method.
    pub method: String,
    /// What was explained: a class, `predicted`, or `output` of a regression.
    pub target: String,
    /// What was found, for each split and selection metric.
    pub results: Vec<Found>,
    /// The folders that were written, within the experiment folder.
    pub written: Vec<PathBuf>,
}

/// Asks the best networks of an experiment which voxels of a group's images their outputs hang on, and
/// writes that into `split-<k>/best-<metric>/<group>/interpret-<name>/` of the experiment folder:
///
/// - `<participant>_<session>_image_map.nii.gz` for each image, in its own space: maps of parts are put
///   back into the volume, the mean where parts overlap, 0 where no part lies;
/// - `mean_map.nii.gz`, the mean over the images, and `mean_<class>_map.nii.gz` for each class that is
///   true of them; of the target `predicted`, whose maps explain different outputs, the means over those
///   that explain the same one alone;
/// - `pictures/`, slices of these maps over the images, and how they are coloured in `scales.tsv`;
/// - `scores.tsv`, the score of each part that is explained; `regions.tsv` and `mean_regions.tsv`, means
///   per region of an atlas over those of its `voxels` that parts see, `seen`; `randomised.tsv`, how like each map is to that of random weights;
/// - `interpret.json`: what was asked for, and the hashes of the weights.
///
/// The group is one that the experiment has, or a new one, as for
/// [`predict`](crate::predict::predict()). Networks compute with float32, whatever they were trained
/// with. Everything is made beside the experiment's results and put into its place at the end. On the
/// same machine with the same number of compute threads and the same batch size the files have the same
/// bytes; sums of floats in other orders change last digits.
///
/// # Errors
/// What is wrong with the options, the folder, the tables and the images, before anything is computed;
/// [`Code::InterpretationInUse`]; [`Code::NotDifferentiable`]; [`Code::MapNotFinite`];
/// [`Code::Interrupted`], where nothing is changed.
pub fn interpret(
    maps: &Path,
    group: &str,
    name: &str,
    options: &Map<String, Value>,
    session: &Session<'_>,
) -> Result<Interpreted> {
    let asked = Asked::read(options)?;
    check_names(group, name)?;
    // A folder that is no experiment is not written to, not even a lock.
    Experiment::open(maps)?;
    let folder = Maps::reopen(maps)?;
    let _threads = asked.group.threads.map(Threads::set);
    let mut opened = Opened::open(maps, &asked.group.device, session)?;
    if let Some(threads) = asked.group.threads {
        opened.set_threads(threads);
    }
    let target = asked.target(opened.config.task, &opened.classes)?;
    let plan = opened.plan(session.catalog)?;
    asked.method.check(&plan)?;
    let (passes, caution) = (asked.method.passes(&plan)?, asked.method.caution(&plan)?);
    let atlas = match &asked.atlas {
        Some(file) => Some(Atlas::read(file, asked.atlas_names.as_deref())?),
        None => None,
    };
    let chosen = opened.chosen(asked.group.splits.as_deref(), asked.group.metrics.as_deref())?;
    let mut splits: Vec<usize> = chosen.iter().map(|(split, _)| *split).collect();
    splits.dedup();
    for (split, metric) in &chosen {
        opened.models(*split, metric)?;
    }
    if target == Target::Predicted {
        check_finished(&opened, &splits)?;
    }
    for split in splits.iter().filter(|split| folder.split(**split).join("tmp").is_dir()) {
        let text =
            format!("split {split} is not finished: its best networks so far are interpreted");
        session.tell(Event::Warning { text });
    }
    let standing =
        standing(&opened, group, &asked.group.group).map_err(|error| goes_on(error, maps))?;
    let places: Vec<PathBuf> =
        chosen.iter().map(|pair| place(&opened, pair, group, name)).collect();
    let old: Vec<PathBuf> =
        places.iter().filter(|place| maps.join(place).exists()).cloned().collect();
    if standing == Standing::New {
        check_new(&opened, group)?;
    }
    check_unused(maps, name, &old, asked.overwrite)?;
    let group = DataGroup::open(&opened, group, &asked.group.group, &splits, session)?;
    check_images(&group, &splits, &asked, atlas.as_ref())?;
    let warnings = [
        caution.clone(),
        atlas.as_ref().and_then(Atlas::warning),
        long(&group, &chosen, &asked, passes),
    ];
    for text in warnings.into_iter().flatten() {
        session.tell(Event::Warning { text });
    }
    if !old.is_empty() {
        let paths = old.iter().map(|place| maps.join(place)).collect();
        session.tell(Event::Replacing { paths });
    }
    let mut staged = Staged::new(&folder)?;
    let work = Work {
        opened: &opened,
        group: &group,
        asked: &asked,
        target,
        atlas: atlas.as_ref(),
        passes,
        caution,
        session,
    };
    let mut done = Interpreted {
        maps: maps.into(),
        group: group.name.clone(),
        name: name.into(),
        method: asked.method.name().to_owned(),
        target: target.describe(&opened.classes),
        results: Vec::new(),
        written: Vec::new(),
    };
    let mut mean = None;
    for ((split, metric), place) in chosen.iter().zip(places) {
        let folder = staged.folder(&place)?;
        done.results.push(work.model((*split, metric), &folder, &mut mean)?);
        done.written.push(place);
    }
    if group.standing == Standing::New {
        let place = Path::new("groups").join(&group.name);
        group.write(&staged.folder(&place)?)?;
        done.written.push(place);
    }
    if session.stopped() {
        return Err(Error::new(Code::Interrupted, "stopped before the maps were put in place"));
    }
    staged.commit(old)?;
    Ok(done)
}

/// Checks what would only be found while maps are written.
///
/// # Errors
/// All images whose names or affines do not serve, and those that do not lie as the atlas does; a group
/// of one image, which is its own mean.
fn check_images(
    group: &DataGroup,
    splits: &[usize],
    asked: &Asked,
    atlas: Option<&Atlas>,
) -> Result<()> {
    let mut problems = Problems::default();
    let one = splits.iter().find(|split| group.members(**split).len() < 2);
    if asked.method.wants_baseline()? && one.is_some() {
        let message = "the mean of one image is that image, from which nothing differs";
        let error = Error::new(Code::BadOption, message).at(Place::Option("baseline".into()));
        problems.push(error.help("take the baseline \"zero\", or a larger group"));
    }
    let images = &group.source.images;
    let members = splits.iter().flat_map(|split| group.members(*split));
    let members: BTreeSet<usize> = members.map(|(image, _)| *image).collect();
    let mut off = Vec::new();
    for image in &members {
        let affine = images.affine(*image)?;
        let place = || images.session(*image).place(Some(images.file(*image).into()));
        problems.take(stem(images, *image));
        if asked.pictures {
            let axis = Plane::Axial.file_axis(&affine);
            problems.take(axis.map_err(|error| error.at(place())));
        }
        if let (Some(atlas), Some(shape)) = (atlas, images.shape()) {
            off.extend(atlas.check(shape, &affine).map_err(|error| error.at(place())).err());
        }
    }
    // Where none lies as the atlas does, one stands for all.
    let all = off.len() == members.len();
    off.into_iter().take(if all { 1 } else { usize::MAX }).for_each(|error| problems.push(error));
    problems.into_result()
}

/// Passes of samples from which on a person waits for hours where there is no GPU.
const MANY_PASSES: u64 = 100_000;

/// Says how much is to be computed where that is much.
fn long(
    group: &DataGroup,
    chosen: &[(usize, String)],
    asked: &Asked,
    passes: u64,
) -> Option<String> {
    let parts = group.source.parts.count() as u64;
    let samples: u64 = chosen.iter().map(|(split, _)| group.members(*split).len() as u64).sum();
    let samples = samples * parts * (1 + u64::from(asked.randomise));
    let all = samples.saturating_mul(passes);
    (passes > 1 && all >= MANY_PASSES).then(|| {
        let (method, mode) = (asked.method.name(), group.source.parts.mode());
        format!(
            "{method} takes up to {all} passes through the networks, {passes} for each {mode}: its \
             options say how many"
        )
    })
}

impl Target {
    /// What is explained, in a word.
    pub(super) fn describe(self, classes: &[String]) -> String {
        match self {
            Self::Predicted => "predicted".into(),
            Self::Output(output) => classes.get(output).cloned().unwrap_or_else(|| "output".into()),
        }
    }
}

/// Says how to go on with a group that is there: an interpretation replaces none.
fn goes_on(error: Error, maps: &Path) -> Error {
    if error.code() != Code::GroupInUse {
        return error;
    }
    let message = error.problems()[0].message.clone();
    Error::new(Code::GroupInUse, message)
        .at(Place::File(maps.into()))
        .help("say nothing about who is in it, to go on with it as it is, or choose another name")
}

/// Where an interpretation goes, within the experiment folder.
fn place(opened: &Opened, (split, metric): &(usize, String), group: &str, name: &str) -> PathBuf {
    let folder = opened.folder.best(*split, metric).join(group).join(format!("interpret-{name}"));
    folder.strip_prefix(&opened.root).map(Path::to_path_buf).unwrap_or(folder)
}

/// Checks what can be checked of an interpretation before there is an experiment: the options by
/// themselves, and the names of the group and the interpretation.
///
/// # Errors
/// What is wrong with them.
pub fn check(group: &str, name: &str, options: &Map<String, Value>) -> Result<()> {
    Asked::read(options)?;
    check_names(group, name)
}

/// The names are those of folders, or parts of them.
fn check_names(group: &str, name: &str) -> Result<()> {
    predict::check_name(group)?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 100 && name.chars().all(fits) {
        return Ok(());
    }
    let message = format!("{name:?} cannot be the name of an interpretation");
    Err(Error::new(Code::BadOption, message)
        .at(Place::Option("name".into()))
        .help("it is part of a folder's name: take letters, digits, -, _ and ."))
}

/// A new group does not come beside what is of other people.
fn check_new(opened: &Opened, group: &str) -> Result<()> {
    let others = predict::of_others(opened, group)?;
    if others.is_empty() {
        return Ok(());
    }
    let list =
        others.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
    let message = format!("results of another group {group:?} are there already: {list}");
    Err(Error::new(Code::GroupInUse, message)
        .at(Place::File(opened.root.clone()))
        .help("choose another name for the group, or move what is there elsewhere"))
}

/// Nothing is overwritten unless that is asked for.
fn check_unused(maps: &Path, name: &str, old: &[PathBuf], overwrite: bool) -> Result<()> {
    if old.is_empty() || overwrite {
        return Ok(());
    }
    let list = old.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
    let message = format!("there is an interpretation {name:?} already: {list}");
    Err(Error::new(Code::InterpretationInUse, message).at(Place::File(maps.into())).help(
        "choose another name, other splits or selection metrics, or pass overwrite to replace it",
    ))
}
