//! Training: from options to an experiment folder.

use serde_json::{Map, Value};

use crate::device;
use crate::error::Result;
use crate::maps::{
    Description, Maps, make_folder, write_description, write_inputs, write_over_splits,
};
use crate::records::write_manifest;

mod accumulation;
mod augmentation;
mod check;
pub(crate) mod cohorts;
pub(crate) mod config;
mod due;
pub(crate) mod evaluate;
mod find_rate;
pub(crate) mod fingerprint;
mod finite;
mod fraction;
pub(crate) mod image_level;
pub(crate) mod inputs;
pub(crate) mod modes;
pub(crate) mod named;
pub(crate) mod networks;
pub(crate) mod objective;
mod options;
mod outcome;
mod over_splits;
mod parameters;
pub(crate) mod part_weights;
pub(crate) mod prepare;
mod recompute;
mod record;
mod rehearsal;
mod resolved;
pub(crate) mod results;
mod resume;
mod sampling;
mod scaler;
pub(crate) mod scores;
mod session;
pub(crate) mod sides;
pub(crate) mod sources;
pub(crate) mod start;
mod stopping;
mod sweep;
mod tensors;
mod trainer;
mod unused;
mod updates;

pub use check::{CheckReport, SplitCounts, check};
pub use find_rate::find_learning_rate;
pub use options::specs as options;
pub use outcome::{CohortScores, GroupResult, LevelScores, MetricScore, Outcome};
pub use over_splits::{OverSplits, over_splits};
pub use recompute::{Agreement, recompute};
pub use resolved::{Resolved, resolve};
pub(crate) use resume::standing_of;
pub use resume::{Reached, Standing, reached, resume, standing};
pub use session::{Event, Script, Session};
pub use stopping::{Best, EarlyStopping};
pub use sweep::{FoundRates, RatePoint, Sweep};

use config::Config;
use parameters::parameters;
use prepare::{Prepared, prepare};
use record::{configuration, entries, leaks, write_groups, write_start};
use results::write_results;
use sides::Sides;

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
    let sources = sources::sources(&prepared)?;
    let maps = Maps::create(&prepared.config.output)?;
    let plan = prepared.plan(session)?;
    let groups = maps.root().join("groups");
    make_folder(&groups)?;
    let (images, tables) = (&prepared.source.images, cohorts::tables(&prepared)?);
    write_inputs(&groups.join("inputs.tsv"), images, &hashes, &tables)?;
    sources::write(&groups.join("sources.tsv"), &sources)?;
    write_groups(&prepared, &maps)?;
    write_description(
        &maps,
        Description {
            parameters: parameters(&prepared)?,
            configuration: configuration(&prepared)?,
            image_shape: images.shape(),
            plan: &plan,
            scripts: session.scripts,
            entries: entries(&prepared, &plan, session.catalog)?,
            device: device::describe(prepared.device),
        },
    )?;
    session.tell(Event::Opened { maps: maps.root().into() });
    let mut results = Vec::new();
    for sides in &prepared.splits {
        results.extend(run_split(&prepared, sides, &maps, false, session)?);
        write_over_splits(&maps.over_splits(), &over_splits(&results))?;
    }
    write_manifest(maps.root())?;
    session.tell(Event::Finished { maps: maps.root().into() });
    let (task, classes) = (prepared.config.task, prepared.classes);
    Ok(Outcome { maps: maps.root().into(), task, classes, results })
}

fn run_split(
    prepared: &Prepared,
    sides: &Sides,
    maps: &Maps,
    goes_on: bool,
    session: &Session<'_>,
) -> Result<Vec<GroupResult>> {
    let (config, split) = (&prepared.config, sides.split.index);
    let classes = sides.split.classes.as_ref().map_or_else(Vec::new, |classes| {
        let counts = classes.train.iter().zip(&classes.validation);
        classes.names.iter().cloned().zip(counts).map(|(name, (t, v))| (name, *t, *v)).collect()
    });
    let images = (sides.train.len(), sides.validation.len());
    let cohorts = cohorts::counts(prepared, sides);
    session.tell(Event::SplitStarted { split, images, classes, cohorts });
    for (person, learned_in) in leaks(sides) {
        let text = match learned_in {
            "train" => format!("{person} is in both train and validation of split {split}"),
            _ => format!(
                "{person} is in validation of split {split}, and the weights that it begins with \
                 were learned from {person}"
            ),
        };
        session.tell(Event::Warning { text });
    }
    if let Some(taken) = sides.start.taken() {
        let (from, transfer) = (taken.file.clone(), taken.transfer.clone());
        session.tell(Event::Transferred { split, from, transfer });
    }
    let networks = prepared.networks();
    maps.start_split(split, &config.selection_metrics, &networks)?;
    write_start(maps, sides)?;
    let judged = networks::train(prepared, sides, maps, goes_on, session)?;
    let mut results = Vec::new();
    for (metric, judged) in config.selection_metrics.iter().zip(&judged) {
        let Some([train, validation]) = judged else { continue };
        let groups = [("train", train), ("validation", validation)];
        results.extend(write_results(prepared, maps, split, metric, &groups, session)?);
    }
    maps.finish_split(split, &networks)?;
    Ok(results)
}

#[cfg(test)]
pub(crate) mod tests;
