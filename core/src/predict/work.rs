//! Networks asked about a group, and what they say written down.

use super::election::election;
use super::ensemble::mean;
use super::group::{DataGroup, Standing};
use super::opened::Opened;
use super::options::Asked;
use super::places::{self, Target};
use super::save::Saver;
use super::stale::{Maker, makers, write_makers};
use super::swap::Staged;
use super::{Ensemble, Predicted};
use crate::error::Result;
use crate::maps::make_folder;
use crate::train::evaluate::{Evaluation, Keep};
use crate::train::image_level::Election;
use crate::train::results::Results;
use crate::train::{Event, Session};

/// What the best models of a split say.
#[derive(Default)]
pub(super) struct Said {
    /// At each level (`patch`, `image`, …); none where the tables that are there stay.
    pub(super) levels: Vec<(String, Evaluation)>,
    pub(super) makers: Vec<Maker>,
}

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
        (split, metric): (usize, &str),
        (target, election): (&Target, Option<&Election>),
        staged: &mut Staged<'_>,
        done: &mut Predicted,
    ) -> Result<Said> {
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
        let makers = makers(&opened.root, &models)?;
        match &tables {
            Some(tables) if group.standing != Standing::Training => write_makers(tables, &makers)?,
            // What training wrote it writes again when it goes on, but not what is saved here.
            _ => saver.folders().try_for_each(|folder| write_makers(folder, &makers))?,
        }
        let found = opened.judge(&models, &evaluator, group.members(split), name, keep)?;
        let Some(tables) = tables else {
            let folders = saved.folders().into_iter().map(|what| target.folder.join(what));
            done.written.extend(folders);
            return Ok(Said::default());
        };
        let results = self.results();
        let mut levels = vec![(source.parts.mode().to_owned(), found)];
        results.networks(&tables, name, &levels[0].1)?;
        if let Some(election) = election {
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
        Ok(Said { levels, makers })
    }

    /// How the parts of images vote, for each split and metric of `chosen` whose tables are written.
    ///
    /// # Errors
    /// As [`election()`](election).
    pub(super) fn elections(
        &self,
        chosen: &[(usize, String)],
        targets: &[Target],
    ) -> Result<Vec<Option<Election>>> {
        let (parts, catalog) = (self.group.source.parts.as_ref(), self.session.catalog);
        let votes = self.opened.votes()?;
        let one = |((split, metric), target): (&(usize, String), &Target)| {
            let wanted = votes && target.tables;
            wanted.then(|| election(self.opened, (*split, metric), parts, catalog)).transpose()
        };
        chosen.iter().zip(targets).map(one).collect()
    }

    /// Writes what all splits say together by a metric.
    ///
    /// # Errors
    /// What the metrics and the disk say.
    pub(super) fn ensemble(
        &self,
        metric: &str,
        splits: &[(usize, Said)],
        staged: &mut Staged<'_>,
        done: &mut Predicted,
    ) -> Result<()> {
        let (results, name) = (self.results(), self.group.name.as_str());
        let place = places::ensemble(metric, name);
        let folder = staged.folder(&place)?;
        let numbers: Vec<usize> = splits.iter().map(|(split, _)| *split).collect();
        let list = numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let levels = splits.first().map_or(0, |(_, said)| said.levels.len());
        for level in 0..levels {
            let of_level: Vec<&(String, Evaluation)> =
                splits.iter().filter_map(|(_, said)| said.levels.get(level)).collect();
            let Some((level, _)) = of_level.first() else { continue };
            let evaluations: Vec<&Evaluation> = of_level.iter().map(|(_, e)| e).collect();
            let Some(mean) = mean(&evaluations) else {
                let text = format!(
                    "the splits have networks of different parts: what they say together by {metric} \
                     is of whole images, not of each {level}"
                );
                self.session.tell(Event::Warning { text });
                continue;
            };
            let scores = results.level(&folder, (name, level), &mean)?;
            results.description(&folder, name, &mean, &format!(", mean of the splits {list}"))?;
            if mean.labelled() {
                done.ensemble.push(Ensemble {
                    splits: numbers.clone(),
                    selection_metric: metric.to_owned(),
                    level: level.clone(),
                    scores,
                });
            }
        }
        let makers: Vec<Maker> = splits.iter().flat_map(|(_, said)| said.makers.clone()).collect();
        write_makers(&folder, &makers)?;
        done.written.push(place);
        Ok(())
    }
}
