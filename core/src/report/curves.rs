//! Learning curves.

use std::path::Path;

use serde::Serialize;

use crate::data::table::Table;
use crate::error::Result;
use crate::files;
use crate::metric::Direction;
use crate::records::kept_epochs;
use crate::transfer::folder::Folder;

/// How one network of a split learned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// The split.
    pub split: usize,
    /// The network's number, where there is one for each part.
    pub network: Option<usize>,
    /// The loss, and the selection metrics.
    pub curves: Vec<Curve>,
    /// The last epoch, from 1.
    pub epochs: usize,
}

/// A metric over training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// The metric, or `loss`.
    pub metric: String,
    /// Epochs that are done at each evaluation; not whole within an epoch.
    pub epochs: Vec<f64>,
    /// On the training set; none where it was not evaluated.
    pub train: Vec<Option<f64>>,
    /// On the validation set.
    pub validation: Vec<Option<f64>>,
    /// At which evaluation the best model by this metric was kept, where one was and that is known.
    pub best: Option<usize>,
}

/// The curves of every network of every split, of the loss and the metrics that models were kept by;
/// `direction` says which values are better where the folder does not tell the epoch that was kept.
///
/// # Errors
/// Damaged tables.
pub(super) fn curves(
    folder: &Folder,
    metrics: &[String],
    direction: &dyn Fn(&str) -> Option<Direction>,
) -> Result<Vec<Curves>> {
    let mut found = Vec::new();
    for split in folder.splits()? {
        let logs = folder.split(split).join("training_logs");
        if !logs.is_dir() {
            continue;
        }
        let mut networks: Vec<Option<usize>> = files::entries(&logs)?
            .iter()
            .filter_map(|name| name.strip_prefix("network-")?.parse().ok().map(Some))
            .collect();
        networks.sort_unstable();
        if networks.is_empty() {
            networks.push(None);
        }
        for network in networks {
            let name = network.map_or_else(String::new, |number| format!("network-{number}"));
            let file = logs.join(name).join("training.tsv");
            if file.is_file() {
                let kept = kept_epochs(&folder.split(split), network)?;
                let (curves, epochs) = read(&file, metrics, &kept, direction)?;
                found.push(Curves { split, network, curves, epochs });
            }
        }
    }
    Ok(found)
}

fn read(
    file: &Path,
    metrics: &[String],
    kept: &[(String, usize)],
    direction: &dyn Fn(&str) -> Option<Direction>,
) -> Result<(Vec<Curve>, usize)> {
    let table = Table::read(file)?;
    let (epoch, iteration) = (table.column("epoch")?, table.find_column("iteration"));
    let number = |row, column| table.needed_number(row, column);
    let rows: Vec<(f64, f64)> = (0..table.len())
        .map(|row| Ok((number(row, epoch)?, iteration.map_or(Ok(0.0), |at| number(row, at))?)))
        .collect::<Result<_>>()?;
    // Within an epoch rows stand at the batches that were done; the most that any epoch has is all.
    let batches = rows.iter().map(|(_, batch)| *batch).fold(1.0, f64::max);
    let last_of_epoch = |at: usize| rows.get(at + 1).is_none_or(|next| next.0 != rows[at].0);
    let place = |at: usize| match last_of_epoch(at) {
        true => rows[at].0 + 1.0,
        false => rows[at].0 + (rows[at].1 / batches).min(1.0),
    };
    let named = std::iter::once("loss").chain(metrics.iter().map(String::as_str));
    let mut curves: Vec<Curve> = Vec::new();
    for metric in named {
        if curves.iter().any(|curve| curve.metric == metric) {
            continue;
        }
        let column = |set: &str| table.find_column(&format!("{metric}_{set}"));
        let Some(validation) = column("valid").or_else(|| column("validation")) else { continue };
        let all = |at: usize| (0..table.len()).map(|row| table.number(row, at)).collect();
        let validation: Vec<Option<f64>> = Result::<Vec<_>>::from(all(validation))?;
        let train = column("train").map(all).transpose()?;
        let known = train.iter().flatten().chain(&validation).any(Option::is_some);
        if !known {
            continue;
        }
        let ends = || (0..rows.len()).filter(|at| last_of_epoch(*at));
        let by_direction = |direction: Direction| {
            ends().fold(None, |best: Option<usize>, at| {
                let old = best.and_then(|best| validation[best]);
                let better = |value| old.is_none_or(|old| direction.is_better(value, old));
                if validation[at].is_some_and(better) { Some(at) } else { best }
            })
        };
        let best = match kept.iter().find(|(name, _)| name == metric) {
            Some((_, epoch)) => ends().find(|at| rows[*at].0 == *epoch as f64),
            None if kept.is_empty() => direction(metric).and_then(by_direction),
            None => None,
        };
        curves.push(Curve {
            metric: metric.to_owned(),
            epochs: (0..rows.len()).map(place).collect(),
            train: train.unwrap_or_else(|| vec![None; rows.len()]),
            validation,
            best: best.filter(|_| metrics.iter().any(|kept| kept == metric)),
        });
    }
    Ok((curves, rows.last().map_or(0, |(epoch, _)| *epoch as usize + 1)))
}
