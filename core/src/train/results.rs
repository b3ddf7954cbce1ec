//! What a split's best models say, written into the experiment folder.

use std::collections::BTreeSet;

use super::cohorts;
use super::evaluate::Evaluation;
use super::image_level::Election;
use super::outcome::{CohortScores, GroupResult, MetricScore};
use super::prepare::Prepared;
use super::session::Session;
use crate::data::participants::Person;
use crate::error::Result;
use crate::maps::{
    Maps, Sheet, write_cohorts, write_fitted, write_group, write_networks, write_weights,
};
use crate::task::Task;

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
    let (config, catalog, source) = (&prepared.config, session.catalog, &prepared.source);
    let (parts, mode) = (source.parts.as_ref(), source.parts.mode());
    let mut results = Vec::new();
    let mut keep = |group: &str, level: &str, evaluation: &Evaluation| -> Result<()> {
        let scores = evaluation.scores_with_intervals(session, config.seed)?;
        let folder = maps.best(split, metric).join(group);
        let sheet = Sheet { group, level, evaluation, scores: &scores };
        write_group(&folder, &sheet, &source.images, parts, catalog)?;
        let cohorts = cohorts::scores(prepared, evaluation, catalog)?;
        if !cohorts.is_empty() {
            let file = format!("{group}_{level}_level_metrics_per_cohort.tsv");
            write_cohorts(&folder.join(file), &cohorts)?;
        }
        results.push(GroupResult {
            split,
            selection_metric: metric.into(),
            group: group.into(),
            level: level.into(),
            scores: scores.iter().map(MetricScore::from).collect(),
            cohorts: (cohorts.into_iter())
                .map(|(cohort, images, scores)| CohortScores {
                    cohort: cohort.to_owned(),
                    images,
                    scores: scores.iter().map(MetricScore::from).collect(),
                })
                .collect(),
        });
        Ok(())
    };
    for (group, evaluation) in groups {
        keep(group, mode, evaluation)?;
    }
    if config.multi_network {
        for (group, evaluation) in groups {
            let of_part = |part| evaluation.of_part(part).scores(catalog);
            let scores = (0..parts.count()).map(of_part).collect::<Result<Vec<_>>>()?;
            let file = format!("{group}/{group}_{mode}_level_metrics_per_network.tsv");
            write_networks(&maps.best(split, metric).join(file), &scores)?;
        }
    }
    if mode != "image" && config.task != Task::Reconstruction {
        let election = Election::of(config, groups[1].1, source, catalog)?;
        let best = maps.best(split, metric);
        write_weights(&best.join("vote_weights.tsv"), &election.parts, parts)?;
        if election.fits() {
            write_fitted(&best.join("vote_fitted.tsv"), &election.fitted)?;
        }
        for (group, evaluation) in groups {
            keep(group, "image", &election.take(evaluation, source)?)?;
        }
    }
    for (group, evaluation) in groups {
        let images = evaluation.rows.iter().map(|row| row.sample.image);
        let images: BTreeSet<usize> = images.collect();
        let people = images.iter().map(|image| source.images.session(*image).person());
        let participants: BTreeSet<Person> = people.collect();
        let file = format!("split-{split}/best-{metric}/{group}/description.log");
        maps.write(
            &file,
            &format!(
                "Prediction {group} group\nData loaded from CAPS directories: {}\n\
                 Number of participants: {}\nNumber of sessions: {}\n",
                prepared.cohorts.describe(),
                participants.len(),
                images.len()
            ),
        )?;
    }
    Ok(results)
}
