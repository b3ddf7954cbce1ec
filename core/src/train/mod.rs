//! Training: from options to an experiment folder.

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::device;
use crate::error::Result;
use crate::maps::{
    Description, Maps, make_folder, write_description, write_fitted, write_group, write_inputs,
    write_sessions, write_weights,
};
use crate::network::Plan;
use crate::used::{Gathered, Used};

mod check;
mod config;
pub(crate) mod evaluate;
mod finite;
mod image_level;
mod named;
mod objective;
mod optimizer;
mod options;
mod outcome;
mod prepare;
mod rehearsal;
mod session;
mod stopping;
mod trainer;

pub use check::{CheckReport, SplitCounts, check};
pub use optimizer::Adam;
pub use options::specs as options;
pub use outcome::{GroupResult, MetricScore, Outcome};
pub use session::{Event, Script, Session};
pub use stopping::{Best, EarlyStopping};

use config::Config;
use evaluate::{Evaluation, Score};
use image_level::Election;
use prepare::{Prepared, Sides, prepare, preprocessing_dict};
use trainer::Trainer;

/// Trains and evaluates every split that the options ask for, and writes the experiment folder.
///
/// # Errors
/// Everything that is wrong with the options and the data, before anything is written; then what
/// goes wrong on the way, with everything up to then saved.
pub fn run(options: &Map<String, Value>, session: &Session<'_>) -> Result<Outcome> {
    let prepared = prepare(Config::read(options)?, session)?;
    for warning in &prepared.warnings {
        session.tell(Event::Warning { text: warning.clone() });
    }
    let hashes = prepared.source.images.hashes()?;
    let maps = Maps::create(&prepared.config.output)?;
    let plan = prepared.plan(session)?;
    write_description(
        &maps,
        Description {
            parameters: parameters(&prepared)?,
            configuration: configuration(&prepared),
            plan: &plan,
            scripts: session.scripts,
            entries: entries(&prepared, &plan, session.catalog)?,
            device: device::describe(prepared.device),
        },
    )?;
    write_inputs(&maps.root().join("groups").join("inputs.tsv"), &prepared.source.images, &hashes)?;
    write_groups(&prepared, &maps)?;
    let mut results = Vec::new();
    for sides in &prepared.splits {
        results.extend(run_split(&prepared, sides, &maps, session)?);
    }
    session.tell(Event::Finished { maps: maps.root().into() });
    Ok(Outcome { maps: maps.root().into(), classes: prepared.classes, results })
}

fn run_split(
    prepared: &Prepared,
    sides: &Sides,
    maps: &Maps,
    session: &Session<'_>,
) -> Result<Vec<GroupResult>> {
    let (config, split) = (&prepared.config, sides.split.index);
    let classes = sides.split.classes.as_ref().map_or_else(Vec::new, |classes| {
        let counts = classes.train.iter().zip(&classes.validation);
        classes.names.iter().cloned().zip(counts).map(|(name, (t, v))| (name, *t, *v)).collect()
    });
    session.tell(Event::SplitStarted { split, classes });
    for participant in &sides.split.leaked {
        let text = format!("{participant} is in both train and validation of split {split}");
        session.tell(Event::Warning { text });
    }
    maps.start_split(split, &config.selection_metrics)?;
    let mut trainer = Trainer::new(prepared, sides, maps, session)?;
    trainer.run()?;
    let mut results = Vec::new();
    for (i, metric) in config.selection_metrics.iter().enumerate() {
        let Some(best) = trainer.best[i].take() else {
            let text =
                format!("{metric} was never defined in split {split}, so no model was kept for it");
            session.tell(Event::Warning { text });
            continue;
        };
        let train = match &best.train {
            Some(train) => train.clone(),
            None => {
                trainer.load_best(&maps.best_model(split, metric))?;
                trainer.evaluate_train()?
            }
        };
        let groups = [("train", &train), ("validation", &best.validation)];
        results.extend(write_results(prepared, maps, split, metric, &groups, session)?);
    }
    maps.finish_split(split)?;
    Ok(results)
}

/// Writes predictions and metrics of groups by the best model of a metric, part by part and, where
/// an image has several parts, for the image.
fn write_results(
    prepared: &Prepared,
    maps: &Maps,
    split: usize,
    metric: &str,
    groups: &[(&str, &Evaluation); 2],
    session: &Session<'_>,
) -> Result<Vec<GroupResult>> {
    let (config, catalog, source) = (&prepared.config, session.catalog, &prepared.source);
    let (parts, mode) = (source.parts.as_ref(), source.parts.mode());
    let mut results = Vec::new();
    let mut keep = |group: &str, level: &str, evaluation: &Evaluation| -> Result<()> {
        let scores = evaluation.scores_with_intervals(session, config.seed)?;
        let folder = maps.best(split, metric).join(group);
        write_group(&folder, group, level, evaluation, &scores, &source.images, parts)?;
        results.push(GroupResult {
            split,
            selection_metric: metric.into(),
            group: group.into(),
            level: level.into(),
            scores: scores.iter().map(MetricScore::from).collect(),
        });
        Ok(())
    };
    for (group, evaluation) in groups {
        keep(group, mode, evaluation)?;
    }
    if mode != "image" {
        let by = config.train.text("vote_weights")?;
        let threshold = config.train.float("selection_threshold")?;
        let validation = groups[1].1;
        let weights = image_level::weights(validation, parts.count(), by, threshold, catalog)?;
        let entry = catalog.votes.get(config.train.text("vote")?)?;
        let options = entry.options(config.train.map("vote_options")?)?;
        write_weights(&maps.best(split, metric).join("vote_weights.tsv"), &weights, parts)?;
        let election = Election::new(entry, options, weights, validation, source)?;
        if entry.info.fits {
            write_fitted(&maps.best(split, metric).join("vote_fitted.tsv"), &election.fitted)?;
        }
        for (group, evaluation) in groups {
            keep(group, "image", &election.take(evaluation, source)?)?;
        }
    }
    for (group, evaluation) in groups {
        let images = evaluation.rows.iter().map(|row| row.sample.image);
        let images: std::collections::BTreeSet<usize> = images.collect();
        let visits = images.iter().map(|image| source.images.session(*image).participant.as_str());
        let participants: std::collections::BTreeSet<&str> = visits.collect();
        let file = format!("split-{split}/best-{metric}/{group}/description.log");
        maps.write(
            &file,
            &format!(
                "Prediction {group} group\nData loaded from CAPS directories: {}\n\
                 Number of participants: {}\nNumber of sessions: {}\n",
                config.data.text("caps")?,
                participants.len(),
                images.len()
            ),
        )?;
    }
    Ok(results)
}

/// The lists of who is in which group of which split.
fn write_groups(prepared: &Prepared, maps: &Maps) -> Result<()> {
    let groups = maps.root().join("groups");
    let images = &prepared.source.images;
    let all = (0..images.len()).map(|i| (images.session(i), None));
    write_sessions(&groups.join("train+validation.tsv"), None, all)?;
    let label = prepared.config.train.text("label")?;
    let caps = json!({
        "caps_directory": prepared.config.data.text("caps")?,
        "multi_cohort": false,
    });
    for sides in &prepared.splits {
        for (group, side) in [("train", &sides.train), ("validation", &sides.validation)] {
            let folder = format!("groups/{group}/split-{}", sides.split.index);
            make_folder(&maps.root().join(&folder))?;
            let rows = side.iter().map(|(image, class)| {
                (images.session(*image), Some(prepared.classes[*class].as_str()))
            });
            write_sessions(&maps.root().join(&folder).join("data.tsv"), Some(label), rows)?;
            maps.write(&format!("{folder}/maps.json"), &format!("{caps:#}\n"))?;
        }
    }
    Ok(())
}

/// The entries of the catalog that the run uses.
fn entries(prepared: &Prepared, plan: &Plan, catalog: &Catalog) -> Result<Vec<Used>> {
    let train = &prepared.config.train;
    let mut used = Gathered::new(catalog);
    used.architecture(&plan.spec.architecture);
    used.layers(plan);
    if prepared.source.parts.mode() != "image" {
        used.vote(train.text("vote")?);
    }
    used.loss(&prepared.objective.loss.info.name);
    used.transforms(prepared.augmentation.iter().map(|(entry, _)| entry.info.name.as_str()));
    Ok(used.with_metrics())
}

/// The options as they were resolved, defaults included.
fn configuration(prepared: &Prepared) -> Value {
    let mut train = prepared.config.train.values().clone();
    train.insert("data".into(), Value::Object(prepared.config.data.values().clone()));
    Value::Object(train)
}

/// ClinicaDL's keys of maps.json.
fn parameters(prepared: &Prepared) -> Result<Map<String, Value>> {
    let (config, train) = (&prepared.config, &prepared.config.train);
    let codes: Map<String, Value> =
        prepared.classes.iter().enumerate().map(|(i, name)| (name.clone(), json!(i))).collect();
    let dropout = train.map("options")?.get("dropout").cloned().unwrap_or(json!(0.0));
    let value = json!({
        "architecture": prepared.spec.architecture,
        "multi_network": false,
        "dropout": dropout,
        "selection_metrics": config.selection_metrics,
        "label": train.text("label")?,
        "label_code": codes,
        "selection_threshold": train.float("selection_threshold")?,
        "loss": train.text("loss")?,
        "gpu": prepared.device.is_cuda(),
        "n_proc": config.loader_threads,
        "batch_size": config.batch_size,
        "evaluation_steps": config.evaluation_steps,
        "seed": config.seed,
        "deterministic": false,
        "transfer_path": false,
        "multi_cohort": false,
        "diagnoses": prepared.classes,
        "baseline": train.flag("baseline")?,
        "valid_longitudinal": train.flag("valid_longitudinal")?,
        "normalize": prepared.source.normalize,
        "data_augmentation": match &prepared.augmentation[..] {
            [] => json!(false),
            steps => steps.iter().map(|(entry, _)| entry.info.name.clone()).collect(),
        },
        "sampler": "random",
        "n_splits": if prepared.single_split { 0 } else { prepared.splits.len() },
        "optimizer": train.text("optimizer")?,
        "epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "weight_decay": config.weight_decay,
        "patience": config.patience,
        "tolerance": config.tolerance,
        "accumulation_steps": config.accumulation_steps,
        "network_task": train.text("task")?,
        "caps_directory": config.data.text("caps")?,
        "tsv_path": train.text("splits")?,
        "preprocessing_dict": preprocessing_dict(prepared),
        "mode": prepared.source.parts.mode(),
        "split": prepared.splits.iter().map(|sides| sides.split.index).collect::<Vec<_>>(),
        "validation": if prepared.single_split { "SingleSplit" } else { "KFoldSplit" },
        "num_networks": prepared.source.parts.count(),
        "output_size": prepared.classes.len(),
        "input_size": prepared.input,
    });
    match value {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests;
