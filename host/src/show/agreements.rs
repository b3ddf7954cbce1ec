//! Predictions computed again, beside those in tables.

use neurhai_core::train::Agreement;

use super::{columns, grouped};

/// Differences up to this come from the order in which sums are taken.
const ROUNDING: f64 = 1e-4;

/// Whether a table says what its model says.
pub fn agrees(agreement: &Agreement) -> bool {
    agreement.difference <= ROUNDING
}

/// A line for each table.
pub fn agreements(agreements: &[Agreement]) -> String {
    let head = ["split", "best by", "group", "level", "rows", "largest difference", ""];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(agreements.iter().map(|one| {
        let verdict = match (agrees(one), one.changed) {
            (true, _) => "the same".to_owned(),
            (false, 0) => "DIFFERENT".to_owned(),
            (false, changed) => format!("DIFFERENT, {} decided otherwise", grouped(changed as u64)),
        };
        vec![
            one.split.to_string(),
            one.metric.clone(),
            one.group.clone(),
            format!("per {}", one.level),
            grouped(one.rows as u64),
            format!("{:.1e}", one.difference),
            verdict,
        ]
    }));
    let table = columns(&rows, 4);
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    format!("predictions computed again, and compared\n{}", table.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told() {
        let agreement = |group: &str, difference, changed| Agreement {
            split: 0,
            metric: "loss".into(),
            group: group.into(),
            level: "patch".into(),
            rows: 64,
            difference,
            changed,
        };
        let text = agreements(&[agreement("train", 2e-7, 0), agreement("validation", 0.25, 3)]);
        let same = text.lines().find(|line| line.contains("2.0e-7")).unwrap();
        assert!(same.ends_with("the same"), "{text}");
        assert!(text.contains("2.5e-1  DIFFERENT, 3 decided otherwise"), "{text}");
    }
}
