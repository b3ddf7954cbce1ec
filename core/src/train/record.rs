//! What a run says about itself in the experiment folder: who took part, with which options.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::prepare::Prepared;
use super::sides::Sides;
use crate::catalog::Catalog;
use crate::data::participants::{Person, SINGLE, Session as Visit};
use crate::data::split::Label;
use crate::data::table::write_tsv;
use crate::error::Result;
use crate::files;
use crate::maps::{Maps, make_folder, write_sessions};
use crate::network::Plan;
use crate::task::Task;
use crate::used::{Gathered, Used};

/// The lists of who is in which group of which split.
pub(super) fn write_groups(prepared: &Prepared, maps: &Maps) -> Result<()> {
    let groups = maps.root().join("groups");
    let images = &prepared.source.images;
    let own = (0..images.len()).map(|i| images.session(i));
    let sources = prepared.splits.iter().filter_map(|sides| sides.start.taken());
    let mut seen = BTreeSet::new();
    let all = own.chain(sources.flat_map(|source| &source.sessions));
    let all: Vec<&Visit> = all.filter(|visit| seen.insert(visit.key())).collect();
    let several = all.iter().any(|visit| visit.cohort != SINGLE);
    let further: &[&str] = if several { &["cohort"] } else { &[] };
    let cohort = |visit: &Visit| Vec::from_iter(several.then(|| visit.cohort.clone()));
    let all = all.into_iter().map(|visit| (visit, cohort(visit)));
    write_sessions(&groups.join("train+validation.tsv"), further, all)?;
    let label = match prepared.config.task {
        Task::Reconstruction => None,
        _ => Some(prepared.config.label()?),
    };
    let columns: Vec<&str> = ["cohort"].into_iter().chain(label).collect();
    let caps = json!({
        "caps_directory": files::absolute(Path::new(prepared.config.data.text("caps")?))?,
        "multi_cohort": prepared.cohorts.several(),
    });
    for sides in &prepared.splits {
        for (group, side) in [("train", &sides.train), ("validation", &sides.validation)] {
            let folder = format!("groups/{group}/split-{}", sides.split.index);
            make_folder(&maps.root().join(&folder))?;
            let rows = side.iter().map(|(image, label)| {
                let visit = images.session(*image);
                (visit, cells(prepared, &visit.cohort, *label))
            });
            write_sessions(&maps.root().join(&folder).join("data.tsv"), &columns, rows)?;
            maps.write(&format!("{folder}/maps.json"), &format!("{caps:#}\n"))?;
        }
        let leaks = leaks(sides);
        if !leaks.is_empty() {
            let file = groups.join(format!("validation/split-{}/leaked.tsv", sides.split.index));
            let columns = [&["participant_id", "learned_in"], further].concat();
            let rows = leaks.into_iter().map(|(person, learned_in)| {
                let cohort = several.then_some(person.cohort.as_str());
                [&*person.participant, learned_in].into_iter().chain(cohort)
            });
            write_tsv(&file, &columns, rows)?;
        }
    }
    Ok(())
}

/// Who is validated on although something was learned from them, as allowed: by this split's
/// training (`train`), or by the weights that it begins with (`transfer`).
pub(super) fn leaks(sides: &Sides) -> Vec<(&Person, &'static str)> {
    let in_train = sides.split.leaked.iter().map(|person| (person, "train"));
    let before = sides.start.leaked().iter().map(|person| (person, "transfer"));
    in_train.chain(before).collect()
}

/// Where the weights of a split's network came from, and whom they were learned from, where that is
/// not chance.
pub(super) fn write_start(maps: &Maps, sides: &Sides) -> Result<()> {
    let Some(taken) = sides.start.taken() else { return Ok(()) };
    let choice = &taken.choice;
    let learned = taken.learned.iter().map(|visit| {
        let cohort = Some(&visit.cohort).filter(|cohort| *cohort != SINGLE);
        [&visit.participant, &visit.session].into_iter().chain(cohort).collect::<Vec<_>>()
    });
    let text = json!({
        "path": taken.path,
        "file": taken.file,
        "blake3": taken.blake3,
        "split": choice.split,
        "metric": choice.split.is_some().then_some(&choice.metric),
        "network": choice.network,
        "epoch": taken.epoch,
        "architecture": taken.architecture,
        "learned": learned.collect::<Vec<_>>(),
        "tensors": taken.transfer.lines,
    });
    maps.write(&format!("split-{}/transfer.json", sides.split.index), &format!("{text:#}\n"))
}

/// The cells of a row beside the session: its cohort, and its label where there is one.
pub(super) fn cells(prepared: &Prepared, cohort: &str, label: Label) -> Vec<String> {
    let label = match label {
        Label::Class(class) => prepared.classes.get(class).cloned(),
        Label::Number(number) => Some(number.to_string()),
        Label::None => None,
    };
    [cohort.to_owned()].into_iter().chain(label).collect()
}

/// The entries of the catalog that the run uses.
pub(super) fn entries(prepared: &Prepared, plan: &Plan, catalog: &Catalog) -> Result<Vec<Used>> {
    let train = &prepared.config.train;
    let mut used = Gathered::new(catalog);
    used.architecture(&plan.spec.architecture);
    used.layers(plan);
    if prepared.source.parts.mode() != "image" && prepared.config.task != Task::Reconstruction {
        used.vote(train.text("vote")?);
    }
    used.loss(prepared.config.loss()?);
    used.transforms(prepared.augmentation.iter().map(|(entry, _)| entry.info.name.as_str()));
    Ok(used.with_metrics(prepared.config.task))
}

/// The options as they were resolved, defaults included. Where tables and images lie is told so that
/// it is found from every working folder.
///
/// # Errors
/// A working folder that is gone.
pub(super) fn configuration(prepared: &Prepared) -> Result<Value> {
    let config = &prepared.config;
    let (mut train, mut data) = (config.train.values().clone(), config.data.values().clone());
    let place = |path: &str| -> Result<Value> { Ok(json!(files::absolute(Path::new(path))?)) };
    train.insert("splits".into(), place(config.train.text("splits")?)?);
    data.insert("caps".into(), place(config.data.text("caps")?)?);
    train.insert("data".into(), Value::Object(data));
    Ok(Value::Object(train))
}
