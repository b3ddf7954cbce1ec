//! What ClinicaDL's `maps.json` says, whichever 1.x version wrote it.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Place, Problems, Result};
use crate::experiment::classes;
use crate::files;
use crate::options::OptionSpec;
use crate::shape::Shape;
use crate::task::Task;

/// The parameters of an experiment of ClinicaDL, under the names of version 1.6.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The name of the network's class.
    pub architecture: String,
    /// What was learned.
    pub task: Task,
    /// `image`, `patch`, `roi` or `slice`.
    pub mode: String,
    /// What a network sees, without the batch axis.
    pub input: Shape,
    /// The number of outputs; of a reconstruction, its channels.
    pub outputs: i64,
    /// The classes in the order of their codes, of a classification.
    pub classes: Vec<String>,
    /// Whether there is one network per part of the image.
    pub multi_network: bool,
    /// How images were prepared and cut: `preprocessing_dict`.
    pub preprocessing: Map<String, Value>,
    /// All parameters.
    pub values: Map<String, Value>,
}

/// What a network may see of an image.
const MODES: [&str; 4] = ["image", "patch", "roi", "slice"];

/// Keys that had other names.
const RENAMED: [(&str, &str); 4] = [
    ("model", "architecture"),
    ("multi", "multi_network"),
    ("minmaxnormalization", "normalize"),
    ("num_workers", "n_proc"),
];

/// Keys whose opposite stands there now.
const NEGATED: [(&str, &str); 2] = [("use_cpu", "gpu"), ("nondeterministic", "deterministic")];

/// Keys that lay beside the others before there was a `preprocessing_dict`.
const PREPROCESSING: [&str; 20] = [
    "preprocessing",
    "mode",
    "use_uncropped_image",
    "prepare_dl",
    "custom_suffix",
    "acq_label",
    "tracer",
    "suvr_reference_region",
    "extract_json",
    "patch_size",
    "stride_size",
    "slice_direction",
    "slice_mode",
    "discarded_slices",
    "roi_list",
    "uncropped_roi",
    "roi_custom_suffix",
    "roi_custom_template",
    "roi_custom_mask_pattern",
    "file_type",
];

impl Parameters {
    /// Reads a `maps.json`.
    ///
    /// # Errors
    /// [`Code::BadMaps`] for one that is damaged or lacks what nothing else tells; networks for
    /// domain adaptation (SSDA), which are not supported.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = files::read(file, "read the experiment's parameters")?;
        let text = std::str::from_utf8(&bytes).map_err(|error| damaged().because(error));
        text.and_then(Self::parse).map_err(|error| error.at(Place::File(file.into())))
    }

    /// Reads the text of a `maps.json`.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).map_err(|error| damaged().because(error))?;
        let Value::Object(old) = value else { return Err(damaged()) };
        let values = renewed(old);
        if values.get("ssda_network") == Some(&Value::Bool(true)) {
            let message = "the network learned from two domains at once (ssda_network), which is not supported";
            return Err(Error::new(Code::BadMaps, message));
        }
        let mut problems = Problems::default();
        let mut text = |key: &str| {
            let found = values.get(key).and_then(Value::as_str).map(str::to_owned);
            problems.take(found.ok_or_else(|| missing(key, "a text")))
        };
        let (architecture, task) = (text("architecture"), text("network_task"));
        let preprocessing = values
            .get("preprocessing_dict")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let mode = values.get("mode").or_else(|| preprocessing.get("mode")).and_then(Value::as_str);
        let mode = mode.filter(|mode| MODES.contains(mode));
        let mode = problems.take(mode.ok_or_else(|| missing("mode", &MODES.join(", "))));
        let preprocessed = preprocessing.get("preprocessing").is_some_and(Value::is_string);
        let preprocessed = preprocessed.then_some(());
        problems.take(preprocessed.ok_or_else(|| missing("preprocessing", "a text")));
        let input = values.get("input_size").and_then(sizes);
        let input = problems.take(input.ok_or_else(|| missing("input_size", "a list of sizes")));
        let classes = problems.take(classes(values.get("label_code"))).unwrap_or_default();
        let outputs = match values.get("output_size") {
            Some(size) => size.as_i64().or_else(|| sizes(size)?.first().copied()),
            None if task.as_deref() == Some("regression") => Some(1),
            None => Some(classes.len() as i64).filter(|classes| *classes > 0),
        };
        let outputs = outputs.filter(|outputs| *outputs > 0);
        let outputs = problems.take(outputs.ok_or_else(|| missing("output_size", "a size")));
        if let Some(outputs) = outputs.filter(|outputs| *outputs < classes.len() as i64) {
            let message =
                format!("label_code has {} classes, the network {outputs} outputs", classes.len());
            problems.push(Error::new(Code::BadMaps, message));
        }
        problems.into_result()?;
        let found = (architecture, task, mode, input, outputs);
        let (Some(architecture), Some(task), Some(mode), Some(input), Some(outputs)) = found else {
            return Err(damaged());
        };
        let Some(task) = Task::named(&task) else {
            return Err(missing("network_task", "classification, regression or reconstruction"));
        };
        let architecture = match (architecture.as_str(), task) {
            ("default", Task::Reconstruction) => "AE_Conv5_FC3".into(),
            ("default", _) => "Conv5_FC3".into(),
            _ => architecture,
        };
        Ok(Self {
            mode: mode.to_owned(),
            multi_network: values.get("multi_network") == Some(&Value::Bool(true)),
            architecture,
            task,
            input,
            outputs,
            classes,
            preprocessing,
            values,
        })
    }

    /// The parameters that are options of an architecture, as ClinicaDL hands them over: by name.
    /// What does not fit is noted.
    pub(super) fn options(
        &self,
        specs: &[OptionSpec],
        notes: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut options = Map::new();
        for spec in specs {
            match self.values.get(&spec.name) {
                Some(value) if spec.kind.fits(value) => {
                    options.insert(spec.name.clone(), value.clone());
                }
                Some(value) if !value.is_null() => notes.push(not_carried(spec, value)),
                _ => {}
            }
        }
        options
    }
}

fn damaged() -> Error {
    Error::new(Code::BadMaps, "the file is damaged")
        .help("it must be the JSON that ClinicaDL wrote, in UTF-8: copy it again")
}

/// The note on a value that is not one of the option.
pub(super) fn not_carried(spec: &OptionSpec, value: &Value) -> String {
    format!("{} = {value} is not carried over: it must be {}", spec.name, spec.kind.describe())
}

fn missing(key: &str, what: &str) -> Error {
    Error::new(Code::BadMaps, format!("the parameters do not say {key:?}, {what}"))
        .help("ClinicaDL 1.0 and newer write it; experiments of older versions cannot be imported")
}

fn sizes(value: &Value) -> Option<Shape> {
    value.as_array()?.iter().map(|size| size.as_i64().filter(|size| *size > 0)).collect()
}

/// The parameters under today's names, with what older versions left out.
fn renewed(old: Map<String, Value>) -> Map<String, Value> {
    let mut values = Map::new();
    let mut loose = Map::new();
    let gathered = old.contains_key("preprocessing_dict");
    for (key, value) in old {
        let renamed = RENAMED.iter().find(|(was, _)| *was == key);
        let negated = NEGATED.iter().find(|(was, _)| *was == key);
        if let Some((_, now)) = renamed {
            values.entry(*now).or_insert(value);
        } else if let (Some((_, now)), Some(flag)) = (negated, value.as_bool()) {
            values.entry(*now).or_insert(json!(!flag));
        } else if !gathered && PREPROCESSING.contains(&key.as_str()) {
            if key == "mode" {
                values.insert(key.clone(), value.clone());
            }
            loose.insert(key, value);
        } else {
            values.insert(key, value);
        }
    }
    if !gathered {
        values.insert("preprocessing_dict".into(), Value::Object(loose));
    }
    if let Some(Value::Object(preprocessing)) = values.get_mut("preprocessing_dict") {
        if let Some(tracer) = preprocessing.remove("acq_label") {
            preprocessing.entry("tracer").or_insert(tracer);
        }
        for (key, default) in [("use_uncropped_image", false), ("prepare_dl", false)] {
            preprocessing.entry(key).or_insert(json!(default));
        }
        if preprocessing.get("mode") == Some(&json!("slice")) {
            preprocessing.entry("slice_mode").or_insert(json!("rgb"));
        }
    }
    values.entry("optimizer").or_insert(json!("Adam"));
    let loss = match values.get("network_task").and_then(Value::as_str) {
        Some("classification") => "CrossEntropyLoss",
        _ => "MSELoss",
    };
    let none = values.get("loss").is_none_or(Value::is_null);
    if none {
        values.insert("loss".into(), json!(loss));
    }
    values
}
