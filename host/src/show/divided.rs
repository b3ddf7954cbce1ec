//! Who is on which side of a split.

use std::collections::BTreeSet;
use std::path::Path;

use neurhai_core::tsv::{Group, Summary};

use super::columns;

/// A line for each side: participants, sessions, strata, and how alike the two are.
pub fn divided(summaries: &[Summary], attempt: usize, output: &Path) -> String {
    let sides = || summaries.iter().flat_map(|summary| [&summary.train, &summary.subset]);
    let strata: BTreeSet<&str> =
        sides().flat_map(|side| side.strata.keys()).map(String::as_str).collect();
    let strata: Vec<&str> = strata.into_iter().filter(|stratum| !stratum.is_empty()).collect();
    let compared = summaries.iter().map(|summary| &summary.alike).max_by_key(|alike| alike.len());
    let compared = compared.into_iter().flatten();
    let mut head: Vec<String> = ["", "participants", "sessions"].map(String::from).to_vec();
    head.extend(strata.iter().map(|stratum| (*stratum).to_owned()));
    head.extend(compared.map(|alike| format!("p of {} ({})", alike.column, alike.test.name())));
    let mut rows = vec![head];
    for summary in summaries {
        let line = |group: &Group| {
            let mut line = vec![
                group.name.clone(),
                group.participants.to_string(),
                group.sessions.to_string(),
            ];
            let count = |stratum: &&str| group.strata.get(*stratum).copied().unwrap_or(0);
            line.extend(strata.iter().map(|stratum| count(stratum).to_string()));
            line
        };
        rows.push(line(&summary.train));
        let mut subset = line(&summary.subset);
        subset.extend(summary.alike.iter().map(|alike| format!("{:.3}", alike.p)));
        rows.push(subset);
    }
    let draws = match attempt {
        0 => String::new(),
        more => format!(", by draw {} of those that were tried", more + 1),
    };
    format!("{}written to {}{draws}", columns(&rows, 1), output.display())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neurhai_core::tsv::{Alike, Test};

    use super::*;

    #[test]
    fn sides_stand_one_under_the_other() {
        let group = |name: &str, n| Group {
            name: name.into(),
            participants: 2 * n,
            sessions: 3 * n,
            strata: BTreeMap::from([("AD".into(), n), ("CN".into(), n)]),
        };
        let alike = vec![Alike { column: "age".into(), test: Test::Means, p: 0.91234 }];
        let summary = Summary { train: group("train", 16), subset: group("test", 4), alike };
        let expected = "       participants  sessions  AD  CN  p of age (means)
train            32        48  16  16
test              8        12   4   4             0.912
written to split, by draw 3 of those that were tried";
        assert_eq!(divided(&[summary], 2, Path::new("split")), expected);
    }
}
