//! The JSON that says how tensors were cut, with the keys of ClinicaDL's.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Format, Preparation};
use crate::data::part::Parts;
use crate::data::pattern::Preprocessing;
use crate::error::{Code, Error, Place, Result};
use crate::files::{self, write_atomic};
use crate::options::Options;

/// Keys that ClinicaDL may add, and that follow from others.
const DERIVED: [&str; 5] =
    ["extract_json", "num_slices", "roi_template", "roi_mask_pattern", "masks_location"];

/// How the tensors of one preparation are cut.
pub(super) struct Description {
    keys: Map<String, Value>,
    name: String,
}

impl Description {
    /// Of tensors that are saved, in the order in which ClinicaDL writes the keys.
    ///
    /// # Errors
    /// A name that is no file name.
    pub(super) fn new(
        preparation: &Preparation,
        options: &Options,
        preprocessing: &Preprocessing,
        parts: &dyn Parts,
    ) -> Result<Self> {
        let name = preparation.name.clone().unwrap_or_else(|| parts.mode().to_owned());
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            let message = format!("{name:?} cannot be the name of a JSON file");
            return Err(Error::new(Code::BadOption, message).at(Place::Option("name".into())));
        }
        let name = if name.ends_with(".json") { name } else { format!("{name}.json") };
        let mut keys = Map::new();
        let mut put = |key: &str, value: Value| keys.insert(key.to_owned(), value);
        put("preprocessing", json!(options.text("preprocessing")?));
        put("mode", json!(parts.mode()));
        // Null for custom images, of which nobody knows.
        put("use_uncropped_image", json!(preprocessing.is_cropped().map(|cropped| !cropped)));
        put("prepare_dl", json!(parts.mode() != "image"));
        match preprocessing {
            Preprocessing::PetLinear { tracer, suvr_reference_region, .. } => {
                put("tracer", json!(tracer));
                put("suvr_reference_region", json!(suvr_reference_region));
            }
            Preprocessing::Custom { custom_suffix, .. } => {
                let pattern = preprocessing.pattern();
                let suffix = custom_suffix.as_deref();
                let suffix = suffix.or_else(|| pattern.strip_prefix('*')).unwrap_or_default();
                put("custom_suffix", json!(suffix));
            }
            _ => {}
        }
        put("extract_json", json!(name));
        for (key, value) in parts.describe() {
            put(&key, value);
        }
        if parts.mode() == "slice" {
            // With it, ClinicaDL counts them without the whole image's tensor.
            put("num_slices", json!(parts.count()));
        }
        put("file_type", file_type(preprocessing));
        if options.text("nan")? == "replace" {
            put("nan", json!("replace"));
        }
        if preparation.format != Format::Pt {
            put("tensor_format", json!(preparation.format.extension()));
        }
        Ok(Self { keys, name })
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the file is there, saying the same.
    ///
    /// # Errors
    /// [`Code::PreparedOtherwise`] where it says something else, or is no JSON.
    pub(super) fn check(&self, file: &Path) -> Result<bool> {
        if !file.exists() {
            return Ok(false);
        }
        let otherwise = |message: String| {
            Error::new(Code::PreparedOtherwise, message)
                .at(Place::File(file.into()))
                .help("write the tensors under another name (--name), or move this file away")
        };
        let bytes = files::read(file, "read how tensors were cut")?;
        let there: Map<String, Value> = serde_json::from_slice(&bytes)
            .map_err(|error| otherwise("this is no JSON of tensors".into()).because(error))?;
        let mut names: Vec<&String> = self.keys.keys().chain(there.keys()).collect();
        names.sort();
        names.dedup();
        let differs = names.into_iter().filter(|key| !DERIVED.contains(&key.as_str()));
        let differs: Vec<String> = differs
            .filter_map(|key| {
                let (own, other) = (alike(key, self.keys.get(key)), alike(key, there.get(key)));
                (own != other).then(|| format!("{key} is {other} there and {own} here"))
            })
            .collect();
        match differs.is_empty() {
            true => Ok(true),
            false => Err(otherwise(format!(
                "tensors of this name were cut otherwise: {}",
                differs.join(", ")
            ))),
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        write_atomic(file, |out| Ok(serde_json::to_writer(out, &self.keys)?))
    }
}

/// A value in the one of several ways of writing it that is compared.
fn alike(key: &str, value: Option<&Value>) -> Value {
    let value = value.cloned().unwrap_or_default();
    match (key, &value) {
        ("file_type", _) => value.get("pattern").cloned().unwrap_or_default(),
        ("discarded_slices", Value::Number(both)) => json!([both, both]),
        ("discarded_slices", Value::Array(ends)) if ends.len() == 1 => json!([ends[0], ends[0]]),
        (_, Value::String(text)) if text.is_empty() => Value::Null,
        _ => value,
    }
}

/// What ClinicaDL finds the images by, in its own words.
fn file_type(preprocessing: &Preprocessing) -> Value {
    let linear = |kind: &str, cropped: bool| {
        let pipeline = preprocessing.pipeline().unwrap_or_default();
        let crop = "and cropped (matrix size 169×208×179, 1 mm isotropic voxels)";
        let crop = if cropped { crop } else { "" };
        format!(
            "{kind} Image registered in MNI152NLin2009cSym space using {pipeline} pipeline {crop}"
        )
    };
    let description = match preprocessing {
        Preprocessing::T1Linear { use_uncropped_image } => linear("T1w", !use_uncropped_image),
        Preprocessing::FlairLinear { use_uncropped_image } => linear("flair", !use_uncropped_image),
        Preprocessing::PetLinear { .. } => String::new(),
        Preprocessing::Custom { .. } => "Custom suffix".into(),
    };
    let mut keys = Map::new();
    keys.insert("pattern".into(), json!(preprocessing.pattern()));
    keys.insert("description".into(), json!(description));
    if let Some(pipeline) = preprocessing.pipeline() {
        keys.insert("needed_pipeline".into(), json!(pipeline));
    }
    Value::Object(keys)
}
