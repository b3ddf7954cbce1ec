//! The files of a run: images, tensors and masks, and how they are found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::config::cores;
use super::prepare::Prepared;
use super::session::{Event, Session};
use super::tensors::{self, OfParts};
use crate::cache::{self, Volumes};
use crate::data::caps::MaskOptions;
use crate::data::cohorts::Cohorts;
use crate::data::images::{Images, NotFinite};
use crate::data::loader::Source;
use crate::data::part::{self, Region};
use crate::data::participants::{Key, SINGLE, Session as Visit};
use crate::data::pattern::Preprocessing;
use crate::data::split::Split;
use crate::data::table::Table;
use crate::error::{Code, Error, Place, Problems, Result};
use crate::memory;
use crate::options::Options;

/// The preprocessing that the data options describe.
pub(crate) fn preprocessing(data: &Options) -> Result<Preprocessing> {
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

pub(crate) type Files = (Vec<(Visit, PathBuf)>, Vec<String>);

/// The sessions of all splits, each once.
pub(crate) fn visits_of(splits: &[Split]) -> Vec<Visit> {
    let mut visits: BTreeMap<Key, Visit> = BTreeMap::new();
    for row in splits.iter().flat_map(|split| split.train.iter().chain(&split.validation)) {
        visits.entry(row.session.key()).or_insert_with(|| row.session.clone());
    }
    visits.into_values().collect()
}

/// The image, or where asked for the tensor, of every session.
pub(crate) fn find_files(
    cohorts: &Cohorts,
    preprocessing: &Preprocessing,
    visits: Vec<Visit>,
    data: &Options,
) -> Result<Files> {
    let mut images = cohorts.find_each(&visits, preprocessing)?;
    let mut warnings = Vec::new();
    if data.flag("use_tensors")? {
        let found = tensors::whole(cohorts, preprocessing, &visits, &images, not_finite(data)?);
        warnings.extend(found.warning);
        for (image, tensor) in images.iter_mut().zip(found.files) {
            if let Some(tensor) = tensor {
                *image = Ok((tensor, None));
            }
        }
    }
    let mut problems = Problems::default();
    let mut files: Vec<(Visit, PathBuf)> = Vec::with_capacity(visits.len());
    for (visit, image) in visits.into_iter().zip(images) {
        let Some((file, warning)) = problems.take(image) else { continue };
        warnings.extend(warning.map(|warning| warning.to_string()));
        files.push((visit, file));
    }
    problems.into_result()?;
    cohorts.check_alike(&files)?;
    Ok((files, warnings))
}

/// The images of these files, decoded and checked, cut as `data` says.
///
/// # Errors
/// Every image that cannot be used.
pub(crate) fn source(
    files: Vec<(Visit, PathBuf)>,
    cohorts: &Cohorts,
    preprocessing: &Preprocessing,
    data: &Options,
    session: &Session<'_>,
) -> Result<Source> {
    let images = Images::new(files, not_finite(data)?, budget(data)?).kept_in(volumes(data)?);
    let images = Arc::new(images);
    let total = images.len();
    let shape = images.check(cores(), &|done| {
        session.tell(Event::Checking { done, images: total });
    })?;
    for warning in images.warnings() {
        session.tell(Event::Warning { text: warning.to_string() });
    }
    let used: BTreeSet<&str> =
        (0..images.len()).map(|i| images.session(i).cohort.as_str()).collect();
    let masks = regions(cohorts, &used, preprocessing, data)?;
    let parts: Arc<dyn part::Parts> =
        Arc::from(part::parts(data, shape, images.usual_affine().as_ref(), masks)?);
    let mode = parts.mode().into();
    session.tell(Event::Data { images: total, shape, mode, parts: parts.count() });
    let not_finite = not_finite(data)?;
    let mut tensors = Vec::new();
    if data.flag("use_tensors")? {
        let (images, parts) = (images.as_ref(), parts.as_ref());
        let of_parts = OfParts { cohorts, preprocessing, images, parts, not_finite };
        let found = of_parts.find()?;
        tensors = found.files;
        if let Some(text) = found.warning {
            session.tell(Event::Warning { text });
        }
    }
    let normalize = data.flag("normalize")?;
    Ok(Source { images, parts, normalize, tensors: tensors.into(), augment: None })
}

pub(crate) fn regions(
    cohorts: &Cohorts,
    used: &BTreeSet<&str>,
    preprocessing: &Preprocessing,
    data: &Options,
) -> Result<Vec<Region>> {
    if data.text("mode")? != "roi" {
        return Ok(Vec::new());
    }
    let names = data.texts("roi_list")?;
    let text = |name| data.text(name).map(|text| Some(text.to_owned()));
    let options = MaskOptions {
        roi_custom_template: text("roi_custom_template")?,
        roi_custom_mask_pattern: text("roi_custom_mask_pattern")?,
    };
    let files = cohorts.find_masks(used, &names, preprocessing, &options)?;
    Ok(names.into_iter().zip(files).map(|(name, file)| Region { name, file }).collect())
}

pub(crate) fn not_finite(data: &Options) -> Result<NotFinite> {
    Ok(match data.text("nan")? {
        "replace" => NotFinite::Replace,
        _ => NotFinite::Refuse,
    })
}

/// Bytes of decoded images that may be kept.
pub(crate) fn budget(data: &Options) -> Result<usize> {
    if data.has("cache_mb") {
        return Ok((data.int("cache_mb")? as usize).saturating_mul(1 << 20));
    }
    Ok(memory::free() as usize / 4)
}

/// Where decoded images are kept on disk, if anywhere.
fn volumes(data: &Options) -> Result<Option<Volumes>> {
    let folder = match data.values().get("cache") {
        Some(Value::String(folder)) => folder.into(),
        Some(Value::Bool(true)) => cache::folder().ok_or_else(|| {
            Error::new(Code::BadOption, "there is no cache folder of the user: HOME is not set")
                .at(Place::Option("cache".into()))
                .help("name a folder: cache: \"DIR\"")
        })?,
        _ => return Ok(None),
    };
    Ok(Some(Volumes::new(&folder, (data.float("cache_gb")? * 1e9) as u64)))
}

/// The images must be those whose hashes are in `file`, which `what` began with.
///
/// # Errors
/// [`Code::BadMaps`] for every image that is another one or was not there, with `help`.
pub(crate) fn check_inputs(images: &Images, file: &Path, what: &str, help: &str) -> Result<()> {
    let table = Table::read(file)?;
    let (participant, session) = (table.column("participant_id")?, table.column("session_id")?);
    let (cohort, hash) = (table.find_column("cohort"), table.column("blake3")?);
    let mut known: BTreeMap<Key, Option<&str>> = BTreeMap::new();
    for row in 0..table.len() {
        // Tables that were read have no session.
        let ids = (table.text(row, participant), table.text(row, session));
        let (Some(participant), Some(session)) = ids else { continue };
        let cohort = cohort.and_then(|column| table.text(row, column)).unwrap_or(SINGLE);
        let key = [cohort, participant, session].map(str::to_owned).into();
        known.insert(key, table.text(row, hash));
    }
    let hashes = images.hashes()?;
    let mut problems = Problems::default();
    for (i, now) in hashes.iter().enumerate() {
        let visit = images.session(i);
        let then = known.get(&visit.key()).copied().flatten();
        if then != Some(now.as_str()) {
            let message = match then {
                Some(_) => format!("the image is not the one that {what} began with"),
                None => format!("{what} began without this image"),
            };
            let place = visit.place(Some(images.file(i).into()));
            problems.push(Error::new(Code::BadMaps, message).at(place).help(help));
        }
    }
    problems.into_result()
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
