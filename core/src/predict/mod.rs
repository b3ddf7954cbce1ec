//! What trained networks say about images: predictions for groups of people, new ones or those of
//! training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Code, Error, Place, Result};
use crate::experiment::Experiment;
use crate::maps::Maps;
use crate::task::Task;
use crate::train::{Event, GroupResult, Outcome, Session};

mod election;
mod ensemble;
mod group;
mod images;
mod leak;
mod members;
mod opened;
mod options;
mod places;
mod save;
mod stale;
mod swap;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use election::{check_finished, election};
pub use ensemble::Ensemble;
pub(crate) use group::{DataGroup, Standing, TRAINING};
pub(crate) use members::{check_name, standing};
pub(crate) use opened::Opened;
pub(crate) use options::Asked;
pub use options::options;
pub(crate) use places::of_others;
pub use stale::stale;
pub(crate) use swap::{Staged, finish};

use ensemble::Together;
use places::Places;
use work::{Said, Work};

/// What was predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Predicted {
    /// The experiment folder.
    pub maps: PathBuf,
    /// The group.
    pub group: String,
    /// What the networks learned.
    pub task: Task,
    /// The classes, by their code.
    pub classes: Vec<String>,
    /// The column that says what is true; none where that is not known.
    pub label: Option<String>,
    /// The scores of every split, best model and level, in that order; none where it is not known
    /// what is true.
    pub results: Vec<GroupResult>,
    /// What all splits say together.
    pub ensemble: Vec<Ensemble>,
    /// Why they do not, where they do not.
    pub no_ensemble: Option<String>,
    /// The folders that were written, within the experiment folder.
    pub written: Vec<PathBuf>,
}

impl Predicted {
    /// The scores as those of a run.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            maps: self.maps.clone(),
            task: self.task,
            classes: self.classes.clone(),
            results: self.results.clone(),
        }
    }
}

/// Asks the best networks of an experiment about a group of people, and writes what they say into the
/// experiment folder, in the tables that training writes: `split-<k>/best-<metric>/<group>/`, what the
/// splits say together in `ensemble/best-<metric>/<group>/`, who is in the group in `groups/<group>/`.
/// `models.tsv` beside the tables has the hashes of the weights that made them: see [`stale`].
///
/// A group that the experiment does not have yet needs the option `participants`. `train` and
/// `validation` are those of training; their tables stay as training wrote them. All other results are
/// made beside the experiment's and put into their place at the end, so that there are the old ones or
/// the new ones, whatever happens meanwhile.
///
/// Parts of an image vote with the weights that they had in training. Over splits the mean of the
/// probabilities, or of the predicted numbers, is taken, unless a network has learned from somebody in
/// the group: it would judge its own lessons. It takes every split that training was asked for,
/// finished.
///
/// # Errors
/// What is wrong with the options, the folder, the tables and the images, before anything is
/// predicted; [`Code::Leakage`]; [`Code::GroupInUse`]; [`Code::Interrupted`], where nothing is changed.
pub fn predict(
    maps: &Path,
    group: &str,
    options: &Map<String, Value>,
    session: &Session<'_>,
) -> Result<Predicted> {
    let asked = Asked::read(options)?;
    check_name(group)?;
    // A folder that is no experiment is not written to, not even a lock.
    Experiment::open(maps)?;
    let folder = Maps::reopen(maps)?;
    let _threads = asked.threads.map(Threads::set);
    let mut opened = Opened::open(maps, &asked.device, session)?;
    if let Some(threads) = asked.threads {
        opened.set_threads(threads);
    }
    opened.batch_size = asked.batch_size.unwrap_or(opened.batch_size);
    check_saved(&opened, &asked)?;
    let chosen = opened.chosen(asked.splits.as_deref(), asked.metrics.as_deref())?;
    let mut splits: Vec<usize> = chosen.iter().map(|(split, _)| *split).collect();
    splits.dedup();
    check_finished(&opened, &splits)?;
    for split in splits.iter().filter(|split| folder.split(**split).join("tmp").is_dir()) {
        let text = format!("split {split} is not finished: its best networks so far are asked");
        session.tell(Event::Warning { text });
    }
    for (split, metric) in &chosen {
        opened.models(*split, metric)?;
    }
    let standing = standing(&opened, group, &asked.group)?;
    let places = Places::find(&opened, (group, standing), &asked, &chosen)?;
    let group = DataGroup::open(&opened, group, &asked.group, &splits, session)?;
    let work = Work { opened: &opened, group: &group, asked: &asked, session };
    let elections = work.elections(&chosen, &places.targets)?;
    let together = Together::of(&opened, &group, &chosen, &places.targets)?;
    if !places.old.is_empty() {
        let paths = places.shown(maps)?;
        session.tell(Event::Replacing { paths });
    }
    let mut staged = Staged::new(&folder)?;
    let mut done = Predicted {
        maps: maps.into(),
        group: group.name.clone(),
        task: opened.config.task,
        classes: opened.classes.clone(),
        label: group.label.clone(),
        results: Vec::new(),
        ensemble: Vec::new(),
        no_ensemble: together.why_not,
        written: Vec::new(),
    };
    let mut said: BTreeMap<&str, Vec<(usize, Said)>> = BTreeMap::new();
    for (((split, metric), target), election) in chosen.iter().zip(&places.targets).zip(&elections)
    {
        let target = (target, election.as_ref());
        let found = work.model((*split, metric), target, &mut staged, &mut done)?;
        said.entry(metric).or_default().push((*split, found));
    }
    for (metric, said) in said.iter().filter(|(metric, _)| together.metrics.contains(**metric)) {
        work.ensemble(metric, said, &mut staged, &mut done)?;
    }
    if group.standing == Standing::New {
        let place = Path::new("groups").join(&group.name);
        group.write(&staged.folder(&place)?)?;
        done.written.push(place);
    }
    if session.stopped() {
        return Err(Error::new(Code::Interrupted, "stopped before the results were put in place"));
    }
    staged.commit(places.old)?;
    Ok(done)
}

/// Checks what can be checked of a prediction before there is an experiment: the options by themselves,
/// and the group's name.
///
/// # Errors
/// What is wrong with them.
pub fn check(group: &str, options: &Map<String, Value>) -> Result<()> {
    Asked::read(options)?;
    check_name(group)
}

/// What is asked for must be something that the networks give.
fn check_saved(opened: &Opened, asked: &Asked) -> Result<()> {
    let refuse = |option: &str, message: &str, help: &str| {
        let error = Error::new(Code::BadOption, message).at(Place::Option(option.into()));
        Err(error.help(help))
    };
    let task = opened.config.task;
    if asked.saved.nifti && task != Task::Reconstruction {
        let message = format!("a {task} gives no image");
        return refuse(
            "save_nifti",
            &message,
            "save_tensors writes what the networks see and give",
        );
    }
    if asked.saved.latent && !opened.encodes {
        let message = "the network has one part, and no variational layer: it has no codes";
        return refuse("save_latent", message, "save_tensors writes what it gives");
    }
    Ok(())
}

/// So many threads compute, as long as it lives.
pub(crate) struct Threads(i32);

impl Threads {
    pub(crate) fn set(threads: i32) -> Self {
        let before = tch::get_num_threads();
        tch::set_num_threads(threads);
        Self(before)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        tch::set_num_threads(self.0);
    }
}
