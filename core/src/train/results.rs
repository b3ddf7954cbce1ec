//! What models say about groups, written into the experiment folder.

use std::collections::BTreeSet;
use std::path::Path;

use super::cohorts;
use super::config::Config;
use super::evaluate::Evaluation;
use super::image_level::Election;
use super::outcome::{CohortScores, GroupResult, LevelScores, MetricScore};
use super::prepare::Prepared;
use super::session::Session;
use crate::data::cohorts::Cohorts;
use crate::data::loader::Source;
use crate::data::participants::Person;
use crate::error::Result;
use crate::files::write_atomic;
use crate::maps::{
    Maps, Sheet, write_cohorts, write_fitted, write_group, write_networks, write_weights,
};
use crate::records::remove_hashes;
use crate::task::Task;

/// What is needed to write what models say about the images of a source.
pub(crate) struct Results<'a> {
    pub(crate) config: &'a Config,
    pub(crate) source: &'a Source,
    pub(crate) cohorts: &'a Cohorts,
    pub(crate) session: &'a Session<'a>,
}

impl Results<'_> {
    /// Writes the predictions of a group at a level into `folder` and, where it is known what is true,
    /// their metrics, also those of each cohort.
    ///
    /// # Errors
    /// What the metrics and the disk say.
    pub(crate) fn level(
        &self,
        folder: &Path,
        (group, level): (&str, &str),
        evaluation: &Evaluation,
    ) -> Result<LevelScores> {
        let (source, catalog) = (self.source, self.session.catalog);
        let labelled = evaluation.labelled();
        let scores = match labelled {
            true => evaluation.scores_with_intervals(self.session, self.config.seed)?,
            false => Vec::new(),
        };
        let sheet = Sheet { group, level, evaluation, scores: labelled.then_some(&scores) };
        write_group(folder, &sheet, &source.images, source.parts.as_ref(), catalog)?;
        let cohorts = match labelled {
            true => cohorts::scores(self.cohorts, &source.images, evaluation, catalog)?,
            false => Vec::new(),
        };
        if !cohorts.is_empty() {
            let file = format!("{group}_{level}_level_metrics_per_cohort.tsv");
            write_cohorts(&folder.join(file), &cohorts)?;
        }
        Ok(LevelScores {
            scores: scores.iter().map(MetricScore::from).collect(),
            cohorts: (cohorts.into_iter())
                .map(|(cohort, images, scores)| CohortScores {
                    cohort: cohort.to_owned(),
                    images,
                    scores: scores.iter().map(MetricScore::from).collect(),
                })
                .collect(),
        })
    }

    /// Writes the metrics of each network, where there are several and it is known what is true.
    ///
    /// # Errors
    /// What the metrics and the disk say.
    pub(crate) fn networks(
        &self,
        folder: &Path,
        group: &str,
        evaluation: &Evaluation,
    ) -> Result<()> {
        if !self.config.multi_network || !evaluation.labelled() {
            return Ok(());
        }
        let parts = &self.source.parts;
        let of_part = |part| evaluation.of_part(part).scores(self.session.catalog);
        let scores = (0..parts.count()).map(of_part).collect::<Result<Vec<_>>>()?;
        let file = format!("{group}_{}_level_metrics_per_network.tsv", parts.mode());
        write_networks(&folder.join(file), &scores)
    }

    /// Writes what the group is that `evaluation` is of, in words; first, by whom it is predicted where
    /// that is `more` than one model.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn description(
        &self,
        folder: &Path,
        group: &str,
        evaluation: &Evaluation,
        more: &str,
    ) -> Result<()> {
        let images = evaluation.rows.iter().map(|row| row.sample.image);
        let images: BTreeSet<usize> = images.collect();
        let people = images.iter().map(|image| self.source.images.session(*image).person());
        let participants: BTreeSet<Person> = people.collect();
        let text = format!(
            "Prediction {group} group{more}\nData loaded from CAPS directories: {}\n\
             Number of participants: {}\nNumber of sessions: {}\n",
            self.cohorts.describe()?,
            participants.len(),
            images.len()
        );
        write_atomic(&folder.join("description.log"), |out| out.write_all(text.as_bytes()))
    }

    /// Whether an image has several parts, or one that is not all of it, which vote on it.
    pub(crate) fn votes(&self) -> bool {
        self.source.parts.mode() != "image" && self.config.task != Task::Reconstruction
    }
}

/// Writes predictions and metrics of groups by the best model of a metric, part by part and, where
/// an image has several parts, for the image.
pub(super) fn write_results(
    prepared: &Prepared,
    maps: &Maps,
    split: usize,
    metric: &str,
    groups: &[(&str, &Evaluation); 2],
    session: &Session<'_>,
) -> Result<Vec<GroupResult>> {
    let Prepared { config, source, cohorts, .. } = prepared;
    let written = Results { config, source, cohorts, session };
    let (parts, best) = (source.parts.as_ref(), maps.best(split, metric));
    let mut results = Vec::new();
    let mut keep = |group: &str, level: &str, evaluation: &Evaluation| -> Result<()> {
        let scores = written.level(&best.join(group), (group, level), evaluation)?;
        results.push(scores.result(split, metric, group, level));
        Ok(())
    };
    for (group, evaluation) in groups {
        // Of tables that a prediction wrote in place of those that were gone.
        remove_hashes(&best.join(group))?;
        keep(group, parts.mode(), evaluation)?;
        written.networks(&best.join(group), group, evaluation)?;
    }
    if written.votes() {
        let election = Election::of(config, groups[1].1, source, session.catalog)?;
        write_weights(&best.join("vote_weights.tsv"), &election.parts, parts)?;
        if election.fits() {
            write_fitted(&best.join("vote_fitted.tsv"), &election.fitted)?;
        }
        for (group, evaluation) in groups {
            keep(group, "image", &election.take(evaluation, source)?)?;
        }
    }
    for (group, evaluation) in groups {
        written.description(&best.join(group), group, evaluation, "")?;
    }
    Ok(results)
}
