//! ClinicaDL's parameters as options of this program.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Parameters;
use super::parameters::not_carried;
use crate::catalog::Catalog;
use crate::options::{Default, OptionSpec};
use crate::task::Task;
use crate::{data, train};

/// Parameters that may have no counterpart, and what they are where they do nothing.
const WITHOUT_COUNTERPART: [(&str, Value); 5] = [
    ("amp", Value::Bool(false)),
    ("fully_sharded_data_parallel", Value::Bool(false)),
    ("multi_network", Value::Bool(false)),
    ("size_reduction", Value::Bool(false)),
    ("save_all_models", Value::Bool(false)),
];

/// The options of `train` that say the same, with the defaults of those that ClinicaDL does not have.
/// What has no counterpart is noted.
pub(super) fn configuration(
    parameters: &Parameters,
    architecture: &Map<String, Value>,
    output: &Path,
    catalog: &Catalog,
    notes: &mut Vec<String>,
) -> Map<String, Value> {
    let values = &parameters.values;
    let mut given = values.clone();
    let mut set = |key: &str, value: Value| drop(given.insert(key.into(), value));
    set("task", json!(parameters.task.name()));
    set("architecture", json!(parameters.architecture));
    set("options", Value::Object(architecture.clone()));
    set("output", json!(output));
    set("splits", values.get("tsv_path").cloned().unwrap_or(json!("")));
    set("data", Value::Object(images(parameters, notes)));
    set("augmentation", augmentation(values, catalog, notes));
    // So ClinicaDL's code votes, whatever its documentation says.
    if parameters.task == Task::Classification {
        set("vote_weights", json!("accuracy"));
    }
    if let Some(path) = values.get("transfer_path").filter(|path| path.is_string()) {
        set("transfer", path.clone());
    }
    // PyTorch's schedule with its defaults, on the validation loss.
    if values.get("adaptive_learning_rate") == Some(&json!(true)) {
        set("schedule", json!("ReduceLROnPlateau"));
    }
    if !parameters.classes.is_empty() {
        set("classes", json!(parameters.classes));
    }
    // An empty list stands for all splits.
    if values.get("split").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        given.remove("split");
    }
    let loss = values.get("loss").and_then(Value::as_str);
    if let Some(loss) = loss.filter(|loss| catalog.losses.find(loss).is_none()) {
        notes.push(format!("the loss {loss:?} is not registered: a script or plugin can do that"));
    }
    let specs = train::options();
    for (key, off) in WITHOUT_COUNTERPART {
        let known = specs.iter().any(|spec| spec.name == key);
        let found = values.get(key).filter(|found| **found != off && **found != json!(""));
        if let Some(found) = found.filter(|_| !known) {
            notes.push(format!("{key} = {found} has no counterpart; clinicadl_maps.json keeps it"));
        }
    }
    if values.get("multi_cohort") == Some(&json!(true)) {
        let note = "relative paths in the tables of cohorts count from the tables' folders here";
        notes.push(note.into());
    }
    fill(&specs, &given, notes)
}

/// The options of `caps`.
fn images(parameters: &Parameters, notes: &mut Vec<String>) -> Map<String, Value> {
    let (values, preprocessing) = (&parameters.values, &parameters.preprocessing);
    let mut given = preprocessing.clone();
    let axes = ["sagittal", "coronal", "axial"];
    let axis = preprocessing.get("slice_direction").and_then(|axis| match axis {
        Value::String(axis) => axis.parse().ok(),
        axis => axis.as_u64().map(|axis| axis as usize),
    });
    if let Some(axis) = axis.and_then(|axis| axes.get(axis)) {
        given.insert("slice_direction".into(), json!(axis));
    }
    if let Some(caps) = values.get("caps_directory") {
        given.insert("caps".into(), caps.clone());
    }
    given.insert("mode".into(), json!(parameters.mode));
    given.insert("normalize".into(), values.get("normalize").cloned().unwrap_or(json!(true)));
    given
        .insert("use_tensors".into(), json!(preprocessing.get("prepare_dl") == Some(&json!(true))));
    // ClinicaDL takes NaN as 0.
    given.insert("nan".into(), json!("replace"));
    given.retain(|_, value| !value.is_null());
    fill(&data::options::specs(), &given, notes)
}

/// The transforms that are registered here.
fn augmentation(values: &Map<String, Value>, catalog: &Catalog, notes: &mut Vec<String>) -> Value {
    let Some(names) = values.get("data_augmentation").and_then(Value::as_array) else {
        return json!([]);
    };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    match names.iter().all(|name| catalog.transforms.find(name).is_some()) {
        true => json!(names),
        false => {
            notes.push(format!(
                "data_augmentation = {} is not carried over: not all are transforms here",
                names.join(", ")
            ));
            json!([])
        }
    }
}

/// The values that fit the options, and the defaults of the others.
fn fill(
    specs: &[OptionSpec],
    given: &Map<String, Value>,
    notes: &mut Vec<String>,
) -> Map<String, Value> {
    let mut filled = Map::new();
    for spec in specs {
        let found = given.get(&spec.name);
        if let Some(value) = found.and_then(|value| spec.kind.accept(value)) {
            filled.insert(spec.name.clone(), value);
            continue;
        }
        if let Some(value) = found.filter(|value| !value.is_null()) {
            notes.push(not_carried(spec, value));
        }
        if let Default::Value(default) = &spec.default {
            filled.insert(spec.name.clone(), default.clone());
        }
    }
    filled
}
