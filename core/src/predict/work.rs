//! Networks asked about a group, and what they say written down.

use std::collections::BTreeMap;

use super::election::election;
use super::ensemble::mean;
use super::group::{DataGroup, Standing};
use super::opened::Opened;
use super::options::Asked;
use super::places::{self, Target};
use super::save::Saver;
use super::swap::Staged;
use super::{Ensemble, Predicted};
use crate::error::Result;
use crate::maps::make_folder;
use crate::task::Task;
use crate::train::evaluate::{Evaluation, Keep};
use crate::train::results::Results;
use crate::train::{Event, Session};

/// The evaluations of a level (`patch`, `image`, …).
pub(super) type Levels = Vec<(String, Evaluation)>;

/// What is needed to ask networks about a group.
pub(super) struct Work<'a> {
    pub(super) opened: &'a Opened,
    pub(super) group: &'a DataGroup,
    pub(super) asked: &'a Asked,
    pub(super) session: &'a Session<'a>,
}

impl Work<'_> {
    fn results(&self) -> Results<'_> {
        Results {
            config: &self.opened.config,
            source: &self.group.source,
            cohorts: &self.group.cohorts,
            session: self.session,
        }
    }

    /// Asks the best models of a split by a metric, and writes what they say.
    ///
    /// # Errors
    /// What the networks, the images, the metrics and the disk say.
    pub(super) fn model(
        &self,
        split: usize,
        metric: &str,
        target: &Target,
        staged: &mut Staged<'_>,
        done: &mut Predicted,
    ) -> Result<Levels> {
        let Self { opened, group, session, .. } = *self;
        let (name, source) = (group.name.as_str(), &group.source);
        session.tell(Event::Predicting { split, selection_metric: metric.into() });
        let tables = match target.tables {
            true => Some(staged.folder(&target.folder)?),
            false => None,
        };
        let saved = self.asked.saved;
        let mut saver = Saver { source, tensors: None, nifti: None, latent: None };
        for what in saved.folders() {
            let folder = match &tables {
                // What lies in a folder comes along with it.
                Some(tables) => {
                    make_folder(&tables.join(what))?;
                    tables.join(what)
                }
                None => staged.folder(&target.folder.join(what))?,
            };
            match what {
                "tensors" => saver.tensors = Some(folder),
                "nifti_images" => saver.nifti = Some(folder),
                _ => saver.latent = Some(folder),
            }
        }
        let objective = opened.objective(split)?;
        let evaluator = opened.evaluator(&objective, source, session);
        let keep = |batch: &_, _: &_, pass: &_| saver.keep(batch, pass);
        let keep: Option<&Keep<'_>> = if saved.any() { Some(&keep) } else { None };
        let models = opened.models(split, metric)?;
        let found = opened.judge(&models, &evaluator, group.members(split), name, keep)?;
        let Some(tables) = tables else {
            let folders = saved.folders().into_iter().map(|what| target.folder.join(what));
            done.written.extend(folders);
            return Ok(Vec::new());
        };
        let results = self.results();
        let mut levels = vec![(source.parts.mode().to_owned(), found)];
        results.networks(&tables, name, &levels[0].1)?;
        if results.votes() {
            let parts = source.parts.as_ref();
            let election = election(opened, (split, metric), parts, session.catalog)?;
            levels.push(("image".into(), election.take(&levels[0].1, source)?));
        }
        for (level, evaluation) in &levels {
            let scores = results.level(&tables, (name, level), evaluation)?;
            if evaluation.labelled() {
                done.results.push(scores.result(split, metric, name, level));
            }
        }
        results.description(&tables, name, &levels[0].1, "")?;
        done.written.push(target.folder.clone());
        Ok(levels)
    }

    /// Why the splits say nothing together, where that is so.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn alone(
        &self,
        together: &BTreeMap<&str, Vec<(usize, Levels)>>,
    ) -> Result<Option<String>> {
        let Self { opened, group, .. } = *self;
        let all = opened.folder.splits()?;
        let leaked = group.leaked.len();
        Ok(if all.len() < 2 {
            Some("the experiment has one split".into())
        } else if group.standing == Standing::Training {
            Some("the splits' networks learned from each other's groups".into())
        } else if leaked > 0 {
            Some(format!("networks have seen {leaked} participants of the group in training"))
        } else if opened.config.task == Task::Reconstruction {
            Some("the tables of a reconstruction hold no predictions to take the mean of".into())
        } else if together.values().flatten().any(|(_, levels)| levels.is_empty()) {
            Some("tables that were there already stay as they are".into())
        } else if together.values().all(|splits| splits.len() < all.len()) {
            Some(format!("it takes all {} splits at once", all.len()))
        } else {
            None
        })
    }

    /// Writes what all splits say together, by each metric.
    ///
    /// # Errors
    /// What the metrics and the disk say.
    pub(super) fn ensemble(
        &self,
        together: &BTreeMap<&str, Vec<(usize, Levels)>>,
        staged: &mut Staged<'_>,
        done: &mut Predicted,
    ) -> Result<()> {
        let (results, name) = (self.results(), self.group.name.as_str());
        let all = self.opened.folder.splits()?.len();
        for (metric, splits) in together.iter().filter(|(_, splits)| splits.len() == all) {
            let place = places::ensemble(metric, name);
            let folder = staged.folder(&place)?;
            let numbers: Vec<usize> = splits.iter().map(|(split, _)| *split).collect();
            let levels = splits.first().map_or(0, |(_, levels)| levels.len());
            for level in 0..levels {
                let of_level: Vec<&(String, Evaluation)> =
                    splits.iter().filter_map(|(_, levels)| levels.get(level)).collect();
                let Some((level, _)) = of_level.first() else { continue };
                let evaluations: Vec<&Evaluation> = of_level.iter().map(|(_, e)| e).collect();
                let mean = mean(&evaluations)?;
                let scores = results.level(&folder, (name, level), &mean)?;
                let list = numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
                let more = format!(", mean of the splits {list}");
                results.description(&folder, name, &mean, &more)?;
                if mean.labelled() {
                    done.ensemble.push(Ensemble {
                        splits: numbers.clone(),
                        selection_metric: (*metric).to_owned(),
                        level: level.clone(),
                        scores,
                    });
                }
            }
            done.written.push(place);
        }
        Ok(())
    }
}
