//! Everything short of training: what a run needs is found and checked, and every problem told at
//! once, before anything is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tch::Device;

use super::config::{Config, cores};
use super::evaluate::Evaluator;
use super::named::Named;
use super::objective::Objective;
use super::rehearsal::rehearse;
use super::session::{Event, Session};
use crate::catalog::ArchitectureRequest;
use crate::data::caps::{Caps, MaskOptions};
use crate::data::images::{Images, NotFinite};
use crate::data::loader::{Sample, Source, Step};
use crate::data::part::{self, Region};
use crate::data::participants::Session as Visit;
use crate::data::pattern::Preprocessing;
use crate::data::split::{Label, Split, SplitFolder, SplitOptions, Target};
use crate::device;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::network::{NetworkSpec, Plan};
use crate::random::derived_seed;
use crate::shape::{Shape, show};

/// Bytes that the largest map of a batch may take in evaluation.
const EVALUATION_BYTES: i64 = 32 << 20;

/// A run that is ready to start.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) objective: Objective,
    /// What is done to training images, in order.
    pub(crate) augmentation: Arc<[Step]>,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) device: Device,
    pub(crate) single_split: bool,
    pub(crate) splits: Vec<Sides>,
    pub(crate) classes: Vec<String>,
    pub(crate) source: Source,
    pub(crate) input: Shape,
    pub(crate) spec: NetworkSpec,
    /// Samples per forward pass in evaluation, where nothing is kept for a backward pass.
    pub(crate) evaluation_batch: usize,
    pub(crate) warnings: Vec<String>,
}

/// The two sides of a split, as images with their class.
pub(crate) struct Sides {
    pub(crate) split: Split,
    pub(crate) train: Vec<(usize, usize)>,
    pub(crate) validation: Vec<(usize, usize)>,
}

impl Prepared {
    /// A fresh plan of the network.
    pub(crate) fn plan(&self, session: &Session<'_>) -> Result<Plan> {
        Plan::new(self.spec.clone(), &self.input, session.catalog)
    }

    /// Where training samples of an epoch come from, augmented where that was asked for.
    pub(crate) fn training_source(&self, split: usize, epoch: usize) -> Source {
        let mut source = self.source.clone();
        if !self.augmentation.is_empty() {
            let keys = [split as u64, epoch as u64];
            let seed = derived_seed(self.config.seed, "augmentation", &keys);
            source.augment = Some((Arc::clone(&self.augmentation), seed));
        }
        source
    }

    /// How sets are evaluated.
    pub(crate) fn evaluator<'a>(&'a self, session: &'a Session<'a>) -> Evaluator<'a> {
        Evaluator {
            objective: &self.objective,
            source: &self.source,
            batch_size: self.evaluation_batch,
            threads: self.config.loader_threads,
            session,
        }
    }

    /// All parts of these images, image by image, with the class of each.
    pub(crate) fn samples(&self, side: &[(usize, usize)]) -> Vec<(Sample, usize)> {
        let parts = self.source.parts.count();
        side.iter()
            .flat_map(|(image, class)| {
                (0..parts).map(|part| (Sample { image: *image, part }, *class))
            })
            .collect()
    }
}

/// Finds and checks everything that `config` names.
pub(crate) fn prepare(config: Config, session: &Session<'_>) -> Result<Prepared> {
    let mut problems = Problems::default();
    problems.take(check_output(&config.output));
    let named = problems.take(Named::find(&config, session));
    let device = problems.take(device::choose(config.train.text("device")?));
    let splits = problems.take(read_splits(&config));
    let preprocessing = problems.take(preprocessing(&config));
    let caps_folder = PathBuf::from(config.data.text("caps")?);
    let caps =
        problems.take(Caps::open(&caps_folder).map_err(|e| e.at(Place::Option("caps".into()))));

    // Files are looked up even where other things are wrong, so that one report holds all.
    let mut files = None;
    if let (Some(caps), Some(pre), Some((splits, _))) = (&caps, &preprocessing, &splits) {
        files = problems.take(find_files(caps, pre, splits, &config));
    }
    problems.into_result()?;
    let ready = (named, device, splits, preprocessing, caps, files);
    let (Some(named), Some(device), Some(splits), Some(preprocessing), Some(caps), Some(files)) =
        ready
    else {
        return Err(Error::new(Code::Internal, "a check failed without saying why"));
    };
    let ((splits, single_split), (visits, warnings)) = (splits, files);
    session.tell(Event::Device { name: device::describe(device) });

    let numbers: BTreeMap<(String, String), usize> = visits
        .iter()
        .enumerate()
        .map(|(i, (visit, _))| ((visit.participant.clone(), visit.session.clone()), i))
        .collect();
    let images = Arc::new(Images::new(visits, not_finite(&config)?, budget(&config)?));
    let total = images.len();
    let image_shape = images.check(cores(), &|done| {
        session.tell(Event::Checking { done, images: total });
    })?;
    let masks = regions(&caps, &preprocessing, &config)?;
    let parts: Arc<dyn part::Parts> = Arc::from(part::parts(&config.data, image_shape, masks)?);
    let input = parts.shape(0);
    session.tell(Event::Data {
        images: total,
        shape: image_shape,
        mode: parts.mode().into(),
        parts: parts.count(),
    });

    let classes = splits[0].classes.as_ref().map_or_else(Vec::new, |classes| classes.names.clone());
    let request = ArchitectureRequest {
        input: input.clone(),
        outputs: classes.len() as i64,
        options: config.train.map("options")?.clone(),
    };
    let spec = named.architecture.architecture.build(&request)?;
    let plan = Plan::new(spec.clone(), &input, session.catalog)?;
    if plan.output != [classes.len() as i64] {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "{} classes need {} outputs, but {:?} gives {}",
                classes.len(),
                classes.len(),
                spec.architecture,
                show(&plan.output)
            ),
        )
        .help("end the network with linear(p.outputs)"));
    }
    let largest = plan.rows.iter().map(|row| row.output_bytes).max().unwrap_or(1).max(1);
    let evaluation_batch = config.batch_size.max((EVALUATION_BYTES / largest) as usize);
    let splits = splits
        .into_iter()
        .map(|split| {
            let side = |rows: &[crate::data::split::Row]| {
                rows.iter()
                    .filter_map(|row| {
                        let key = (row.session.participant.clone(), row.session.session.clone());
                        match row.label {
                            Label::Class(class) => Some((*numbers.get(&key)?, class)),
                            _ => None,
                        }
                    })
                    .collect()
            };
            Sides { train: side(&split.train), validation: side(&split.validation), split }
        })
        .collect();
    let tensors = match config.data.flag("use_tensors")? {
        true => part_tensors(&caps, &preprocessing, &images, parts.as_ref())?.into(),
        false => Arc::from([]),
    };
    let source =
        Source { images, parts, normalize: config.data.flag("normalize")?, tensors, augment: None };
    let prepared = Prepared {
        config,
        objective: named.objective,
        augmentation: named.augmentation,
        preprocessing,
        device,
        single_split,
        splits,
        classes,
        source,
        input,
        spec,
        evaluation_batch,
        warnings,
    };
    rehearse(&prepared, session)?;
    Ok(prepared)
}

/// Results are never overwritten: the folder must be new or empty.
fn check_output(output: &Path) -> Result<()> {
    let at = || Place::File(output.into());
    if output.as_os_str().is_empty() {
        let error = Error::new(Code::BadOption, "the output has no name");
        return Err(error.at(Place::Option("output".into())).help("name a folder that is new"));
    }
    match std::fs::read_dir(output) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::new(Code::OutputInUse, "the output folder is not empty")
                .at(at())
                .help("choose another output, or move this folder away; nothing is overwritten")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Error::new(Code::OutputInUse, "the output is a file, not a folder").at(at()))
        }
        Err(error) => Err(Error::io(output, "look into the output folder", &error)),
    }
}

/// The splits asked for, and whether the folder holds a single one.
fn read_splits(config: &Config) -> Result<(Vec<Split>, bool)> {
    let folder = SplitFolder::open(Path::new(config.train.text("splits")?))?;
    let all = folder.indices();
    let wanted = match config.train.has("split") {
        false => all.clone(),
        true => config
            .train
            .ints("split")?
            .iter()
            .map(|i| usize::try_from(*i).unwrap_or(usize::MAX))
            .collect(),
    };
    let classes = match config.train.has("classes") {
        true => Some(config.train.texts("classes")?),
        false => None,
    };
    let options = SplitOptions {
        target: Target::Class { column: config.train.text("label")?.into(), classes },
        select: None,
        baseline: config.train.flag("baseline")?,
        valid_longitudinal: config.train.flag("valid_longitudinal")?,
        allow_leakage: config.train.flag("allow_leakage")?,
    };
    let splits = folder.read_all(&wanted, &options)?;
    let names = |split: &Split| split.classes.as_ref().map(|classes| classes.names.clone());
    for split in &splits[1..] {
        if names(split) != names(&splits[0]) {
            return Err(Error::new(
                Code::BadClasses,
                format!(
                    "split {} has the classes {:?}, split {} {:?}",
                    splits[0].index,
                    names(&splits[0]).unwrap_or_default(),
                    split.index,
                    names(split).unwrap_or_default()
                ),
            )
            .help("name the classes with the option classes, or train the splits one by one"));
        }
    }
    let single = !folder.path().join(format!("split-{}", all[0])).is_dir()
        && !folder.path().join(format!("fold-{}", all[0])).is_dir();
    Ok((splits, single))
}

/// The preprocessing that the data options describe.
fn preprocessing(config: &Config) -> Result<Preprocessing> {
    let data = &config.data;
    let kind = data.text("preprocessing")?;
    let own: &[&str] = match kind {
        "pet-linear" => &["tracer", "suvr_reference_region", "use_uncropped_image"],
        "custom" => &["custom_suffix", "pattern"],
        _ => &["use_uncropped_image"],
    };
    let mut value = json!({ "preprocessing": kind });
    for key in own {
        if let Some(given) = data.values().get(*key) {
            value[*key] = given.clone();
        }
    }
    let preprocessing: Preprocessing = serde_json::from_value(value).map_err(|error| {
        Error::new(Code::MissingOption, format!("the preprocessing {kind:?} needs more"))
            .because(error)
            .help(format!("its options are: {}", own.join(", ")))
            .at(Place::Option("preprocessing".into()))
    })?;
    preprocessing.check()?;
    Ok(preprocessing)
}

type Files = (Vec<(Visit, PathBuf)>, Vec<String>);

/// The image, or where asked for the tensor, of every session of every split, each once.
fn find_files(
    caps: &Caps,
    preprocessing: &Preprocessing,
    splits: &[Split],
    config: &Config,
) -> Result<Files> {
    let mut visits: BTreeMap<(String, String), Visit> = BTreeMap::new();
    for row in splits.iter().flat_map(|split| split.train.iter().chain(&split.validation)) {
        let visit = &row.session;
        let key = (visit.participant.clone(), visit.session.clone());
        visits.entry(key).or_insert_with(|| visit.clone());
    }
    let visits: Vec<Visit> = visits.into_values().collect();
    let mut tensors = BTreeMap::new();
    if config.data.flag("use_tensors")? {
        for (i, visit) in visits.iter().enumerate() {
            let found = caps.find_tensors(std::slice::from_ref(visit), preprocessing);
            if let Some(file) = found.ok().and_then(|found| found.files.into_iter().next()) {
                tensors.insert(i, file);
            }
        }
    }
    let without: Vec<Visit> = (visits.iter().enumerate())
        .filter(|(i, _)| !tensors.contains_key(i))
        .map(|(_, visit)| visit.clone())
        .collect();
    let found = caps.find(&without, preprocessing)?;
    let warnings = found.warnings.iter().map(ToString::to_string).collect();
    let mut images = found.files.into_iter();
    let files = visits
        .into_iter()
        .enumerate()
        .filter_map(|(i, visit)| Some((visit, tensors.remove(&i).or_else(|| images.next())?)))
        .collect();
    Ok((files, warnings))
}

/// The tensors of parts that ClinicaDL saved, for every part of every image.
fn part_tensors(
    caps: &Caps,
    preprocessing: &Preprocessing,
    images: &Images,
    parts: &dyn part::Parts,
) -> Result<Vec<Option<PathBuf>>> {
    let mut files = Vec::with_capacity(images.len() * parts.count());
    for image in 0..images.len() {
        let name = images.file(image).file_name().unwrap_or_default().to_string_lossy();
        let name = name
            .strip_suffix(".pt")
            .map_or_else(|| name.to_string(), |stem| format!("{stem}.nii.gz"));
        for index in 0..parts.count() {
            let file = parts
                .tensor(index)
                .map(|part| caps.tensor_path(images.session(image), preprocessing, &name, part));
            files.push(file.transpose()?.filter(|file| file.is_file()));
        }
    }
    Ok(files)
}

fn regions(caps: &Caps, preprocessing: &Preprocessing, config: &Config) -> Result<Vec<Region>> {
    if config.data.text("mode")? != "roi" {
        return Ok(Vec::new());
    }
    let names = config.data.texts("roi_list")?;
    let text = |name| config.data.text(name).map(|text| Some(text.to_owned()));
    let options = MaskOptions {
        roi_custom_template: text("roi_custom_template")?,
        roi_custom_mask_pattern: text("roi_custom_mask_pattern")?,
    };
    let files = caps.find_masks(&names, preprocessing, &options)?;
    Ok(names.into_iter().zip(files).map(|(name, file)| Region { name, file }).collect())
}

fn not_finite(config: &Config) -> Result<NotFinite> {
    Ok(match config.data.text("nan")? {
        "replace" => NotFinite::Replace,
        _ => NotFinite::Refuse,
    })
}

/// Bytes of decoded images that may be kept.
fn budget(config: &Config) -> Result<usize> {
    if config.data.has("cache_mb") {
        return Ok((config.data.int("cache_mb")? as usize).saturating_mul(1 << 20));
    }
    Ok(available_memory() / 4)
}

/// Bytes of memory that are free, or 4 GiB where the system does not say.
fn available_memory() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<usize>().ok());
    kib.map_or(4 << 30, |kib| kib << 10)
}

/// The extraction JSON's keys for maps.json, as ClinicaDL names them.
pub(crate) fn preprocessing_dict(prepared: &Prepared) -> Value {
    let mut keys = match serde_json::to_value(&prepared.preprocessing) {
        Ok(Value::Object(keys)) => keys,
        _ => Default::default(),
    };
    keys.insert("mode".into(), json!(prepared.source.parts.mode()));
    keys.insert("prepare_dl".into(), json!(false));
    keys.extend(prepared.source.parts.describe());
    keys.insert("file_type".into(), json!({ "pattern": prepared.preprocessing.pattern() }));
    Value::Object(keys)
}
