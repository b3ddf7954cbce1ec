//! What an interpretation found.

use neurhai_core::interpret::{Found, Interpreted};

use super::columns;

/// Where the maps are, and what says how far to trust them.
pub fn interpreted(done: &Interpreted) -> String {
    let Interpreted { group, name, method, target, results, .. } = done;
    let mut out = format!("{method} of {target}, group {group}\n");
    let mut rows = vec![vec!["split".to_owned(), "best by".to_owned(), "images".to_owned()]];
    if results.iter().any(|found| found.completeness.is_some()) {
        rows[0].push("largest gap".into());
    }
    if results.iter().any(|found| found.randomised.is_some()) {
        rows[0].push("like random weights".into());
    }
    rows.extend(results.iter().map(row));
    out += &columns(&rows, rows[0].len());
    out += &format!(
        "maps in {}/split-<k>/best-<metric>/{group}/interpret-{name}",
        done.maps.display()
    );
    out
}

fn row(found: &Found) -> Vec<String> {
    let mut row =
        vec![found.split.to_string(), found.selection_metric.clone(), found.images.to_string()];
    if let Some(completeness) = found.completeness {
        row.push(format!("{:.2e} of {:.3}", completeness.gap.abs(), completeness.difference));
    }
    if let Some(correlation) = found.randomised {
        row.push(format!("{correlation:.2}"));
    }
    row
}
