//! The test of two experiments over the splits that both have.

use serde_json::Value;

use super::paired::PairTest;
use super::together::Runs;
use crate::data::participants::{Key, read_members};
use crate::data::table::Table;
use crate::error::Result;
use crate::report::Whose;
use crate::report::tables::{self, Found};
use crate::statistics::corrected_t;

/// The options that say which parts an image is cut into.
const CUT: [&str; 10] = [
    "mode",
    "patch_size",
    "stride_size",
    "slice_direction",
    "slice_mode",
    "discarded_slices",
    "roi_list",
    "uncropped_roi",
    "roi_custom_template",
    "roi_custom_mask_pattern",
];

/// The first level at which both are judged alike: that of images, or that of parts where both cut them
/// in the same way.
fn level(runs: &Runs<'_>, at: [usize; 2], found: [&Found; 2]) -> Result<Option<String>> {
    let others = found[1].levels()?;
    let cut = |name: &&str| -> [Option<&Value>; 2] { at.map(|run| runs.sources[run].data(name)) };
    let known = cut(&"mode")[0].is_some();
    let alike = known && CUT.iter().map(cut).all(|[a, b]| a == b);
    let fits = |level: &String| others.contains(level) && (level == "image" || alike);
    Ok(found[0].levels()?.into_iter().find(fits))
}

/// The corrected t test of the task's headline metric over the splits that both experiments have, with
/// the same people in them, at a level that both have.
///
/// # Errors
/// Damaged tables.
pub(super) fn over_splits(
    runs: &Runs<'_>,
    at: [usize; 2],
    whose: &Whose,
    splits: &[usize],
    notes: &mut Vec<String>,
) -> Result<Option<PairTest>> {
    let metric = runs.sources[at[0]].task.headline();
    let (mut values, mut shares) = (Vec::new(), Vec::new());
    let (mut other, mut apart) = (0, 0);
    for split in splits {
        let whose = Whose { split: Some(*split), ..whose.clone() };
        let [Some(in_a), Some(in_b)] = at.map(|run| runs.found(run, &whose)) else { continue };
        let Some(level) = level(runs, at, [in_a, in_b])? else {
            apart += 1;
            continue;
        };
        let value = |found: &Found| -> Result<Option<f64>> {
            let scores = tables::scores(&found.file(&level, "metrics"))?;
            Ok(scores.into_iter().find(|score| score.metric == metric).and_then(|s| s.value))
        };
        let (Some(a), Some(b)) = (value(in_a)?, value(in_b)?) else { continue };
        let members = |run: usize, group: &str| -> Result<Vec<Key>> {
            let file = runs.sources[run].folder.group(group, *split);
            if !file.is_file() {
                return Ok(Vec::new());
            }
            let mut keys: Vec<Key> =
                read_members(&Table::read(&file)?)?.iter().map(|one| one.key()).collect();
            keys.sort_unstable();
            Ok(keys)
        };
        let validation = members(at[0], "validation")?;
        if validation.is_empty() || validation != members(at[1], "validation")? {
            other += 1;
            continue;
        }
        values.push((a, b));
        shares.push(validation.len() as f64 / members(at[0], "train")?.len() as f64);
    }
    let both = runs.names(at);
    if other > 0 && splits.len() > 1 {
        notes.push(format!(
            "{both}: {other} splits have other people in validation, and are not compared"
        ));
    }
    if apart > 0 && splits.len() > 1 {
        notes.push(format!(
            "{both}: {apart} splits have no scores of the same parts of images, and are not compared"
        ));
    }
    let differences: Vec<f64> = values.iter().map(|(a, b)| a - b).collect();
    let k = values.len() as f64;
    let Some(found) = corrected_t(&differences, shares.iter().sum::<f64>() / k) else {
        return Ok(None);
    };
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / k;
    let found = found.difference;
    Ok(Some(PairTest {
        a: at[0],
        b: at[1],
        metric: metric.to_owned(),
        test: "corrected t",
        n: values.len(),
        people: None,
        values: (mean(&|pair| pair.0), mean(&|pair| pair.1)),
        difference: found.difference,
        interval: found.interval,
        p: found.p,
        p_holm: found.p,
    }))
}
