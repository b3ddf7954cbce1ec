//! ClinicaDL's keys of maps.json.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::inputs::preprocessing_dict;
use super::prepare::Prepared;
use crate::error::Result;
use crate::files::absolute;
use crate::network::Precision;
use crate::task::Task;

/// What was asked for, in ClinicaDL's words and order.
///
/// # Errors
/// Options that are not there: a defect; a working folder that is gone.
pub(super) fn parameters(prepared: &Prepared) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for part in [of_network(prepared)?, of_training(prepared)?, of_data(prepared)?] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Ok(all)
}

fn of_network(prepared: &Prepared) -> Result<Value> {
    let (config, train) = (&prepared.config, &prepared.config.train);
    let codes = prepared.classes.iter().enumerate().map(|(i, name)| (name.clone(), json!(i)));
    let codes: Map<String, Value> = codes.collect();
    let dropout = train.map("options")?.get("dropout").cloned();
    let (label, code, threshold) = match config.task {
        Task::Classification => {
            (json!(config.label()?), json!(codes), json!(train.float("selection_threshold")?))
        }
        Task::Regression => (json!(config.label()?), Value::Null, Value::Null),
        Task::Reconstruction => (Value::Null, Value::Null, Value::Null),
    };
    Ok(json!({
        "architecture": prepared.spec.architecture,
        "multi_network": config.multi_network,
        "dropout": dropout.unwrap_or(json!(0.0)),
        "selection_metrics": config.selection_metrics,
        "label": label,
        "label_code": code,
        "selection_threshold": threshold,
        "loss": config.loss()?,
    }))
}

fn of_training(prepared: &Prepared) -> Result<Value> {
    let (config, train) = (&prepared.config, &prepared.config.train);
    let transfer = match train.has("transfer") {
        true => json!(train.text("transfer")?),
        false => json!(false),
    };
    let augmentation: Vec<&str> =
        prepared.augmentation.iter().map(|(entry, _)| entry.info.name.as_str()).collect();
    let adaptive = train.has("schedule") && train.text("schedule")? == "ReduceLROnPlateau";
    Ok(json!({
        "gpu": prepared.device.is_cuda(),
        "n_proc": config.loader_threads,
        "batch_size": config.batch_size,
        "evaluation_steps": config.evaluation_steps,
        "amp": config.precision != Precision::Float32,
        "seed": config.seed,
        "deterministic": train.flag("deterministic")?,
        "compensation": train.text("compensation")?,
        "transfer_path": transfer,
        "transfer_selection_metric": train.text("transfer_metric")?,
        "multi_cohort": prepared.cohorts.several(),
        "diagnoses": prepared.classes,
        "baseline": train.flag("baseline")?,
        "valid_longitudinal": train.flag("valid_longitudinal")?,
        "normalize": prepared.source.normalize,
        "data_augmentation": match augmentation.is_empty() {
            true => json!(false),
            false => json!(augmentation),
        },
        "sampler": train.text("sampler")?,
        "n_splits": if prepared.single_split { 0 } else { prepared.splits.len() },
        "optimizer": train.text("optimizer")?,
        "epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "adaptive_learning_rate": adaptive,
        "weight_decay": config.weight_decay,
        "patience": config.patience,
        "tolerance": config.tolerance,
        "accumulation_steps": config.accumulation_steps,
    }))
}

fn of_data(prepared: &Prepared) -> Result<Value> {
    let config = &prepared.config;
    let splits: Vec<usize> = prepared.splits.iter().map(|sides| sides.split.index).collect();
    Ok(json!({
        "network_task": config.task.name(),
        "caps_directory": absolute(Path::new(config.data.text("caps")?))?,
        "tsv_path": absolute(Path::new(config.train.text("splits")?))?,
        "preprocessing_dict": preprocessing_dict(prepared),
        "mode": prepared.source.parts.mode(),
        "split": splits,
        "validation": if prepared.single_split { "SingleSplit" } else { "KFoldSplit" },
        "num_networks": prepared.source.parts.count(),
        "output_size": match config.task {
            Task::Classification => json!(prepared.classes.len()),
            Task::Regression => json!(1),
            Task::Reconstruction => json!(prepared.input),
        },
        "input_size": prepared.input,
    }))
}
