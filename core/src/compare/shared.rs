//! Which images two experiments both predicted, and what each said of them.

use std::collections::{BTreeMap, BTreeSet};

use super::together::Runs;
use crate::data::participants::Key;
use crate::error::Result;
use crate::import::Prediction;
use crate::report::Whose;
use crate::report::tables;

/// A group by the best models of a metric, and from where its predictions are taken.
pub(super) struct Shared {
    /// Whose results they are; the split counts for nothing.
    pub(super) whose: Whose,
    pub(super) places: Vec<Place>,
}

/// From where predictions are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// From all splits, in which every image was predicted once.
    Splits(Vec<usize>),
    /// From the ensemble.
    Ensemble,
}

/// The groups that two or more experiments have, each by the models of a metric. Where every image is in
/// one split, as in validation of a k-fold division, all splits are taken together; otherwise each is for
/// itself.
pub(super) fn shared(runs: &Runs<'_>) -> Vec<Shared> {
    let mut kinds: BTreeMap<(String, String), Vec<BTreeSet<Option<usize>>>> = BTreeMap::new();
    for (run, groups) in runs.groups.iter().enumerate() {
        for found in groups.iter().filter(|found| found.whose.group != "train") {
            let kind = (found.whose.group.clone(), found.whose.selection_metric.clone());
            let splits =
                kinds.entry(kind).or_insert_with(|| vec![BTreeSet::new(); runs.groups.len()]);
            splits[run].insert(found.whose.split);
        }
    }
    let mut all = Vec::new();
    for ((group, selection_metric), of_runs) in kinds {
        let counted = of_runs.iter().filter(|splits| !splits.is_empty()).count();
        if counted < 2 {
            continue;
        }
        let splits: BTreeSet<usize> = of_runs.iter().flatten().copied().flatten().collect();
        let mut places = match group.as_str() {
            "validation" => vec![Place::Splits(splits.into_iter().collect())],
            _ => splits.into_iter().map(|split| Place::Splits(vec![split])).collect(),
        };
        if of_runs.iter().filter(|splits| splits.contains(&None)).count() > 1 {
            places.insert(0, Place::Ensemble);
        }
        all.push(Shared { whose: Whose { split: None, selection_metric, group }, places });
    }
    all
}

/// What a run predicted of each image; for reconstructions the metrics, whose names come with it.
pub(super) struct Predicted {
    /// With the split whose network predicted; none for an ensemble.
    pub(super) rows: BTreeMap<Key, (Option<usize>, Prediction)>,
    pub(super) names: Vec<String>,
    /// Whether an image was predicted in several splits, of which the first counts.
    pub(super) repeated: bool,
}

/// The predictions of a run at image level; nothing where it has none.
///
/// # Errors
/// Damaged tables.
pub(super) fn predicted(
    runs: &Runs<'_>,
    run: usize,
    whose: &Whose,
    place: &Place,
) -> Result<Option<Predicted>> {
    let splits: Vec<Option<usize>> = match place {
        Place::Splits(splits) => splits.iter().copied().map(Some).collect(),
        Place::Ensemble => vec![None],
    };
    let (mut rows, mut names, mut repeated) = (BTreeMap::new(), Vec::new(), false);
    for split in splits {
        let Some(found) = runs.found(run, &Whose { split, ..whose.clone() }) else { continue };
        let (task, classes) = (runs.sources[run].task, &runs.sources[run].classes);
        let Some((of_split, known)) =
            tables::predictions(&found.file("image", "prediction"), task, classes)?
        else {
            continue;
        };
        names = known;
        for row in of_split {
            let key = tables::key(&row);
            repeated |= rows.contains_key(&key);
            rows.entry(key).or_insert((split, row));
        }
    }
    Ok((!rows.is_empty()).then_some(Predicted { rows, names, repeated }))
}
